/// The module `_methods`: the client, with a method for each of the service's.
import JSON

extension PythonEmitter {
    func methods(into source: inout SourceText) {
        source.line("\"\"\"The client, with a method for each of the service's.\"\"\"")
        source.line()
        source.line("from __future__ import annotations")
        source.line()
        source.line("from typing import TYPE_CHECKING, Any, Dict, Mapping, Optional, Sequence, Union")
        source.line()
        source.line("from ._client import CallOptions, Client, Stream")
        let named = contract.methods.flatMap { method in
            (method.stream == nil ? [] : [valueName(method)]) + (method.resultObject == nil ? [] : [resultName(method)])
                + method.params.members.flatMap { typeNames($0.shape) }
        }
        wrapped("from ._types import (", Set(named).sorted(), ")", into: &source)
        source.line("from ._wire import given")
        source.line()
        source.line("if TYPE_CHECKING:")
        source.indented { $0.line("from typing_extensions import Unpack") }
        source.line()
        source.line()
        source.block("class Dues(Client):", "") { source in
            documentation(
                "A Dues server, with a method for each of the service's. Any number of threads may call it at once.",
                into: &source)
            for method in contract.methods { self.method(method, into: &source) }
        }
    }

    private func typeNames(_ shape: Shape) -> [String] {
        switch shape {
        case .reference(let name): [name]
        case .array(let element, _): typeNames(element)
        default: []
        }
    }

    private func method(_ method: MethodModel, into source: inout SourceText) {
        let members = method.params.membersRequiredFirst
        let parameters = members.map { member in
            let type = inputType(member.shape)
            return "\(Names.snake(member.name)): \(member.isRequired ? type : "Optional[\(type)] = None")"
        }
        let result = resultName(method)
        let type = method.stream == nil ? result : "Stream[\(valueName(method)), \(result)]"
        source.line()
        let items = ["self"] + (parameters.isEmpty ? [] : ["*"]) + parameters + ["**options: Unpack[CallOptions]"]
        let signature = "def \(Names.snake(method.name))(\(items.joined(separator: ", "))) -> \(type):"
        if signature.count <= source.room {
            source.line(signature)
        } else {
            source.block("def \(Names.snake(method.name))(", ") -> \(type):") { source in
                for row in source.rows(of: items, room: source.room) { source.line(row) }
            }
        }
        source.indented { source in
            documentation(of: method, members, into: &source)
            let wire = members.map { "\"\($0.name)\": \(Names.snake($0.name))" }
            let params = members.isEmpty ? "{" : "given({"
            let end = members.isEmpty ? "}" : "})"
            if method.stream != nil {
                wrapped(
                    "return self._stream(\(valueName(method))._of, \(result)._of, \"\(method.name)\", \(params)", wire,
                    "\(end), **options)", into: &source)
            } else if method.resultObject == nil {
                wrapped("return self.call(\"\(method.name)\", \(params)", wire, "\(end), **options)", into: &source)
            } else {
                wrapped(
                    "return \(result)._of(self.call(\"\(method.name)\", \(params)", wire, "\(end), **options))",
                    into: &source)
            }
        }
    }

    private func documentation(of method: MethodModel, _ members: [MemberModel], into source: inout SourceText) {
        let spelled = { Names.spelled($0, members, by: Names.snake) }
        let summary = "\"\"\"\(method.summary) \(spelled(method.description))"
        if members.isEmpty { return source.prose(summary + "\"\"\"", mark: "") }
        source.prose(summary, mark: "")
        source.line()
        for member in members {
            let standard = member.defaultValue.map { " Default: \($0.stringValue ?? $0.text)." } ?? ""
            source.prose("\(Names.snake(member.name)): \(spelled(member.description))\(standard)", mark: "")
        }
        source.line("\"\"\"")
    }
}
