/// Writes the generated part of a client: its types and methods, in its language's own idiom.
protocol ClientEmitter: SendableMetatype {
    init(contract: ContractModel)

    /// The generated files.
    func files() -> [Workspace.File]
}

/// The clients that are generated, in the order of the alphabet.
let clientEmitters: [any ClientEmitter.Type] = [
    CSharpEmitter.self, GoEmitter.self, JavaEmitter.self, JavaScriptEmitter.self, PHPEmitter.self, PythonEmitter.self,
    RubyEmitter.self, ShellEmitter.self, SwiftClientEmitter.self,
]

extension MethodModel {
    /// Whether a call may be made again though the first may have had its effect: it only looks, or what it takes in is
    /// told from what was taken in before. Other methods need an idempotency key for that.
    var isSafeToRepeat: Bool { scope != "write" }
}

extension MethodModel {
    /// The members of its result; nil where that is any JSON object, made elsewhere.
    var resultObject: ObjectShape? { if case .object(let object, _) = result { object } else { nil } }

    var resultDescription: String {
        switch result {
        case .object(_, let description), .raw(let description): description
        }
    }
}

extension Names {
    /// `text` with the names of `members` in it as `spell` spells them.
    static func spelled(_ text: String, _ members: [MemberModel], by spell: (String) -> String) -> String {
        let names = Set(members.map(\.name))
        return text.split(separator: " ").map { word in
            let name = String(word.prefix { $0.isLetter })
            return names.contains(name) ? spell(name) + word.dropFirst(name.count) : String(word)
        }.joined(separator: " ")
    }
}

extension ObjectShape {
    /// The members, those that must be there first.
    var membersRequiredFirst: [MemberModel] { members.filter(\.isRequired) + members.filter { !$0.isRequired } }
}

extension MemberModel {
    /// Whether it may be missing or null.
    var isOptional: Bool { isNullable || !isRequired }

    /// Whether it must not be shown.
    var isSecret: Bool { if case .string(let rules) = shape { rules.isSecret } else { false } }
}

extension ContractModel {
    /// Whether `name` is an object, whose values are made of parts; otherwise it is an enumeration.
    func isObject(_ name: String) -> Bool { if case .object? = type(name)?.shape { true } else { false } }

    /// The objects that callers make and give to the server.
    var inputs: [(type: TypeModel, object: ObjectShape)] {
        let decoded = decodedTypes
        return generatedObjects.filter { decoded.contains($0.type.name) }
    }

    /// The objects that the server gives.
    var outputs: [(type: TypeModel, object: ObjectShape)] {
        let decoded = decodedTypes
        return generatedObjects.filter { !decoded.contains($0.type.name) }
    }

    private var generatedObjects: [(type: TypeModel, object: ObjectShape)] {
        types.compactMap { type in
            guard !type.isHandWritten, type.name != MethodModel.callMetadata, case .object(let object) = type.shape else {
                return nil
            }
            return (type, object)
        }
    }
}
