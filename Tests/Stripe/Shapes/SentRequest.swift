/// A request as it arrived, its parameters put back into the tree that their names describe.
internal import Foundation
internal import TestSupport

struct SentRequest: Sendable {
    let line: String
    let method: String
    let path: [String]
    let parameters: SentParameter

    init(_ received: SocketServer.Received) {
        self.init(received.requestLine, body: String(decoding: received.body, as: UTF8.self))
    }

    init(_ requestLine: String, body: String) {
        line = requestLine
        let words = requestLine.split(separator: " ")
        let target = words[1].split(separator: "?", maxSplits: 1)
        method = String(words[0])
        path = target[0].split(separator: "/").map(Self.decoded)
        var tree = SentParameter.members([:])
        for pair in (target.dropFirst() + [Substring(body)]).flatMap({ $0.split(separator: "&") }) {
            let parts = pair.split(separator: "=", maxSplits: 1, omittingEmptySubsequences: false)
            let names = parts[0].split(whereSeparator: { $0 == "[" || $0 == "]" }).map(Self.decoded)
            tree.insert(Self.decoded(parts[1]), at: names[...])
        }
        parameters = tree
    }

    /// The paths that it asks to have expanded.
    var expansions: [String] {
        guard case .members(let members) = parameters, case .members(let paths)? = members["expand"] else { return [] }
        return paths.values.compactMap { if case .text(let path) = $0 { path } else { nil } }
    }

    private static func decoded(_ text: Substring) -> String { String(text).removingPercentEncoding ?? String(text) }
}

indirect enum SentParameter: Sendable, Equatable {
    case text(String)
    case members([String: SentParameter])

    mutating func insert(_ text: String, at names: ArraySlice<String>) {
        guard let name = names.first else {
            self = .text(text)
            return
        }
        var members = if case .members(let members) = self { members } else { [String: SentParameter]() }
        members[name, default: .members([:])].insert(text, at: names.dropFirst())
        self = .members(members)
    }

    /// Every name in it, however deep.
    var names: Set<String> {
        guard case .members(let members) = self else { return [] }
        return members.values.reduce(into: Set(members.keys)) { $0.formUnion($1.names) }
    }
}
