"""The SDK's HTTP client with an eye on everything that passes: which endpoints were called, what shape the answers have."""

import collections
import json
import os
import pathlib
import re
import urllib.parse

import stripe

import shapes

SHARED = pathlib.Path(os.environ.get("SANDBOX_SHARED", pathlib.Path(__file__).resolve().parents[4] / "shared")) / "stripe"

# Stripe's shapes; None where the reference material is not beside the project.
known_shapes = shapes.Shapes(SHARED) if SHARED.is_dir() else None

# What was found: each problem once, with the first call that showed it and how often it was seen.
problems = collections.Counter()
first_seen = {}

# The calls that were answered with success, and those that were refused for a reason, as (method, path).
answered, refused = set(), set()

# Endpoints that may refuse whatever the API can bring about: only a refund that waits for its owner can be canceled,
# customers are no longer given discounts nor cash, and it is for the bank to say which holds may grow.
MAY_REFUSE = {
    "POST /v1/refunds/{refund}/cancel", "DELETE /v1/customers/{customer}/discount",
    "POST /v1/payment_intents/{intent}/apply_customer_balance",
    "POST /v1/payment_intents/{intent}/increment_authorization",
}


def report(problem, where):
    problems[problem] += 1
    first_seen.setdefault(problem, where)


def look(method, url, status, headers, body, for_browsers):
    """Notes the call, and whatever is not as Stripe's in its answer."""
    path = urllib.parse.urlsplit(url).path
    where = f"{method} {path}"
    try:
        value = json.loads(body)
    except ValueError:
        return  # an ordered fault
    if not {name.lower() for name in headers} >= {"request-id", "stripe-version"}:
        report("an answer without Request-Id or Stripe-Version", where)
    if status == 200:
        answered.add((method, path))
    else:
        error = value.get("error")
        if not isinstance(error, dict) or error.get("type") not in shapes.ERROR_TYPES:
            report(f"status {status} without an error of Stripe's", where)
        elif not error.get("message", "").startswith("Unrecognized request URL"):
            refused.add((method, path))
    hold(value, where, for_browsers)


def hold(value, where, for_browsers=False):
    """Notes whatever is not shaped as Stripe's in a value."""
    if known_shapes:
        for problem in known_shapes.problems(value, for_browsers):
            report(problem, where)


def unreached():
    """The endpoints in scope that no call was answered by, where the list of them is beside the project."""
    if not known_shapes:
        return []
    table = json.loads((SHARED / "api.json").read_text())["endpoints"]
    missing = []
    for name, endpoint in table.items():
        pattern = re.compile(re.sub(r"\\{[^/]*\\}", "[^/]+", re.escape(endpoint["path"])))
        # A fixed word such as "search" is not an id.
        rivals = {other["path"] for other in table.values() if "{" not in other["path"]} - {endpoint["path"]}
        calls = answered | refused if name in MAY_REFUSE else answered
        paths = (path for method, path in calls if method == endpoint["method"] and path not in rivals)
        if endpoint["in_brief"] and not any(pattern.fullmatch(path) for path in paths):
            missing.append(name)
    return sorted(missing)


class Client(stripe.RequestsClient):
    def request(self, method, url, headers, post_data=None):
        body, status, fields = super().request(method, url, headers, post_data)
        look(method.upper(), url, status, fields, body, "pk_" in (headers or {}).get("Authorization", ""))
        return body, status, fields
