/// The types of the contract as PHP classes.
extension PHPEmitter {
    private static let namespace = "Dues\\Types"

    /// Every class, by name.
    func types() -> [(name: String, text: String)] {
        var files: [(name: String, text: String)] = []
        for type in contract.types {
            switch type.shape {
            case .enumeration(let values, _):
                files.append((type.name, words(type.name, type.description, values)))
            case .openEnumeration(let values, _):
                files.append((type.name, words(type.name, "\(type.description) There may be others.", values)))
            default: continue
            }
        }
        for (type, object) in contract.inputs { files.append((type.name, input(type, object))) }
        for (type, object) in contract.outputs {
            files.append((type.name, output(type.name, type.description, object, isResult: false)))
        }
        for name in ["Violation", "StripeRefusal"] {  // parts of an error: only that itself is written by hand
            guard let type = contract.type(name), case .object(let object) = type.shape else { continue }
            files.append((name, output(name, type.description, object, isResult: false)))
        }
        for method in contract.methods {
            let name = Names.pascal(method.name)
            if let stream = method.stream {
                files.append(("\(name)Value", output("\(name)Value", stream.description, stream.value, isResult: false)))
            }
            if let object = method.resultObject {
                files.append(
                    ("\(name)Result", output("\(name)Result", method.resultDescription, object, isResult: true)))
            }
        }
        return files
    }

    /// An enumeration: constants, for results may have words that are not known here.
    private func words(_ name: String, _ description: String, _ values: [String]) -> String {
        var source = head(namespace: Self.namespace)
        documentation(description, into: &source)
        source.line("final class \(name)")
        source.block("{") { source in
            for value in values { source.line("public const \(Names.snake(value).uppercased()) = '\(value)';") }
        }
        return source.text
    }

    /// A class that callers make and give to the server.
    private func input(_ type: TypeModel, _ object: ObjectShape) -> String {
        var source = head(namespace: Self.namespace)
        source.line("use Dues\\Value;")
        source.line()
        documentation(type.description, into: &source)
        source.line("final class \(type.name) extends Value")
        source.block("{") { source in
            source.block("public function __construct(", ") {") { source in
                for member in object.membersRequiredFirst {
                    property(member, isOptional: !member.isRequired, hasDefault: !member.isRequired, into: &source)
                }
            }
            source.line("}")
            source.line()
            source.line("/** What it is made of on the wire. Throws an \\Error for what has no place in it. */")
            source.line("public static function of(\\stdClass $raw): self")
            source.block("{") { source in
                source.line("$members = (array) $raw;")
                for member in object.members {
                    let value = "$members['\(member.name)']"
                    guard let reading = reading(member.shape, value) else { continue }
                    source.block("if (isset(\(value))) {") { $0.line("\(value) = \(reading);") }
                }
                source.line("return new self(...$members);")
            }
            source.line()
            source.line("public function jsonSerialize(): \\stdClass")
            source.block("{") { source in
                let converted = object.members.compactMap { member in
                    writing(member, "$this->\(member.name)").map { "'\(member.name)' => \($0)" }
                }
                let change = converted.isEmpty ? "" : "[\(converted.joined(separator: ", "))] + "
                source.line("return (object) self::present(\(change)get_object_vars($this));")
            }
        }
        return source.text
    }

