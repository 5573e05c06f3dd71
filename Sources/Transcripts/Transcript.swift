package import JSON

/// A conversation with a JSON-RPC server, written down: what is sent, what is to come back, and what happens beside it.
///
/// On disk it is a file of JSON lines. `{"comment": "…"}` is a remark, as are empty lines and those that begin with `#`; all are
/// kept.
package struct Transcript: Sendable {
    /// What the file is called where people read of it.
    package var name: String
    /// Every line of the file, in order.
    package var lines: [Line]

    package struct Line: Sendable {
        /// Counted from 1.
        package let number: Int
        /// The line as it is written.
        package var text: String
        package let entry: Entry
    }

    /// What a line says.
    package enum Entry: Sendable {
        case remark
        case header(Header)
        /// A JSON text that is sent as a line, or (where it is a string) a line that is sent as it is.
        case send(JSONValue)
        case expect(Expectation)
        case step(Step)
        /// Nothing more is sent: the server finishes what is in flight.
        case end
        /// The server closes the connection; nothing comes before that.
        case expectEnd(withinMilliseconds: Int64)
    }

    /// What the transcript is, and what it needs.
    package struct Header: Sendable, Equatable {
        package var title: String
        /// What the surroundings must have, in words that whoever replays it knows; it is skipped where they do not.
        package var needs: [String]
    }

    /// A message that is to come.
    package struct Expectation: Sendable {
        package var pattern: JSONValue
        package var withinMilliseconds: Int64 = Transcript.patienceMilliseconds
        /// Whether another answer is no failure yet: the call is made again until this one comes.
        package var isEventual = false
    }

    /// An HTTP request beside the conversation.
    package struct Step: Sendable {
        package var method: String
        package var url: String
        package var headers: [(name: String, value: String)] = []
        package var body: Body = .none
        /// The status that is to come; nil for any from 200 to 299.
        package var status: Int?
        /// What the answer's JSON is to be like.
        package var pattern: JSONValue?
        package var withinMilliseconds: Int64 = Transcript.patienceMilliseconds
        /// Whether it is tried again until the answer is as it should be.
        package var isEventual = false

        package enum Body: Sendable {
            case none
            case form([(name: String, value: JSONValue)])
            case json(JSONValue)
        }
    }

    /// How long a message may take that says nothing of it.
    package static let patienceMilliseconds: Int64 = 10_000

    package var header: Header? {
        for line in lines { if case .header(let header) = line.entry { return header } }
        return nil
    }

    /// What a person calls it.
    package var title: String { header?.title ?? name }

    /// The file's text.
    package var text: String { lines.map { $0.text + "\n" }.joined() }
}
