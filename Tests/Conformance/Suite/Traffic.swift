import JSON
import Synchronization
import Testing
import Transcripts

@testable import schemagen

/// All that was said in a run: held to the schemas, and counted.
final class Traffic: Sendable {
    /// A method together with what it was answered: a reason, or nil for a result.
    struct Exercise: Hashable, CustomStringConvertible {
        let method: String
        let reason: String?
        var isAboutTokens: Bool {
            ["TOKEN_REQUIRED", "TOKEN_UNKNOWN", "SCOPE_REQUIRED", "TOO_MANY_ATTEMPTS"].contains(reason)
        }
        var description: String { "\(method): \(reason ?? "a result")" }
    }

    private struct State {
        /// The calls without an answer, by connection (a transcript's name) and id.
        var calls: [String: [String: (method: String, params: JSONValue)]] = [:]
        var exercised: Set<Exercise> = []
        var problems: [String] = []
    }

    private let state = Mutex(State())
    nonisolated(unsafe) private let contract: ContractModel  // a value that nothing changes

    init() throws {
        contract = try ContractModel(SchemaLoader(workspace: Workspace(root: ClientManifest.repository)).load())
    }

    var exercised: Set<Exercise> { state.withLock { $0.exercised } }
    var problems: [String] { state.withLock { $0.problems } }

    /// Every method's result and every error that the contract declares.
    var declared: Set<Exercise> {
        Set(
            contract.methods.flatMap { method in
                ([nil] + method.errors.map { $0 }).map { Exercise(method: method.name, reason: $0) }
            })
    }

    func note(_ transcript: Transcript, _ traffic: TranscriptPlayer.Traffic) {
        state.withLock { state in
            switch traffic {
            case .sent(.array(let batch)): for call in batch { sent(call, transcript, &state) }
            case .sent(let call): sent(call, transcript, &state)
            case .received(.array(let batch)): for answer in batch { received(answer, transcript, &state) }
            case .received(let message): received(message, transcript, &state)
            }
        }
    }

    private func sent(_ call: JSONValue, _ transcript: Transcript, _ state: inout State) {
        guard let id = call["id"], let method = call["method"]?.stringValue else { return }
        state.calls[transcript.name, default: [:]][id.text] = (method, call["params"] ?? [:])
    }

    private func received(_ message: JSONValue, _ transcript: Transcript, _ state: inout State) {
        let isStream = message["method"] == "rpc.stream"
        let id = (isStream ? message["params"]?["id"] : message["id"])?.text ?? ""
        guard let call = state.calls[transcript.name]?[id],
            let method = contract.methods.first(where: { $0.name == call.method })
        else { return }
        let found =
            if isStream {
                problems(of: value(message), in: method.stream.map { .object($0.value) })
            } else if let error = message["error"] {
                problems(of: error, as: method)
            } else {
                problems(of: message["result"] ?? .null, as: method, params: call.params)
            }
        state.problems += (found + secrets(in: message, as: method)).map { "\(transcript.name): \(call.method): \($0)" }
        if !isStream {
            let reason = message["error"]?["data"]?["reason"]?.stringValue
            state.exercised.insert(
                Exercise(method: call.method, reason: message["error"] == nil ? nil : reason ?? "(none)"))
        }
    }

    /// The places of keys and secrets that no caller was meant to be given. A browser's secret has a member of its own, the way
    /// to the portal a result of its own, and the service's own document has examples of both.
    private func secrets(in message: JSONValue, as method: MethodModel) -> [String] {
        guard method.name != "rpc.discover", method.name != "CreatePortalSession" || message["error"] != nil else {
            return []
        }
        return secrets(in: message, at: "")
    }

    private func secrets(in value: JSONValue, at place: String) -> [String] {
        switch value {
        case .string(let text):
            Self.secrets.contains { text.contains($0) } ? ["\(place) shows a secret"] : []
        case .array(let elements): elements.enumerated().flatMap { secrets(in: $1, at: "\(place)/\($0)") }
        case .object(let object):
            object.members.filter { $0.key != "clientSecret" }.flatMap { secrets(in: $0.value, at: "\(place)/\($0.key)") }
        default: []
        }
    }

    private static let secrets = [
        "_secret_", "sk_test_", "sk_live_", "rk_test_", "rk_live_", "whsec_", "/p/session/", "Bearer ",
    ]

    private func value(_ message: JSONValue) -> JSONValue { message["params"]?["value"] ?? .null }

    private func problems(of value: JSONValue, in shape: Shape?) -> [String] {
        guard case .object(var object)? = shape else { return ["is not a stream, and sends values"] }
        object.isClosed = true
        return ExampleValidator(contract: contract).problems(value, .object(object), at: "value")
    }

    private func problems(of result: JSONValue, as method: MethodModel, params: JSONValue) -> [String] {
        let validator = ExampleValidator(contract: contract)
        let given = JSONValue.object(
            JSONObject((params.objectValue ?? [:]).filter { $0.key != "_meta" }.map { ($0.key, $0.value) }))
        var found = validator.problems(given, .object(method.params), at: "params")
        guard case .object(var object, _) = method.result else { return found }
        object.isClosed = true
        object.members.append(
            MemberModel(
                name: "_meta", description: "", isRequired: false, isNullable: false,
                shape: .reference(MethodModel.resultMetadata), defaultValue: nil))
        found += validator.problems(result, .object(object), at: "result")
        return found
    }

    private func problems(of error: JSONValue, as method: MethodModel) -> [String] {
        guard let data = error["data"], let reason = data["reason"]?.stringValue else { return ["an error has no reason"] }
        var found = ExampleValidator(contract: contract).problems(data, .reference("ErrorData"), at: "error/data")
        guard let model = contract.reasons.first(where: { $0.name == reason }) else {
            return found + ["\(reason) is no reason"]
        }
        if error["code"] != .integer(model.code) || data["status"] != .string(model.status) {
            found.append(
                "\(reason) has the code \(error["code"]?.text ?? "none") and the status \(data["status"]?.text ?? "none")")
        }
        if !method.errors.contains(reason) { found.append("\(reason) is not declared") }
        return found
    }
}
