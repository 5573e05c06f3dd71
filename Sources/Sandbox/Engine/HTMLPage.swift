import HTTP

/// A plain page for people: what stands in it is escaped, and it is readable on a phone, by day and by night.
enum HTMLPage {
    /// What a page may do besides showing itself.
    enum Reach {
        /// Whatever it says, and lead to wherever the shop wants its customers.
        case everywhere
        /// Nothing but the sandbox's own style, script and forms, and never inside another page.
        case sandbox
    }

    static func response(
        _ status: Int = 200, title: String, reach: Reach = .everywhere, _ body: String
    ) -> HTTPResponse {
        let text = """
            <!doctype html>
            <html lang="en">
            <head>
            <meta charset="utf-8">
            <meta name="viewport" content="width=device-width, initial-scale=1">
            <meta name="color-scheme" content="light dark">
            <title>\(escaped(title))</title>
            <link rel="icon" href="data:,">
            <link rel="stylesheet" href="\(stylePath)">
            \(reach == .sandbox ? "<script src=\"\(scriptPath)\" defer></script>" : "")
            </head>
            <body>
            <main\(reach == .sandbox ? " class=\"wide\"" : "")>
            \(body)
            <p class="note">This is the Dues sandbox. Nothing here is real money.</p>
            </main>
            </body>
            </html>

            """
        var response = asset("text/html", text)
        response.status = status
        if reach == .sandbox {
            response.headers.add(
                "Content-Security-Policy",
                "default-src 'none'; style-src 'self'; script-src 'self'; connect-src 'self'; img-src data:; "
                    + "form-action 'self'; base-uri 'none'; frame-ancestors 'none'")
            response.headers.add("Cache-Control", "no-store")
        }
        return response
    }

    // MARK: What pages share

    static let stylePath = "/sandbox/page.css"
    static let scriptPath = "/sandbox/page.js"

    /// The style and the script, by their paths.
    static func asset(at path: String) -> HTTPResponse? {
        switch path {
        case stylePath: asset("text/css", PageStyle.text)
        case scriptPath: asset("text/javascript", OverviewScript.text)
        default: nil
        }
    }

    private static func asset(_ type: String, _ text: String) -> HTTPResponse {
        HTTPResponse(
            status: 200, headers: ["Content-Type": "\(type); charset=utf-8", "X-Content-Type-Options": "nosniff"],
            body: Array(text.utf8))
    }

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
