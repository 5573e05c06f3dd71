internal import JSON

/// What is wrong with a transcript as it is written: every mistake, each with its line.
package struct TranscriptError: Error, Sendable, CustomStringConvertible {
    package let problems: [String]
    package var description: String { problems.joined(separator: "\n") }
}

extension Transcript {
    /// Reads the text of a file called `name`.
    package init(name: String, text: String) throws(TranscriptError) {
        var problems: [String] = []
        var lines: [Line] = []
        var rows = text.split(separator: "\n", omittingEmptySubsequences: false)
        if rows.last?.isEmpty == true { rows.removeLast() }
        for (index, row) in rows.enumerated() {
            do throws(Mistake) {
                lines.append(Line(number: index + 1, text: String(row), entry: try Self.entry(row)))
            } catch {
                problems.append("\(name):\(index + 1): \(error.text)")
            }
        }
        if !problems.isEmpty { throw TranscriptError(problems: problems) }
        self.init(name: name, lines: lines)
    }

    private struct Mistake: Error {
        let text: String
        init(_ text: String) { self.text = text }
    }

    private static func entry(_ row: Substring) throws(Mistake) -> Entry {
        let isRemark = row.allSatisfy(\.isWhitespace) || row.first == "#"
        if isRemark { return .remark }
        let value: JSONValue
        do { value = try JSONValue(parsing: String(row)) } catch { throw Mistake("not JSON: \(error)") }
        guard case .object(let object) = value else { throw Mistake("a line is an object, or a remark that begins with #") }
        let verbs = ["transcript", "comment", "send", "expect", "step", "end", "expectEnd"].filter { object[$0] != nil }
        guard let verb = verbs.first, verbs.count == 1 else {
            throw Mistake(
                "needs one of transcript, comment, send, expect, step, end, expectEnd, has \(list(verbs.isEmpty ? object.keys : verbs))"
            )
        }
        var members = Members(object, of: "a line")
        let said = try members.take(verb)
        let entry: Entry
        switch verb {
        case "transcript": entry = .header(try header(said))
        case "comment":
            guard said.stringValue != nil else { throw Mistake("a comment is a string") }
            entry = .remark
        case "send": entry = .send(said)
        case "expect":
            entry = .expect(
                Expectation(
                    pattern: said, withinMilliseconds: try members.patience(), isEventual: try members.flag("eventually")))
        case "step": entry = .step(try step(said))
        case "end": entry = .end
        default: entry = .expectEnd(withinMilliseconds: try members.patience())
        }
        try members.finish()
        return entry
    }

    private static func header(_ said: JSONValue) throws(Mistake) -> Header {
        var members = try Members(said, of: "transcript")
        guard let title = try members.take("title").stringValue else { throw Mistake("transcript/title is a string") }
        var needs: [String] = []
        if let words = members.takeIfPresent("needs") {
            guard let strings = words.arrayValue?.map(\.stringValue), !strings.contains(nil) else {
                throw Mistake("transcript/needs is an array of strings")
            }
            needs = strings.compactMap(\.self)
        }
        try members.finish()
        return Header(title: title, needs: needs)
    }

    private static func step(_ said: JSONValue) throws(Mistake) -> Step {
        var members = try Members(said, of: "step")
        let methods = ["get", "post", "put", "patch", "delete"].filter { members.has($0) }
        guard let method = methods.first, methods.count == 1, let url = try members.take(method).stringValue else {
            throw Mistake("step needs one of get, post, put, patch, delete with a URL")
        }
        var step = Step(method: method.uppercased(), url: url)
        for (name, value) in members.takeIfPresent("headers")?.objectValue ?? [:] {
            guard let text = value.stringValue else { throw Mistake("step/headers/\(name) is a string") }
            step.headers.append((name, text))
        }
        if let form = members.takeIfPresent("form") {
            guard let fields = form.objectValue else { throw Mistake("step/form is an object of strings") }
            step.body = .form(fields.map { ($0.key, $0.value) })
        }
        if let json = members.takeIfPresent("json") {
            guard case .none = step.body else { throw Mistake("step has either form or json") }
            step.body = .json(json)
        }
        if let expected = members.takeIfPresent("expect") {
            var answer = try Members(expected, of: "step/expect")
            step.status = answer.takeIfPresent("status")?.integerValue.flatMap { Int(exactly: $0) }
            step.pattern = answer.takeIfPresent("body")
            try answer.finish()
        }
        step.withinMilliseconds = try members.patience()
        step.isEventual = try members.flag("eventually")
        try members.finish()
        return step
    }

    private static func list(_ words: [String]) -> String { words.isEmpty ? "none" : words.joined(separator: ", ") }

    /// The members of an object that are not read yet.
    private struct Members {
        private var rest: JSONObject
        private let place: String

        init(_ object: JSONObject, of place: String) {
            rest = object
            self.place = place
        }

        init(_ value: JSONValue, of place: String) throws(Mistake) {
            guard let object = value.objectValue else { throw Mistake("\(place) is an object") }
            self.init(object, of: place)
        }

        func has(_ name: String) -> Bool { rest[name] != nil }

        mutating func takeIfPresent(_ name: String) -> JSONValue? {
            defer { rest[name] = nil }
            return rest[name]
        }

        mutating func take(_ name: String) throws(Mistake) -> JSONValue {
            guard let value = takeIfPresent(name) else { throw Mistake("\(place) has no \(name)") }
            return value
        }

        mutating func flag(_ name: String) throws(Mistake) -> Bool {
            guard let value = takeIfPresent(name) else { return false }
            guard let flag = value.boolValue else { throw Mistake("\(name) is true or false") }
            return flag
        }

        mutating func patience() throws(Mistake) -> Int64 {
            guard let value = takeIfPresent("withinMs") else { return Transcript.patienceMilliseconds }
            guard let milliseconds = value.integerValue, (1...600_000).contains(milliseconds) else {
                throw Mistake("withinMs is an integer from 1 to 600000")
            }
            return milliseconds
        }

        func finish() throws(Mistake) {
            if !rest.isEmpty { throw Mistake("\(place) has members that nobody knows: \(Transcript.list(rest.keys))") }
        }
    }
}
