internal import Contract
internal import JSON

extension Command {
    /// `dues schema`: the contract.
    static let schema = Command(
        name: "schema", summary: "Print the OpenRPC document, or one method of it.", operands: "[METHOD]", flags: [],
        discussion: "The document is what rpc.discover answers: every method, type, error and example."
    ) { arguments throws(Failure) in
        // The document is generated, and a test parses it.
        guard let document = try? JSONValue(parsing: ContractDocument.openRPC) else {
            throw Failure("the document that this program carries is damaged")
        }
        guard let name = arguments.operands.first else {
            StandardOutput.write(document.prettyText + "\n")
            return 0
        }
        let methods = document["methods"]?.arrayValue ?? []
        guard let method = methods.first(where: { $0["name"]?.stringValue == name }) else {
            let names = methods.compactMap { $0["name"]?.stringValue }.joined(separator: ", ")
            throw .usage("there is no method \"\(name)\"; there are \(names)")
        }
        StandardOutput.write(method.prettyText + "\n")
        return 0
    }
}
