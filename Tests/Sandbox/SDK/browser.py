"""A browser without scripts: it opens the sandbox's pages, fills in their forms, and follows where they lead."""

import html.parser
import http.client
import urllib.parse

import support


class Page(html.parser.HTMLParser):
    """A page, read for its text, its forms, and their fields and buttons."""

    def __init__(self, url, method="GET", body=None):
        super().__init__()
        self.url, self.text = url, ""
        self.forms, self.button = [], None
        parts = urllib.parse.urlsplit(url)
        connection = http.client.HTTPConnection(parts.hostname, parts.port, timeout=30)
        headers = {"Content-Type": "application/x-www-form-urlencoded"} if body is not None else {}
        connection.request(method, urllib.parse.urlunsplit(("", "", parts.path, parts.query, "")), body, headers)
        answer = connection.getresponse()
        self.status, self.location = answer.status, answer.headers.get("Location")
        self.feed(answer.read().decode())
        connection.close()

    def handle_starttag(self, tag, attributes):
        given = dict(attributes)
        if tag == "form":
            self.forms.append({"action": given.get("action", self.url), "fields": {}, "buttons": {}})
        elif tag == "input" and self.forms and given.get("name"):
            self.forms[-1]["fields"][given["name"]] = given.get("value") or ""
        self.button = given if tag == "button" else None

    def handle_data(self, data):
        self.text += data
        if self.button is not None and self.forms and data.strip():
            self.forms[-1]["buttons"][data.strip()] = self.button

    def press(self, label=None, **fields):
        """Presses a button by its words (the only one, without), with fields filled in. Answers the page that comes, or the
        address of another server that the browser is sent to."""
        form = next(form for form in self.forms if label is None or label in form["buttons"])
        pressed = form["buttons"][label or next(iter(form["buttons"]))]
        values = {**form["fields"], **fields}
        unknown = fields.keys() - form["fields"].keys()
        assert not unknown, f"the form has no {unknown}"
        if pressed.get("name"):
            values[pressed["name"]] = pressed.get("value", "")
        page = Page(urllib.parse.urljoin(self.url, form["action"]), "POST", urllib.parse.urlencode(values))
        if page.location is None:
            return page
        target = urllib.parse.urljoin(page.url, page.location)
        return Page(target) if target.startswith(support.URL + "/") else target


def query(url):
    """The parameters of an address, each once."""
    return dict(urllib.parse.parse_qsl(urllib.parse.urlsplit(url).query))
