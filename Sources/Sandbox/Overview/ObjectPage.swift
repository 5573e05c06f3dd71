import HTTP
import JSON

/// The page of one object: all that the API would say of it, with links to the objects that it names.
struct ObjectPage {
    let account: Account
    let id: String

    static let path = "/sandbox/objects/"

    var response: HTTPResponse {
        guard let kind = account.kind(ofID: id), let object = account.store.object(kind, id) else {
            return page(404, "No such object", "<p>Nothing here has the id <code>\(HTMLPage.escaped(id))</code>.</p>")
        }
        let lines = JSONValue.object(account.render(kind, object)).prettyText.split(separator: "\n").map(line)
        return page(200, id, "<pre>\(lines.joined(separator: "\n"))</pre>")
    }

    private func page(_ status: Int, _ title: String, _ body: String) -> HTTPResponse {
        HTMLPage.response(
            status, title: title, reach: .sandbox,
            """
            <div class="top"><h1>\(HTMLPage.escaped(title))</h1><p><a href="/">All of the sandbox</a></p></div>
            <section>\(body)</section>
            """)
    }

    /// A line of indented JSON holds one value: where that is the id of another object, it leads there.
    private func line(_ text: Substring) -> String {
        let parts = text.split(separator: "\"", omittingEmptySubsequences: false).map(String.init)
        guard parts.count >= 3, let last = parts.dropLast().last, last != id, let kind = account.kind(ofID: last),
            account.store.object(kind, last) != nil
        else { return HTMLPage.escaped(String(text)) }
        let link = "<a href=\"\(Self.path)\(HTMLPage.escaped(last))\">\(HTMLPage.escaped(last))</a>"
        let before = HTMLPage.escaped(parts.dropLast(2).joined(separator: "\""))
        return "\(before)&quot;\(link)&quot;\(HTMLPage.escaped(parts[parts.count - 1]))"
    }
}
