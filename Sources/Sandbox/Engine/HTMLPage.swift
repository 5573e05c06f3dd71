import HTTP

/// A plain page for people: what stands in it is escaped, and it is readable on a phone.
enum HTMLPage {
    static func response(_ status: Int = 200, title: String, _ body: String) -> HTTPResponse {
        let text = """
            <!doctype html>
            <html lang="en">
            <head>
            <meta charset="utf-8">
            <meta name="viewport" content="width=device-width, initial-scale=1">
            <title>\(escaped(title))</title>
            <style>\(style)</style>
            </head>
            <body>
            <main>
            \(body)
            <p class="note">This is the Dues sandbox. Nothing here is real money.</p>
            </main>
            </body>
            </html>

            """
        return HTTPResponse(status: status, headers: ["Content-Type": "text/html; charset=utf-8"], body: Array(text.utf8))
    }

    private static let style = """
        body { font: 16px/1.5 system-ui, sans-serif; color: #1f2937; background: #f3f4f6; margin: 0 }
        main { max-width: 26rem; margin: 2rem auto; padding: 1.5rem; background: #fff; border-radius: 8px }
        h1 { font-size: 1.25rem; margin-top: 0 }
        label { display: block; margin: .75rem 0 }
        section { border-top: 1px solid #d1d5db; margin-top: 1rem } h2 { font-size: 1rem }
        input, select { display: block; width: 100%; box-sizing: border-box; font: inherit; padding: .5rem; \
        border: 1px solid #6b7280; border-radius: 4px }
        button { font: inherit; padding: .6rem 1.2rem; margin: .75rem .5rem 0 0; border: 0; border-radius: 4px; \
        background: #1d4ed8; color: #fff }
        button.other { background: #4b5563 }
        table { width: 100%; border-collapse: collapse } td { padding: .25rem 0 } td + td { text-align: right }
        .row { display: flex; gap: .75rem } .row label { flex: 1 }
        .error { color: #b91c1c } .note { color: #4b5563; font-size: .875rem; margin-bottom: 0 }
        """

    static func escaped(_ text: String) -> String {
        var escaped = ""
        for character in text {
            switch character {
            case "&": escaped += "&amp;"
            case "<": escaped += "&lt;"
            case ">": escaped += "&gt;"
            case "\"": escaped += "&quot;"
            case "'": escaped += "&#39;"
            default: escaped.append(character)
            }
        }
        return escaped
    }

    /// A member of a form that the reader does not see.
    static func hidden(_ name: String, _ value: String) -> String {
        "<input type=\"hidden\" name=\"\(escaped(name))\" value=\"\(escaped(value))\">"
    }
}
