/// schemagen: reads Schemas/ and writes what follows from it, or checks that it is written.
import Foundation
import JSON

@main
struct Main {
    static let help = """
        usage: schemagen [--check] [--document] [ROOT]

        Reads ROOT/Schemas (ROOT is the current directory unless given), checks its conventions, and writes
        ROOT/Sources/Contract/Generated/*.swift and the generated parts of ROOT/clients.

          --check     write nothing; exit 1 and name each file that is not as it would be written
          --document  write nothing; print the OpenRPC document
          --help      this text

        """

    static func main() {
        var isCheck = false
        var isDocument = false
        var root: String?
        for argument in CommandLine.arguments.dropFirst() {
            switch argument {
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
            let contract = try ContractModel(source)
            try Conventions(contract: contract, source: source, document: document).check()
            let files = try Generator(contract: contract, document: document, workspace: workspace).files()
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

    private static func say(_ text: String) { FileHandle.standardOutput.write(Data(text.utf8)) }

    private static func fail(_ problems: [String], status: Int32 = 1) -> Never {
        FileHandle.standardError.write(Data((problems.joined(separator: "\n") + "\n").utf8))
        exit(status)
    }
}
