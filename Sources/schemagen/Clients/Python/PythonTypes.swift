/// The module `_types`: what callers give to the server and what it gives, and what is known of the methods.
extension PythonEmitter {
    func types(into source: inout SourceText) {
        source.line("\"\"\"What is given to the server, and what it gives.\"\"\"")
        source.line()
        source.line("from __future__ import annotations")
        source.line()
        source.line("from dataclasses import dataclass, field")
        source.line("from datetime import datetime")
        source.line("from typing import Any, Dict, List, Literal, Mapping, Optional, Union")
        source.line()
        source.line("from ._wire import Message, Result, list_of, mapping, maybe, time")
        source.line()
        wrapped("__all__ = [", exported.map(quoted), "]", into: &source)
        source.line()
        methodTables(into: &source)
        for type in contract.types { enumeration(type, into: &source) }
        for (type, object) in contract.inputs { input(type.name, type.description, object, into: &source) }
        for type in results { result(type, into: &source) }
    }

    /// An object that the server gives.
    private struct ResultType {
        let name: String
        let description: String
        let object: ObjectShape
        /// Whether it is the result of a call, which may bear metadata.
        var isAnswer = false
    }

    private var results: [ResultType] {
        var results = contract.outputs.map {
            ResultType(name: $0.type.name, description: $0.type.description, object: $0.object)
        }
        for name in ["Violation", "StripeRefusal"] {  // parts of an error: only that itself is written by hand
            guard let type = contract.type(name), case .object(let object) = type.shape else { continue }
            results.append(ResultType(name: name, description: type.description, object: object))
        }
        for method in contract.methods {
            if let stream = method.stream {
                results.append(
                    ResultType(name: valueName(method), description: stream.description, object: stream.value))
            }
            guard let object = method.resultObject else { continue }
            results.append(
                ResultType(
                    name: resultName(method), description: method.resultDescription, object: object, isAnswer: true))
        }
        return results
    }

    private var exported: [String] {
        let enumerations = contract.types.filter {
            switch $0.shape {
            case .enumeration, .openEnumeration: true
            default: false
            }
        }
        return enumerations.map(\.name) + contract.inputs.map(\.type.name) + results.map(\.name)
    }

    private func methodTables(into source: inout SourceText) {
        let entries = contract.methods.map { "\"\($0.name)\": \($0.isSafeToRepeat ? "True" : "False")" }
        wrapped("SAFE_TO_REPEAT: Dict[str, bool] = {", entries, "}", into: &source)
        documentation("Whether a call of a method may be made again without an idempotency key.", into: &source)
        source.line()
        let streaming = contract.methods.filter { $0.stream != nil }.map { quoted($0.name) }
        wrapped("STREAMING = frozenset([", streaming, "])", into: &source)
        documentation("The methods that send values before their result.", into: &source)
    }

    private func enumeration(_ type: TypeModel, into source: inout SourceText) {
        switch type.shape {
        case .enumeration(let values, _):
            source.line()
            wrapped("\(type.name) = Literal[", values.map(quoted), "]", into: &source)
            documentation(type.description, into: &source)
        case .openEnumeration(let values, _):
            source.line()
            source.line("\(type.name) = str")
            documentation("\(type.description) Known: \(values.joined(separator: ", ")).", into: &source)
        default: break
        }
    }

    /// A class that callers make and give to the server.
    private func input(_ name: String, _ description: String, _ object: ObjectShape, into source: inout SourceText) {
        head(name, base: "Message", description, into: &source)
        let members = object.membersRequiredFirst
        source.indented { source in
            for member in members {
                let type = inputType(member.shape)
                let declared = member.isRequired ? type : "Optional[\(type)] = None"
                source.line("\(Names.snake(member.name)): \(declared)")
                documentation(member.description, into: &source)
            }
            source.line()
            names(of: members, into: &source)
        }
    }

    /// A class that the client makes of what the server gives.
    private func result(_ type: ResultType, into source: inout SourceText) {
        head(type.name, base: "Result", type.description, into: &source)
        let members = type.object.members
        source.indented { source in
            for member in members {
                let type = resultType(member.shape)
                source.line(
                    "\(Names.snake(member.name)): \(member.isOptional ? "Optional[\(type)]" : type)"
                        + (member.isSecret ? " = field(repr=False)" : ""))
                documentation(member.description, into: &source)
            }
            if type.isAnswer {
                source.line("meta: Optional[\(MethodModel.resultMetadata)] = field(default=None, compare=False)")
                documentation("What the server did for the call, where `verbose` asked for it.", into: &source)
            }
            source.line("raw: Dict[str, Any] = field(default_factory=dict, repr=False, compare=False)")
            documentation("The whole object as the server gave it, also what this client does not know.", into: &source)
            source.line()
            names(of: members, and: type.isAnswer ? ["\"meta\": \"_meta\""] : [], into: &source)
            source.line()
            source.line("@classmethod")
            source.block("def _of(cls, value: Any) -> \(type.name):", "") { source in
                source.line("raw = mapping(value)")
                source.block("return cls(", "") { source in
                    for member in members { source.line("\(Names.snake(member.name))=\(reading(member)),") }
                    if type.isAnswer {
                        source.line("meta=maybe(\(MethodModel.resultMetadata)._of, raw.get(\"_meta\")),")
                    }
                    source.line("raw=raw)")
                }
            }
        }
        source.trimBlankLines()
    }

    private func head(_ name: String, base: String, _ description: String, into source: inout SourceText) {
        source.line()
        source.line()
        source.line("@dataclass(frozen=True)")
        source.line("class \(name)(\(base)):")
        source.indented { documentation(description, into: &$0) }
        source.line()
    }

    private func names(of members: [MemberModel], and others: [String] = [], into source: inout SourceText) {
        wrapped("_names = {", members.map { "\"\(Names.snake($0.name))\": \"\($0.name)\"" } + others, "}", into: &source)
    }

    /// The expression that reads a member of `raw`.
    private func reading(_ member: MemberModel) -> String {
        let value = "raw.get(\"\(member.name)\")"
        if case .array(let element, _) = member.shape {
            return converter(element).map { "list_of(\($0), \(value))" } ?? "list(\(value) or [])"
        }
        guard let converter = converter(member.shape) else { return value }
        return member.isOptional ? "maybe(\(converter), \(value))" : "\(converter)(\(value))"
    }

    /// What makes a Python value of a JSON value; nil where they are the same.
    private func converter(_ shape: Shape) -> String? {
        switch shape {
        case .timestamp: "time"
        case .map, .raw: "mapping"
        case .reference(let name) where contract.isObject(name): "\(name)._of"
        default: nil
        }
    }
}
