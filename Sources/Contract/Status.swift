/// The outcome of a failed call: gRPC's status names, with the JSON-RPC codes that stand for them on this wire.
///
/// An open set: a client may meet a status that this version does not know, and keeps its name.
package struct Status: Hashable, Sendable {
    /// gRPC's name, such as NOT_FOUND.
    package let name: String
    /// gRPC's number, 1 to 16.
    package let grpcNumber: Int
    /// The JSON-RPC error code: -32000 less gRPC's number, save where JSON-RPC reserves one for the same thing.
    package let code: Int

    private init(_ name: String, _ grpcNumber: Int, reservedCode: Int? = nil) {
        self.name = name
        self.grpcNumber = grpcNumber
        code = reservedCode ?? -32000 - grpcNumber
    }

    package static let cancelled = Status("CANCELLED", 1)
    package static let unknown = Status("UNKNOWN", 2)
    package static let invalidArgument = Status("INVALID_ARGUMENT", 3, reservedCode: -32602)
    package static let deadlineExceeded = Status("DEADLINE_EXCEEDED", 4)
    package static let notFound = Status("NOT_FOUND", 5)
    package static let alreadyExists = Status("ALREADY_EXISTS", 6)
    package static let permissionDenied = Status("PERMISSION_DENIED", 7)
    package static let resourceExhausted = Status("RESOURCE_EXHAUSTED", 8)
    package static let failedPrecondition = Status("FAILED_PRECONDITION", 9)
    package static let aborted = Status("ABORTED", 10)
    package static let outOfRange = Status("OUT_OF_RANGE", 11)
    package static let unimplemented = Status("UNIMPLEMENTED", 12, reservedCode: -32601)
    package static let `internal` = Status("INTERNAL", 13, reservedCode: -32603)
    package static let unavailable = Status("UNAVAILABLE", 14)
    package static let dataLoss = Status("DATA_LOSS", 15)
    package static let unauthenticated = Status("UNAUTHENTICATED", 16)

    /// Every status, by gRPC's number.
    package static let all: [Status] = [
        .cancelled, .unknown, .invalidArgument, .deadlineExceeded, .notFound, .alreadyExists, .permissionDenied,
        .resourceExhausted, .failedPrecondition, .aborted, .outOfRange, .unimplemented, .internal, .unavailable,
        .dataLoss, .unauthenticated,
    ]

    /// The status of that name; nil for a name that gRPC does not have.
    package init?(name: String) {
        guard let status = Status.all.first(where: { $0.name == name }) else { return nil }
        self = status
    }

    /// The status that a JSON-RPC code stands for; nil for a code that stands for none.
    package init?(code: Int) {
        guard let status = Status.all.first(where: { $0.code == code }) else { return nil }
        self = status
    }
}
