/// What the schemas must keep to, beyond what can be read at all.
import JSON

struct Conventions {
    let contract: ContractModel
    let source: SchemaSource
    let document: JSONValue

    /// The patterns of the schemas, and the hand-written checks of `Contract` that stand for them there.
    static let patterns = [
        #"^(?!\.{1,2}$)[!-"$-.0->@-~]+$"#: "identifier",
        "^[a-z]{3}$": "currency",
        "^[A-Z]{2}$": "country",
        "^[^ @]+@[^ @]+$": "email",
        #"^[^\[\]]+$"#: "metadataKey",
        "^[ -~]+$": "printable",
        "^https?://[!-~]+$": "webAddress",
        "^Bearer [!-~]+$": "bearer",
        #"^(\*|[a-z0-9_]+(\.[a-z0-9_]+)*(\.\*)?)$"#: "eventTypes",
        "^[0-9a-f]{2}-[0-9a-f]{32}-[0-9a-f]{16}-[0-9a-f]{2}$": "traceparent",
    ]

    private static let statuses = [
        "CANCELLED", "UNKNOWN", "INVALID_ARGUMENT", "DEADLINE_EXCEEDED", "NOT_FOUND", "ALREADY_EXISTS",
        "PERMISSION_DENIED", "RESOURCE_EXHAUSTED", "FAILED_PRECONDITION", "ABORTED", "OUT_OF_RANGE", "UNIMPLEMENTED",
        "INTERNAL", "UNAVAILABLE", "DATA_LOSS", "UNAUTHENTICATED",
    ]

    /// The JSON-RPC code of a gRPC status; nil for a name that gRPC does not have.
    static func code(ofStatus status: String) -> Int64? {
        switch status {
        case "INVALID_ARGUMENT": -32602
        case "UNIMPLEMENTED": -32601
        case "INTERNAL": -32603
        default: statuses.firstIndex(of: status).map { -32001 - Int64($0) }
        }
    }

    /// The codes that JSON-RPC reserves for an envelope that cannot be understood.
    private static let envelopeCodes: Set<Int64> = [-32700, -32600]

    func check() throws(SchemaErrors) {
        let problems = reasonProblems() + patternProblems() + methodProblems() + exampleProblems()
        if !problems.isEmpty { throw SchemaErrors(problems) }
    }

    private func reasonProblems() -> [String] {
        contract.reasons.compactMap { reason in
            guard let code = Self.code(ofStatus: reason.status) else {
                return "\(source.global.path): \(reason.name) has the status \(reason.status), which gRPC does not have"
            }
            guard reason.code == code || Self.envelopeCodes.contains(reason.code) else {
                return "\(source.global.path): \(reason.name) has the code \(reason.code); \(reason.status) is \(code)"
            }
            return nil
        }
    }

    private func patternProblems() -> [String] {
        let files = source.types + source.methods
        return files.flatMap { file in
            Self.patterns(in: file.json).filter { Self.patterns[$0] == nil }.map {
                "\(file.path): the pattern \($0) has no check in Contract; see Conventions.patterns and Pattern.swift"
            }
        }
    }

    private static func patterns(in json: JSONValue) -> [String] {
        switch json {
        case .object(let object):
            object.flatMap { key, value in
                if key == "pattern", let pattern = value.stringValue { [pattern] } else { patterns(in: value) }
            }
        case .array(let elements): elements.flatMap(patterns)
        default: []
        }
    }

    private func methodProblems() -> [String] {
        var problems: [String] = []
        for method in contract.methods {
            let path = "Schemas/methods/\(method.name).json"
            if method.errors.isEmpty { problems.append("\(path): names no errors") }
            if method.examples.isEmpty { problems.append("\(path): has no example") }
            if method.stream != nil, !method.isLocal {
                problems.append("\(path): streams, which only methods with x-local do")
            }
            for member in method.params.members {
                if member.isNullable { problems.append("\(path): params/\(member.name): a param is absent, not null") }
                if case .timestamp = member.shape {
                    problems.append("\(path): params/\(member.name): there is no decoder for times in params")
                }
                if case .raw = member.shape {
                    problems.append("\(path): params/\(member.name): there is no decoder for x-raw in params")
                }
            }
        }
        let decoded = contract.decodedTypes
        for type in contract.types where decoded.contains(type.name) {
            let path = "Schemas/types/\(type.name).json"
            switch type.shape {
            case .object(let object) where !object.isClosed:
                problems.append("\(path): is used in params: additionalProperties must be false")
            case .openEnumeration: problems.append("\(path): is used in params: it needs enum, not x-values")
            default: break
            }
        }
        return problems
    }

    private func exampleProblems() -> [String] {
        let validator = ExampleValidator(contract: contract)
        var problems: [String] = []
        for method in contract.methods {
            let path = "Schemas/methods/\(method.name).json"
            for example in method.examples {
                var params = method.params
                params.members.append(
                    MemberModel(
                        name: "_meta", description: "", isRequired: false, isNullable: false,
                        shape: .reference(MethodModel.callMetadata), defaultValue: nil))
                problems += validator.problems(.object(example.params), .object(params), at: "params")
                    .map { "\(path): example \(example.name): \($0)" }
                var said: [(value: JSONValue, shape: ObjectShape?, place: String)] = example.streamValues.enumerated().map {
                    ($1, method.stream?.value, "x-stream-values/\($0)")
                }
                if case .object(let result, _) = method.result { said.append((example.result, result, "result")) }
                for (value, shape, place) in said {
                    guard var closed = shape else {
                        problems.append("\(path): example \(example.name): \(place): the method does not stream")
                        continue
                    }
                    closed.isClosed = true
                    problems += validator.problems(value, .object(closed), at: place)
                        .map { "\(path): example \(example.name): \($0)" }
                }
            }
        }
        return problems
    }
}
