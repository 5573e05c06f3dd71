/// schemagen: reads Schemas/ and writes what follows from it, or checks that it is written.
import Foundation
import JSON

@main
struct Main {
    static let help = """
        usage: schemagen [--check | --document | --compat OLD] [ROOT]

        Reads ROOT/Schemas (ROOT is the current directory unless given), checks its conventions, and writes
        ROOT/Sources/Contract/Generated/*.swift and the generated parts of ROOT/clients.

          --check     write nothing; exit 1 and name each file that is not as it would be written
          --document  write nothing; print the OpenRPC document
          --compat OLD
                      write nothing; exit 1 and name all that would break callers of OLD, an older OpenRPC document or an
                      older checkout's root, unless the protocol version has risen since
          --help      this text

        """

    static func main() {
        var isCheck = false
        var isDocument = false
        var older: String?
        var root: String?
        var arguments = CommandLine.arguments.dropFirst()
        while let argument = arguments.popFirst() {
            switch argument {
            case "--compat":
                guard let path = arguments.popFirst() else { fail(["schemagen: --compat needs OLD\n\(help)"], status: 2) }
                older = path
            case "--check": isCheck = true
            case "--document": isDocument = true
            case "--help", "-h":
                say(help)
                exit(0)
            case _ where !argument.hasPrefix("-") && root == nil: root = argument
            default: fail(["schemagen: \(argument) is not understood\n\(help)"], status: 2)
            }
        }
        do throws(SchemaErrors) {
            let workspace = Workspace(root: root ?? ".")
            let source = try SchemaLoader(workspace: workspace).load()
            let document = try Bundle(source).document()
            if isDocument {
                say(document.prettyText + "\n")
                return
            }
            if let older { return try compare(with: older, document) }
            let contract = try ContractModel(source)
            try Conventions(contract: contract, source: source, document: document).check()
            let files = Generator(contract: contract, document: document, workspace: workspace).files()
            let stale = workspace.stale(files)
            if isCheck {
                if !stale.isEmpty { fail(stale.map { "\($0): stale; run schemagen" }) }
                return
            }
            for path in try workspace.write(files) { say("wrote \(path)\n") }
        } catch {
            fail(error.problems)
        }
    }

    private static func compare(with older: String, _ document: JSONValue) throws(SchemaErrors) {
        let compatibility = try Compatibility(old: older, new: document)
        let breaks = compatibility.breaks()
        if breaks.isEmpty { return say("compatible with \(older)\n") }
        if compatibility.hasNewVersion {
            return say(
                breaks.map { "\($0)\n" }.joined() + "the protocol version has risen: callers of the older one are told\n")
        }
        fail(breaks + ["schemagen: this breaks callers of \(older); raise x-protocol.version, or keep what they use"])
    }

    private static func say(_ text: String) { FileHandle.standardOutput.write(Data(text.utf8)) }

    private static func fail(_ problems: [String], status: Int32 = 1) -> Never {
        FileHandle.standardError.write(Data((problems.joined(separator: "\n") + "\n").utf8))
        exit(status)
    }
}
