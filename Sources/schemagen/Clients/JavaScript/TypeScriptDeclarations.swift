/// The types of the JavaScript client, for TypeScript and for whoever reads them in an editor.
import JSON

struct TypeScriptDeclarations {
    let contract: ContractModel

    func text() -> String {
        var source = SourceText.javaScript()
        source.line("import type { CallOptions, Client, DuesOptions, Integer, JsonObject, Result } from \"./client.js\";")
        for type in contract.types { enumeration(type, into: &source) }
        for (type, object) in contract.inputs { input(type.name, type.description, object, into: &source) }
        for (type, object) in contract.outputs {
            result(type.name, type.description, object, base: "Result", into: &source)
        }
        source.line()
        source.documentation("What a method answers.")
        source.block("export interface Answer extends Result {") { source in
            source.documentation("What the server did for the call, where its options said verbose.")
            source.line("readonly meta?: \(MethodModel.resultMetadata);")
        }
        for method in contract.methods { messages(of: method, into: &source) }
        source.line()
        source.documentation(
            "The methods by their names on the wire: whether each may be called again without an idempotency key, and "
                + "whether it streams.")
        source.line(
            "export const methods: ReadonlyMap<string, { readonly isSafeToRepeat: boolean; readonly streams: boolean }>;")
        source.line()
        source.documentation("A server of Dues, with a method for each of the service's.")
        source.block("export class Dues extends Client {") { source in
            source.documentation("A client that connects when the first call needs it.")
            source.line("constructor(options?: DuesOptions);")
            source.line()
            source.documentation("A client that has connected already.")
            source.line("static connect(options?: DuesOptions): Promise<Dues>;")
            for method in contract.methods { self.method(method, into: &source) }
        }
        return source.text
    }

    // MARK: Types

    private func enumeration(_ type: TypeModel, into source: inout SourceText) {
        let words: [String]
        switch type.shape {
        case .enumeration(let values, _): words = values.map { "\"\($0)\"" }
        // The last of them lets any other word be one too, while editors go on to propose those that are known.
        case .openEnumeration(let values, _): words = values.map { "\"\($0)\"" } + ["(string & {})"]
        default: return
        }
        source.line()
        source.documentation(type.description)
        let opening = "export type \(type.name) ="
        let joined = words.joined(separator: " | ")
        guard opening.count + joined.count + 2 > source.room else { return source.line("\(opening) \(joined);") }
        source.line(opening)
        source.indented { source in
            for word in words { source.line("| \(word)\(word == words.last ? ";" : "")") }
        }
    }

    /// What callers make and give to the server.
    private func input(_ name: String, _ description: String, _ object: ObjectShape, into source: inout SourceText) {
        source.line()
        source.documentation(description)
        source.block("export interface \(name) {") { source in
            for member in object.membersRequiredFirst {
                let standard = member.defaultValue.map { " Default: \($0.stringValue ?? $0.text)." } ?? ""
                source.documentation(member.description + standard)
                source.line("\(member.name)\(member.isRequired ? "" : "?"): \(inputType(member.shape));")
            }
        }
    }

    /// What the client makes of what the server gives.
    private func result(
        _ name: String, _ description: String, _ object: ObjectShape, base: String, into source: inout SourceText
    ) {
        source.line()
        source.documentation(description)
        source.block("export interface \(name) extends \(base) {") { source in
            for member in object.members {
                let secret =
                    member.isSecret ? " It is there by this name alone: printing and JSON.stringify leave it out." : ""
                source.documentation(member.description + secret)
                let type = resultType(member.shape) + (member.isNullable ? " | null" : "")
                source.line("readonly \(member.name)\(member.isRequired ? "" : "?"): \(type);")
            }
        }
    }

    private func resultType(_ shape: Shape) -> String {
        switch shape {
        case .string: "string"
        case .timestamp: "Date"
        case .integer: "Integer"
        case .boolean: "boolean"
        case .map: "Readonly<Record<string, string>>"
        case .raw: "JsonObject"
        case .array(let element, _): "readonly \(resultType(element))[]"
        case .reference(let name): name
        case .object, .enumeration, .openEnumeration: "unknown"
        }
    }

    private func inputType(_ shape: Shape) -> String {
        switch shape {
        case .integer: "Integer | bigint"
        case .array(let element, _): "readonly \(inputType(element))[]"
        default: resultType(shape)
        }
    }

    // MARK: Methods

    private func messages(of method: MethodModel, into source: inout SourceText) {
        if !method.params.members.isEmpty {
            input(method.javaScriptParams, "What \(Names.camel(method.name)) takes.", method.params, into: &source)
        }
        if let stream = method.stream {
            result(method.javaScriptValue, stream.description, stream.value, base: "Result", into: &source)
        }
        if let object = method.resultObject {
            result(method.javaScriptResult, method.resultDescription, object, base: "Answer", into: &source)
        }
    }

    private func method(_ method: MethodModel, into source: inout SourceText) {
        let members = method.params.members
        let params = members.isEmpty ? "Record<string, never>" : method.javaScriptParams
        let mark = members.contains(where: \.isRequired) ? "" : "?"
        let answer = method.resultObject == nil ? "JsonObject" : method.javaScriptResult
        let type =
            method.stream == nil
            ? "Promise<\(answer)>" : "AsyncGenerator<\(method.javaScriptValue), \(answer), undefined>"
        source.line()
        source.documentation("\(method.summary) \(method.description)")
        source.line("\(Names.camel(method.name))(params\(mark): \(params), options?: CallOptions): \(type);")
    }
}
