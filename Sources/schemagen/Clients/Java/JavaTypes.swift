/// The Java client's types: enumerations as words, what callers give as inputs with setters, what the server gives as
/// outputs with getters.
import JSON

struct JavaTypes {
    let contract: ContractModel

    func classes() -> [JavaClass] {
        var classes: [JavaClass] = []
        for type in contract.types {
            switch type.shape {
            case .enumeration(let values, _), .openEnumeration(let values, _):
                classes.append(word(type.name, type.description, values))
            case .object(let object) where type.isHandWritten:
                classes.append(output(type.name, type.description, object.members))
            default: continue
            }
        }
        classes += contract.inputs.map { input($0.type.name, $0.type.description, $0.object) }
        classes += contract.outputs.map { output($0.type.name, $0.type.description, $0.object.members) }
        for method in contract.methods { classes += messages(of: method) }
        if let options = options() { classes.append(options) }
        return classes
    }

    private func messages(of method: MethodModel) -> [JavaClass] {
        let name = Names.pascal(method.name)
        var classes: [JavaClass] = []
        if !method.params.members.isEmpty {
            classes.append(input("\(name)Params", "The params of \(method.name).", method.params))
        }
        if let stream = method.stream { classes.append(output("\(name)Value", stream.description, stream.value.members)) }
        if let result = method.resultObject {
            classes.append(output("\(name)Result", method.resultDescription, result.members + [Self.metadata]))
        }
        return classes
    }

    private static var metadata: MemberModel {
        MemberModel(
            name: "_meta", description: "What the server did, where the call asked for it by `verbose`.",
            isRequired: false, isNullable: false, shape: .reference(MethodModel.resultMetadata), defaultValue: nil)
    }

    // MARK: Words

    private func word(_ name: String, _ description: String, _ values: [String]) -> JavaClass {
        var java = JavaClass(name)
        java.write { source in
            source.javadoc(description)
            source.block("public final class \(name) extends Word {") { source in
                for value in values {
                    let constant = Names.snake(value).uppercased()
                    source.line("public static final \(name) \(constant) = new \(name)(\"\(value)\");")
                }
                source.line()
                source.block("private \(name)(String word) {") { $0.line("super(word);") }
                source.line()
                source.javadoc("Any word, also one that this client does not know.")
                source.block("public static \(name) of(String word) {") { $0.line("return new \(name)(word);") }
            }
        }
        return java
    }

    // MARK: Inputs

    private func input(_ name: String, _ description: String, _ object: ObjectShape) -> JavaClass {
        var java = JavaClass(name, imports: imports(object.members))
        let required = object.members.filter(\.isRequired)
        java.write { source in
            source.javadoc(description)
            source.block("public final class \(name) extends Input {") { source in
                if !required.isEmpty {
                    source.javadoc(
                        "With the members that have to be there.",
                        tags: required.map { (Names.camel($0.name), self.description($0)) })
                    let parameters = required.map { "\(inputType($0.shape)) \(Names.camel($0.name))" }
                    source.block("public \(name)(\(parameters.joined(separator: ", "))) {") { source in
                        for member in required { source.line(setting(member)) }
                    }
                }
                for (index, member) in object.members.filter({ !$0.isRequired }).enumerated() {
                    if index > 0 || !required.isEmpty { source.line() }
                    setter(member, of: name, into: &source)
                }
            }
        }
        return java
    }

    private func setter(_ member: MemberModel, of type: String, into source: inout SourceText) {
        let setter = Names.camel(member.name)
        source.javadoc(description(member))
        source.block("public \(type) \(setter)(\(inputType(member.shape)) \(setter)) {") { source in
            source.line(setting(member))
            source.line("return this;")
        }
    }

    private func description(_ member: MemberModel) -> String {
        let standard = member.defaultValue.map { " Default: \($0.stringValue ?? $0.text)." } ?? ""
        return member.description + standard
    }

    private func setting(_ member: MemberModel) -> String {
        "set(\"\(member.name)\", \(Names.camel(member.name)));"
    }

    private func inputType(_ shape: Shape) -> String { Self.scalar(shape)?.plain ?? type(shape) }

