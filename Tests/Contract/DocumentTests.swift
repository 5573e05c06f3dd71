/// The bundled OpenRPC document, and what of it Swift knows.
import Contract
import JSON
import Testing

struct DocumentTests {
    private let document: JSONValue

    init() throws { document = try JSONValue(parsing: ContractDocument.openRPC) }

    @Test func `the document is one line and names the protocol version`() {
        #expect(!ContractDocument.openRPC.contains("\n"))
        #expect(document["openrpc"] == "1.3.2")
        #expect(document["x-protocol"]?["version"]?.integerValue == Int64(protocolVersion))
    }

    @Test func `its methods are the methods`() throws {
        let methods = try #require(document["methods"]?.arrayValue)
        #expect(methods.compactMap { $0["name"]?.stringValue } == Method.allCases.map(\.rawValue))
        for (json, method) in zip(methods, Method.allCases) {
            #expect(json["x-scope"]?.stringValue == method.scope?.rawValue ?? "none")
            #expect(json["x-local"]?.boolValue ?? false == method.isLocal)
            #expect(json["x-streaming"]?.boolValue ?? false == method.isStreaming)
            #expect((json["x-stream-value"]?["properties"] != nil) == method.isStreaming)
            #expect(
                json["errors"]?.arrayValue?.compactMap { $0["$ref"]?.stringValue }
                    == method.reasons.map { "#/components/errors/\($0)" })
        }
    }

    @Test func `its errors are the reasons, with the codes of their statuses`() throws {
        let errors = try #require(document["components"]?["errors"]?.objectValue)
        #expect(errors.keys == Reason.all.map(\.name))
        for (reason, error) in zip(Reason.all, errors.map(\.value)) {
            #expect(error["code"]?.integerValue == Int64(reason.code))
            #expect(error["data"]?["status"]?.stringValue == reason.status.name)
            #expect(error["data"]?["retryable"]?.boolValue == reason.retryable)
        }
    }

    @Test func `every reference leads somewhere`() throws {
        var references: Set<String> = []
        collect(document, into: &references)
        #expect(references.count > 50)
        for reference in references {
            var target: JSONValue? = document
            for token in reference.split(separator: "/").dropFirst() { target = target?[String(token)] }
            #expect(target != nil, "\(reference)")
        }
    }

    private func collect(_ json: JSONValue, into references: inout Set<String>) {
        if let reference = json["$ref"]?.stringValue { references.insert(reference) }
        for (_, value) in json.objectValue ?? [:] { collect(value, into: &references) }
        for value in json.arrayValue ?? [] { collect(value, into: &references) }
    }

    @Test(arguments: Method.allCases)
    func `the params of every example arrive whole`(method: Method) async throws {
        let json = try #require(document["methods"]?.arrayValue?.first { $0["name"]?.stringValue == method.rawValue })
        let defaults = (json["params"]?.arrayValue ?? []).compactMap { param in
            param["schema"]?["default"].map { (param["name"]?.stringValue ?? "", $0) }
        }
        let examples = try #require(json["examples"]?.arrayValue)
        #expect(!examples.isEmpty)
        for example in examples {
            var params = JSONObject(
                (example["params"]?.arrayValue ?? []).map { ($0["name"]?.stringValue ?? "", $0["value"] ?? .null) })
            let echoed = try await method.echo(JSONValue.object(params).text)
            let meta = params["_meta"]
            #expect(echoed.metadata.timeoutMilliseconds == meta?["timeoutMs"]?.integerValue)
            #expect(echoed.metadata.idempotencyKey == meta?["idempotencyKey"]?.stringValue)
            params["_meta"] = nil
            for (name, value) in defaults where params[name] == value { params[name] = nil }
            #expect(echoed.params == .object(params))
        }
    }
}
