/// schemagen itself: the checkout holds what it would write, and it says precisely what is wrong with schemas.
import Foundation
import Testing

struct GeneratorTests {
    static let root = URL(fileURLWithPath: #filePath)
        .deletingLastPathComponent().deletingLastPathComponent().deletingLastPathComponent()

    /// The generator stands beside the test bundle.
    private static let schemagen = URL(fileURLWithPath: "/proc/self/exe").resolvingSymlinksInPath()
        .deletingLastPathComponent().appendingPathComponent("schemagen")

    func run(_ arguments: [String]) throws -> (status: Int32, errors: String) {
        let process = Process()
        process.executableURL = Self.schemagen
        process.arguments = arguments
        let errors = Pipe()
        process.standardError = errors
        process.standardOutput = FileHandle.nullDevice
        try process.run()
        let said = errors.fileHandleForReading.readDataToEndOfFile()
        process.waitUntilExit()
        return (process.terminationStatus, String(decoding: said, as: UTF8.self))
    }

    /// A copy of what the generator reads and writes, for `body` to spoil.
    func withCopy(_ body: (URL) throws -> Void) throws {
        let files = FileManager.default
        let copy = files.temporaryDirectory.appendingPathComponent("schemagen-\(UUID().uuidString)")
        defer { try? files.removeItem(at: copy) }
        for folder in ["Schemas", "Sources/Contract/Generated", "clients"] {
            let target = copy.appendingPathComponent(folder)
            try files.createDirectory(at: target.deletingLastPathComponent(), withIntermediateDirectories: true)
            try files.copyItem(at: Self.root.appendingPathComponent(folder), to: target)
        }
        try body(copy)
    }

    func replace(_ text: String, by replacement: String, in file: URL) throws {
        let before = try String(contentsOf: file, encoding: .utf8)
        #expect(before.contains(text), "\(file.lastPathComponent) has no \(text)")
        try before.replacing(text, with: replacement, maxReplacements: 1)
            .write(to: file, atomically: true, encoding: .utf8)
    }

    @Test func `the generated files are what the schemas say`() throws {
        let result = try run(["--check", Self.root.path])
        #expect(result.status == 0, "\(result.errors)")
    }

    @Test func `a file that was changed, is missing or is too many is stale, and writing mends it`() throws {
        try withCopy { copy in
            let generated = copy.appendingPathComponent("Sources/Contract/Generated")
            try replace("Cancel", by: "Quit", in: generated.appendingPathComponent("Methods.swift"))
            try FileManager.default.removeItem(at: generated.appendingPathComponent("Cancel.swift"))
            try "".write(to: generated.appendingPathComponent("Old.swift"), atomically: true, encoding: .utf8)
            try replace("def cancel", by: "def quit", in: copy.appendingPathComponent("clients/python/dues/_methods.py"))
            let check = try run(["--check", copy.path])
            #expect(check.status == 1)
            for name in ["Generated/Methods.swift", "Generated/Cancel.swift", "Generated/Old.swift", "dues/_methods.py"] {
                #expect(check.errors.contains("\(name): stale; run schemagen\n"))
            }
            #expect(check.errors.split(separator: "\n").count == 4)
            #expect(try run([copy.path]).status == 0)
            #expect(try run(["--check", copy.path]).status == 0)
        }
    }

    @Test(arguments: [
        ("types/Customer.json", "schemas/Address\"", "schemas/Adress\"", "leads nowhere"),
        (
            "types/Customer.json", "\"description\": \"The customer's id (cus_…).\"", "\"description\": \"\"",
            "has no description"
        ),
        ("types/Id.json", "[!-", "[#-", "has no check in Contract"),
        ("types/Id.json", "\"maxLength\"", "\"maximumLength\"", "the keyword maximumLength is not used"),
        ("types/Card.json", "\"maximum\": 12", "\"maxLength\": 12", "the keyword maxLength is not used"),
        ("methods/Cancel.json", "\"x-scope\"", "\"x-locall\": true,\n  \"x-scope\"", "the keyword x-locall is not used"),
        ("types/Currency.json", "\"string\"", "\"number\"", "type number is not used in the contract"),
        ("methods/Cancel.json", "\"name\": \"Cancel\"", "\"name\": \"Quit\"", "is named Quit inside"),
        ("methods/Cancel.json", "\"x-scope\": \"write\"", "\"x-scope\": \"all\"", "x-scope must be"),
        ("methods/Cancel.json", "errors/NO_SUCH_SUBSCRIPTION", "errors/NO_SUCH_THING", "names the error NO_SUCH_THING"),
        (
            "methods/Cancel.json", "\"value\": \"too_expensive\"", "\"value\": \"too_dear\"",
            "params/feedback must be one of"
        ),
        (
            "methods/Cancel.json", "\"endsAt\": \"2026-04-16T00:00:00Z\"", "\"endsAt\": \"tomorrow\"",
            "result/endsAt must be a time"
        ),
        ("methods/Cancel.json", "\"endsAt\": \"2026-04-16T00:00:00Z\"", "\"ends\": null", "result has no member ends"),
        ("methods/CheckAccess.json", "\"feature\"\n      ]", "\"features\"\n      ]", "x-rules names features"),
        ("methods/WatchEvents.json", "\"x-streaming\": true,", "", "x-streaming: true and x-stream-value belong together"),
        ("methods/WatchEvents.json", "\"x-local\": true", "\"x-local\": false", "streams, which only"),
        ("methods/WatchEvents.json", "\"seq\": 17", "\"seq\": \"17\"", "x-stream-values/0/seq must be an integer"),
        (
            "methods/WatchEvents.json", "\"object\": {\n            \"id\"", "\"thing\": {\n            \"id\"",
            "x-stream-values/0"
        ),
        (
            "methods/Cancel.json", "\"result\": {\n        \"name\"",
            "\"x-stream-values\": [{}], \"result\": {\n        \"name\"",
            "the method does not stream"
        ),
        ("openrpc.json", "-32005", "-32004", "NOT_FOUND is -32005"),
        ("openrpc.json", "{\n      \"$ref\": \"methods/Cancel.json\"\n    },", "", "Cancel.json: is not listed"),
        ("openrpc.json", "\"openrpc\":", "\"openrpc\" ", "at byte"),
    ])
    func `what is wrong with a schema is said, with the file`(
        file: String, text: String, replacement: String, problem: String
    ) throws {
        try withCopy { copy in
            try replace(text, by: replacement, in: copy.appendingPathComponent("Schemas/\(file)"))
            let result = try run([copy.path])
            #expect(result.status == 1)
            #expect(result.errors.contains(problem), "\(result.errors)")
            #expect(result.errors.hasPrefix("Schemas/"), "\(result.errors)")
        }
    }

    @Test func `the document is valid OpenRPC, where its meta-schema and the means to check are here`() throws {
        let process = Process()
        process.executableURL = URL(fileURLWithPath: "/usr/bin/env")
        process.arguments = [
            "python3", Self.root.appendingPathComponent("Tests/Contract/validate_openrpc.py").path, Self.schemagen.path,
        ]
        try process.run()
        process.waitUntilExit()
        #expect([0, 77].contains(process.terminationStatus))
    }
}