    /// What may be said of any call; the language's own type for its time.
    private func options() -> JavaClass? {
        guard let metadata = contract.type(MethodModel.callMetadata), case .object(let object) = metadata.shape else {
            return nil
        }
        var java = JavaClass("CallOptions", imports: ["java.time.Duration"])
        java.write { source in
            source.javadoc("What may be said about any one call.")
            source.block("public final class CallOptions extends Input {") { source in
                for (index, member) in object.members.enumerated() {
                    if index > 0 { source.line() }
                    if member.name != "timeoutMs" {
                        setter(member, of: "CallOptions", into: &source)
                        continue
                    }
                    source.javadoc("How long the call may take, instead of the client's own timeout.")
                    source.block("public CallOptions timeout(Duration timeout) {") { source in
                        source.line("set(\"timeoutMs\", timeout == null ? null : timeout.toMillis());")
                        source.line("return this;")
                    }
                }
            }
        }
        return java
    }

    // MARK: Outputs

    private func output(_ name: String, _ description: String, _ members: [MemberModel]) -> JavaClass {
        var java = JavaClass(name, imports: imports(members).union(["java.util.Map"]))
        if members.contains(where: isOptional) { java.imports.insert("java.util.Optional") }
        java.write { source in
            source.javadoc(description)
            source.block("public final class \(name) extends Output {") { source in
                source.block("\(name)(Map<String, Object> raw) {") { $0.line("super(raw);") }
                for member in members {
                    source.line()
                    source.javadoc(isOptional(member) ? emptied(member.description) : member.description)
                    source.block("public \(outputType(member)) \(Names.camel(member.name))() {") {
                        $0.line("return \(reading(member));")
                    }
                }
                source.line()
                source.javadoc("The members that this client knows; secrets are not shown.")
                source.block("@Override public String toString() {") { source in
                    let shown = members.filter { !$0.isSecret }.map { Names.camel($0.name) }
                    source.line("return \"\(name){\"")
                    source.indented { source in
                        for (index, getter) in shown.enumerated() {
                            source.line("+ \"\(index > 0 ? ", " : "")\(getter)=\" + \(getter)()")
                        }
                        source.line("+ \"}\";")
                    }
                }
            }
        }
        return java
    }

    /// What has no value is an empty collection where it is one.
    private func isOptional(_ member: MemberModel) -> Bool {
        switch member.shape {
        case .map, .raw, .array: false
        default: member.isOptional
        }
    }

    /// What the schema calls null is empty here.
    private func emptied(_ description: String) -> String {
        description.split(separator: " ").map { $0 == "null" ? "empty" : $0 }.joined(separator: " ")
    }

    private func outputType(_ member: MemberModel) -> String {
        if isOptional(member) { return "Optional<\(type(member.shape))>" }
        return Self.scalar(member.shape)?.plain ?? type(member.shape)
    }

    /// The expression that reads a member.
    private func reading(_ member: MemberModel) -> String {
        switch member.shape {
        case .map, .raw: return "map(\"\(member.name)\")"
        case .array(let element, _): return "list(\"\(member.name)\", \(converter(element)))"
        default: break
        }
        let optional = "get(\"\(member.name)\", \(converter(member.shape)))"
        return isOptional(member) ? optional : "\(optional).orElse(\(Self.scalar(member.shape)?.absent ?? "null"))"
    }

    /// The function that makes a Java value of a JSON value.
    private func converter(_ shape: Shape) -> String {
        switch shape {
        case .reference(let name): contract.isObject(name) ? "\(name)::new" : "\(name)::of"
        case .timestamp: "Instant::parse"
        default: "\(type(shape)).class::cast"
        }
    }

    // MARK: Java's types

    /// The type of a value that is never null, of one that is an object, and what stands for one that is missing.
    private static func scalar(_ shape: Shape) -> (plain: String, boxed: String, absent: String)? {
        switch shape {
        case .string: ("String", "String", "null")
        case .integer: ("long", "Long", "0L")
        case .boolean: ("boolean", "Boolean", "false")
        default: nil
        }
    }

    private func type(_ shape: Shape) -> String {
        switch shape {
        case .string, .integer, .boolean: Self.scalar(shape)?.boxed ?? "Object"
        case .timestamp: "Instant"
        case .map: "Map<String, String>"
        case .array(let element, _): "List<\(type(element))>"
        case .reference(let name): name
        case .raw, .object, .enumeration, .openEnumeration: "Map<String, Object>"
        }
    }

    private func imports(_ members: [MemberModel]) -> Set<String> {
        var imports: Set<String> = []
        for member in members {
            switch member.shape {
            case .timestamp: imports.insert("java.time.Instant")
            case .map, .raw: imports.insert("java.util.Map")
            case .array(let element, _):
                imports.insert("java.util.List")
                if case .timestamp = element { imports.insert("java.time.Instant") }
            default: continue
            }
        }
        return imports
    }
}
