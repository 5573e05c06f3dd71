/// What the schemas say, in the terms that the emitters think in.
import JSON

struct ContractModel {
    let protocolVersion: Int64
    let reasons: [ReasonModel]
    let types: [TypeModel]
    let methods: [MethodModel]

    func type(_ name: String) -> TypeModel? { types.first { $0.name == name } }

    /// The types reachable from params: they need a decoder.
    var decodedTypes: Set<String> {
        var reached: Set<String> = []
        var pending = methods.flatMap(\.params.members).map(\.shape) + [.reference(MethodModel.callMetadata)]
        while let shape = pending.popLast() {
            switch shape {
            case .reference(let name):
                guard reached.insert(name).inserted, case .object(let object)? = type(name)?.shape else { continue }
                pending += object.members.map(\.shape)
            case .array(let element, _): pending.append(element)
            default: break
            }
        }
        return reached
    }
}

struct ReasonModel {
    let name: String
    let code: Int64
    let status: String
    let message: String
    let retryable: Bool
}

/// A shared type. Objects and enumerations have their names in every language; scalars and maps are put where they are
/// referred to, and only their rules have names.
struct TypeModel {
    let name: String
    let description: String
    let shape: Shape
    /// Whether each language has it as code written by hand, so that none is generated.
    let isHandWritten: Bool
}

struct MethodModel {
    static let callMetadata = "CallMetadata"
    static let resultMetadata = "ResultMetadata"

    let name: String
    let summary: String
    let description: String
    /// read, write, ingest; nil where no scope is needed.
    let scope: String?
    let isLocal: Bool
    /// Nil where there is only the result.
    let stream: StreamModel?
    let params: ObjectShape
    let result: ResultModel
    let errors: [String]
    let examples: [ExampleModel]

    enum ResultModel {
        case object(ObjectShape, description: String)
        /// Any JSON object, made elsewhere.
        case raw(description: String)
    }

    /// What a streaming method sends before its result.
    struct StreamModel {
        let value: ObjectShape
        let description: String
    }
}

struct ExampleModel {
    let name: String
    let params: JSONObject
    /// Of a streaming method.
    let streamValues: [JSONValue]
    let result: JSONValue
}

/// What a value of the contract may be.
indirect enum Shape {
    case string(StringShape)
    /// RFC 3339, UTC.
    case timestamp
    case integer(minimum: Int64?, maximum: Int64?)
    case boolean
    case enumeration(values: [String], swiftNames: [String: String])
    /// Words of Stripe's, of which there may be more than are known.
    case openEnumeration(values: [String], swiftNames: [String: String])
    case object(ObjectShape)
    case array(Shape, counts: (minimum: Int64?, maximum: Int64?))
    case map(MapShape)
    /// Any object, made elsewhere.
    case raw
    /// An object or an enumeration with a name of its own.
    case reference(String)
}

struct StringShape {
    var minimumLength: Int64?
    var maximumLength: Int64?
    var pattern: String?
    var isSecret = false
    /// The shared type that these rules come from, if any.
    var alias: String?
}

struct MapShape {
    var maximumMembers: Int64?
    var keys: StringShape
    var values: StringShape
    /// The shared type that these rules come from, if any.
    var alias: String?
}

struct ObjectShape {
    var members: [MemberModel]
    var rules: [RuleModel]
    /// Whether members that are not named are violations.
    var isClosed: Bool
}

struct MemberModel {
    let name: String
    let description: String
    let isRequired: Bool
    /// Whether null is a value (in results, for what is not known or does not exist).
    let isNullable: Bool
    let shape: Shape
    let defaultValue: JSONValue?
}

/// A rule about which members of an object stand together.
struct RuleModel {
    enum Kind: String, CaseIterable { case exactlyOneOf, atMostOneOf, atLeastOneOf, alone }

    let kind: Kind
    /// The members it is about; for `alone` the one member.
    let members: [String]
    /// For `alone`: what may stand beside it all the same.
    let companions: [String]
    /// The rule holds only where this member is there.
    let condition: String?
}
