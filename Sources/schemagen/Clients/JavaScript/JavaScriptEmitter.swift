/// Writes the generated part of the JavaScript client: its methods and results as a module, and beside it, in a declaration
/// file, all types with the schema's words.
import JSON

struct JavaScriptEmitter: ClientEmitter {
    let contract: ContractModel

    private static let folder = "clients/javascript/src"

    func files() -> [Workspace.File] {
        let declarations = TypeScriptDeclarations(contract: contract)
        return [
            Workspace.File(path: "\(Self.folder)/generated.d.ts", text: declarations.text()),
            Workspace.File(path: "\(Self.folder)/generated.js", text: module()),
        ]
    }

    private func module() -> String {
        var source = SourceText.javaScript()
        source.line("import { Client } from \"./client.js\";")
        source.line("import { Result, many, one, time } from \"./result.js\";")
        for (type, object) in contract.outputs { result(type.name, base: "Result", object, into: &source) }
        source.line()
        source.documentation("What a method answers: with verbose, also what the server did for it.")
        source.block("class Answer extends Result {") { source in
            source.block("get meta() {") { $0.line("return one(\(MethodModel.resultMetadata), this.raw._meta);") }
        }
        for method in contract.methods {
            if let stream = method.stream {
                result(method.javaScriptValue, base: "Result", stream.value, into: &source)
            }
            if let object = method.resultObject {
                result(method.javaScriptResult, base: "Answer", object, into: &source)
            }
        }
        table(into: &source)
        source.line()
        source.documentation("A server of Dues, with a method for each of the service's.")
        source.block("export class Dues extends Client {") { source in
            source.block("constructor(options) {") { $0.line("super(options, methods);") }
            for method in contract.methods { self.method(method, into: &source) }
        }
        return source.text
    }

    private func table(into source: inout SourceText) {
        source.line()
        source.documentation(
            "The methods by their names on the wire: whether each may be called again without an idempotency key, and "
                + "whether it streams.")
        source.block("export const methods = new Map([", "]);") { source in
            for method in contract.methods {
                let streams = method.stream != nil
                source.line("[\"\(method.name)\", { isSafeToRepeat: \(method.isSafeToRepeat), streams: \(streams) }],")
            }
        }
    }

    // MARK: Results

    /// A class that the client makes of what the server gives. Secrets are not among its own properties, so that nothing
    /// that goes through those shows them.
    private func result(_ name: String, base: String, _ object: ObjectShape, into source: inout SourceText) {
        source.line()
        source.block("class \(name) extends \(base) {") { source in
            source.block("constructor(raw) {") { source in
                source.line("super(raw);")
                for member in object.members where !member.isSecret {
                    source.line("this.\(member.name) = \(reading(member));")
                }
            }
            for member in object.members where member.isSecret {
                source.line()
                source.block("get \(member.name)() {") { $0.line("return this.raw.\(member.name);") }
            }
        }
    }

    /// The expression that reads a member of `raw`.
    private func reading(_ member: MemberModel) -> String {
        let value = "raw.\(member.name)"
        switch member.shape {
        case .timestamp: return "time(\(value))"
        case .reference(let name) where contract.isObject(name): return "one(\(name), \(value))"
        case .array(.reference(let name), _) where contract.isObject(name): return "many(\(name), \(value))"
        default: return value
        }
    }

    // MARK: Methods

    private func method(_ method: MethodModel, into source: inout SourceText) {
        let call = "this.call(\"\(method.name)\", params, options)"
        source.line()
        source.documentation("\(method.summary) \(method.description)")
        if method.stream != nil {
            source.block("\(Names.camel(method.name))(params, options) {") { source in
                source.block("return this.stream(\"\(method.name)\", params, options, {", "});") { source in
                    source.line("value: (raw) => new \(method.javaScriptValue)(raw),")
                    let result = method.resultObject == nil ? "raw" : "new \(method.javaScriptResult)(raw)"
                    source.line("result: (raw) => \(result),")
                }
            }
        } else if method.resultObject == nil {
            source.block("\(Names.camel(method.name))(params, options) {") { $0.line("return \(call);") }
        } else {
            source.block("async \(Names.camel(method.name))(params, options) {") { source in
                source.line("return new \(method.javaScriptResult)(await \(call));")
            }
        }
    }
}

extension MethodModel {
    var javaScriptParams: String { "\(Names.pascal(name))Params" }
    var javaScriptResult: String { "\(Names.pascal(name))Result" }
    /// The type of what it streams.
    var javaScriptValue: String { "\(Names.pascal(name))Value" }
}

extension SourceText {
    /// The beginning of a generated file.
    static func javaScript() -> SourceText {
        var source = SourceText(indent: "  ", width: 110)
        source.line("// Generated by schemagen from Schemas/: what is written by hand stands in the files beside it.")
        return source
    }

    /// A comment that documents what follows.
    mutating func documentation(_ text: String) {
        guard text.count + 7 > room else { return line("/** \(text) */") }
        line("/**")
        prose(text, mark: " * ")
        line(" */")
    }
}