    /// A class that the client makes of what the server gives; a result may have metadata.
    private func output(_ name: String, _ description: String, _ object: ObjectShape, isResult: Bool) -> String {
        var source = head(namespace: Self.namespace)
        source.line("use Dues\\Value;")
        source.line()
        documentation(description, into: &source)
        source.line("final class \(name) extends Value")
        source.block("{") { source in
            secrets(of: object, into: &source)
            source.block("public function __construct(", ") {") { source in
                for member in object.members { property(member, isOptional: member.isOptional, into: &source) }
                if isResult {
                    documentation("What the server did, where CallOptions asked for it with verbose.", into: &source)
                    source.line("public readonly ?ResultMetadata $meta,")
                }
                documentation("The object as the server gave it, also what this client does not know.", into: &source)
                source.line("public readonly \\stdClass $raw,")
            }
            source.line("}")
            source.line()
            source.line("/** @internal */")
            source.line("public static function of(\\stdClass $raw): self")
            source.block("{") { source in
                source.block("return new self(", ");") { source in
                    for member in object.members { source.line("\(argument(member)),") }
                    if isResult { source.line("isset($raw->_meta) ? ResultMetadata::of($raw->_meta) : null,") }
                    source.line("$raw,")
                }
            }
            source.line()
            source.line("/** @return array<string, mixed> */")
            source.line("public function jsonSerialize(): array")
            source.block("{") { source in
                let (opening, closing) =
                    object.members.allSatisfy(\.isRequired) ? ("[", "]") : ("self::present([", "])")
                let metadata = isResult ? " + ($this->meta === null ? [] : ['_meta' => $this->meta])" : ""
                source.block("return \(opening)", "\(closing)\(metadata);") {
                    for member in object.members {
                        let value = "$this->\(member.name)"
                        $0.line("'\(member.name)' => \(writing(member, value) ?? value),")
                    }
                }
            }
        }
        return source.text
    }

    /// The members that are not shown.
    private func secrets(of object: ObjectShape, into source: inout SourceText) {
        let names = object.members.filter(\.isSecret).map { "'\($0.name)'" }
        guard !names.isEmpty else { return }
        source.line("protected const SECRETS = [\(names.joined(separator: ", "))];")
        source.line()
    }

    /// What callers may say about any call: the metadata of calls, with the deadline in PHP's usual unit.
    func callOptions() -> String {
        guard case .object(let metadata)? = contract.type(MethodModel.callMetadata)?.shape else { return "" }
        let members = metadata.members.filter { $0.name != "timeoutMs" }
        var source = head(namespace: "Dues")
        source.line("/** What may be said about any call. */")
        source.line("final class CallOptions extends Value")
        source.block("{") { source in
            secrets(of: metadata, into: &source)
            source.block("public function __construct(", ") {") { source in
                documentation(
                    "The call's deadline in seconds. The client itself waits a second longer; without one it waits for 90.",
                    into: &source)
                source.line("public readonly ?float $timeout = null,")
                for member in members { property(member, isOptional: true, hasDefault: true, into: &source) }
            }
            source.line("}")
            source.line()
            source.line(
                "/** @return array<string, mixed> params._meta without the deadline, of which each attempt has what is left */"
            )
            source.line("public function jsonSerialize(): array")
            source.block("{") { source in
                source.block("return self::present([", "]);") { source in
                    for member in members { source.line("'\(member.name)' => $this->\(member.name),") }
                }
            }
        }
        return source.text
    }

    /// A property that the constructor takes; what has a default need not be given.
    private func property(_ member: MemberModel, isOptional: Bool, hasDefault: Bool = false, into source: inout SourceText)
    {
        let documented = documentedType(member.shape)
        let declared = type(member.shape)
        let mark = documented == declared ? "" : "@var \(documented)\(isOptional ? "|null" : "") "
        documentation(mark + description(member), into: &source)
        if member.isSecret { source.line("#[\\SensitiveParameter]") }
        source.line("public readonly \(isOptional ? "?" : "")\(declared) $\(member.name)\(hasDefault ? " = null" : ""),")
    }

    /// The expression that reads a member of `$raw`. What must be there and is not, for the server is older than this
    /// client, is empty.
    private func argument(_ member: MemberModel) -> String {
        let value = "$raw->\(member.name)"
        if member.isOptional {
            return reading(member.shape, value).map { "isset(\(value)) ? \($0) : null" } ?? "\(value) ?? null"
        }
        let whole = "\(value) ?? \(empty(member.shape))"
        if case .map = member.shape { return "(array) (\(whole))" }
        return reading(member.shape, whole) ?? whole
    }

    private func empty(_ shape: Shape) -> String {
        switch shape {
        case .string, .enumeration, .openEnumeration: "''"
        case .timestamp: "'@0'"
        case .integer: "0"
        case .boolean: "false"
        case .raw, .object: "new \\stdClass()"
        case .map, .array: "[]"
        case .reference(let name): contract.isObject(name) ? "new \\stdClass()" : "''"
        }
    }
}
