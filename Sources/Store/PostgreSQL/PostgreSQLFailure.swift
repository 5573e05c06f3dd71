internal import CPostgreSQL

/// Why something that was sent to a PostgreSQL server was not done.
struct PostgreSQLFailure: Error {
    let error: StoreError
    /// Whether the session is over.
    var isLost = false
    /// Whether that is because nobody waits for it any longer: whoever asked has waited enough.
    var isTooLate = false
    /// Whether it was over before anything was sent.
    var isUnsent = false
    /// The server's own code, where it is the server who said it.
    var sqlState: String?
    /// Which of the statements that were sent together it was.
    var statement = 0

    /// The session is over, and nobody has said why.
    static func lost(_ message: String) -> PostgreSQLFailure {
        PostgreSQLFailure(error: StoreError(.unavailable, message), isLost: true)
    }

    /// Whether the last of what was to be sent is certainly not done: it was not sent, or came after the server had ended the
    /// session because it held a transaction open and said nothing.
    var isCertain: Bool { isUnsent || sqlState == "25P03" || !isLost }

    /// Whether what was certainly not done may be tried once more.
    var isWorthAnotherTry: Bool { isLost && !isTooLate || isCollision }

    /// Two transactions that stood in each other's way, of which this one was taken back.
    var isCollision: Bool { sqlState == "40001" || sqlState == "40P01" }
}

extension PostgreSQLFailure {
    /// What a result says that is an error. Only its first sentence: the others may quote what was stored.
    init(_ result: OpaquePointer) {
        func field(_ field: Int32) -> String? { PQresultErrorField(result, field).map { String(cString: $0) } }
        let state = field(diagnosticState)
        // libpq's own have no severity: they say that the connection is gone.
        let severity = field(diagnosticSeverity)
        self.init(
            error: StoreError(sqlState: state, message: field(diagnosticMessage) ?? "the server answered with an error"),
            isLost: severity != "ERROR", sqlState: state)
    }
}

/// libpq's PG_DIAG_SEVERITY_NONLOCALIZED, PG_DIAG_SQLSTATE and PG_DIAG_MESSAGE_PRIMARY, which are macros of characters.
private let diagnosticSeverity = Int32(UInt8(ascii: "V"))
private let diagnosticState = Int32(UInt8(ascii: "C"))
private let diagnosticMessage = Int32(UInt8(ascii: "M"))

extension StoreError {
    /// By the server's code (https://www.postgresql.org/docs/current/errcodes-appendix.html).
    fileprivate init(sqlState: String?, message: String) {
        let state = sqlState ?? ""
        switch state.prefix(2) {
        case "XX" where state != "XX000": self.init(.corrupt, message)
        // Who may not is a matter for the operator, as is a disk that is full.
        case _ where state == "42501": self.init(.unavailable, message)
        // What was refused may be quoted.
        case "22", "23": self.init(.misuse, "a value was refused (SQLSTATE \(state))")
        case "0A", "21", "24", "26", "34", "42", "44", "54": self.init(.misuse, "\(message) (SQLSTATE \(state))")
        default: self.init(.unavailable, state.isEmpty ? message : "\(message) (SQLSTATE \(state))")
        }
    }
}
