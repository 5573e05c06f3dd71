/// schemagen --compat: what breaks callers of an older contract is named, and nothing else is.
import Foundation
import Testing

struct CompatibilityTests {
    private let generator = GeneratorTests()

    /// What schemagen says of the schemas of this checkout after one of them was changed.
    private func compare(_ file: String, _ text: String, _ replacement: String) throws -> (status: Int32, errors: String) {
        var result: (status: Int32, errors: String) = (0, "")
        try generator.withCopy { copy in
            try generator.replace(text, by: replacement, in: copy.appendingPathComponent("Schemas/\(file)"))
            result = try generator.run(["--compat", GeneratorTests.root.path, copy.path])
        }
        return result
    }

    @Test(arguments: [
        // A result's member that was always there.
        (
            "methods/Cancel.json", "\"cancelAtPeriodEnd\",\n        \"endsAt\"", "\"endsAt\"",
            "Cancel result/cancelAtPeriodEnd is not always there now"
        ),
        ("methods/Cancel.json", "\"endsAt\": {", "\"endedAt\": {", "Cancel result/endsAt is gone"),
        (
            "types/Subscription.json", "\"customerId\": {", "\"customer\": {",
            "Cancel result/subscription/customerId is gone"
        ),
        (
            "types/Plan.json", "\"unitAmount\": {\n      \"type\": [\n        \"integer\"",
            "\"unitAmount\": {\n      \"type\": [\n        \"string\"",
            "ListPlans result/plans/items/unitAmount is null or string, and was integer or null"
        ),
        ("types/Intent.json", "\"none\"", "\"none\",\n    \"later\"", "result/intent may be \"later\" now"),
        // What callers may give.
        (
            "methods/Cancel.json", "\"name\": \"when\",", "\"name\": \"when\",\n      \"required\": true,",
            "Cancel params/when must be given now"
        ),
        ("methods/Cancel.json", "\"name\": \"comment\"", "\"name\": \"remark\"", "Cancel params/comment is gone"),
        ("types/ChangeTiming.json", "\"periodEnd\"", "\"later\"", "Cancel params/when may no longer be \"periodEnd\""),
        ("methods/Cancel.json", "\"maxLength\": 500", "\"maxLength\": 400", "Cancel params/comment has another maxLength"),
        (
            "methods/Cancel.json", "\"default\": \"now\"", "\"default\": \"periodEnd\"",
            "Cancel params/when has another default"
        ),
        ("methods/PreviewChange.json", "\"atMostOneOf\"", "\"exactlyOneOf\"", "PreviewChange params has another rule"),
        // The methods and errors themselves.
        ("methods/Cancel.json", "\"x-scope\": \"write\"", "\"x-scope\": \"ingest\"", "Cancel needs another scope"),
        ("openrpc.json", "{\n      \"$ref\": \"methods/rpc.health.json\"\n    }", "", "rpc.health is gone"),
        ("openrpc.json", "\"maximumLineBytes\": 1048576", "\"maximumLineBytes\": 65536", "a line may have 65536 bytes"),
    ])
    func `a change that breaks callers is named`(
        file: String, text: String, replacement: String, problem: String
    ) throws {
        var result: (status: Int32, errors: String) = (0, "")
        try generator.withCopy { copy in
            try generator.replace(text, by: replacement, in: copy.appendingPathComponent("Schemas/\(file)"))
            if problem == "rpc.health is gone" {
                // What is listed no longer must not lie about either.
                let listed = copy.appendingPathComponent("Schemas/openrpc.json")
                try generator.replace(
                    "\"methods/rpc.discover.json\"\n    },", by: "\"methods/rpc.discover.json\"\n    }", in: listed)
                try FileManager.default.removeItem(at: copy.appendingPathComponent("Schemas/methods/rpc.health.json"))
            }
            result = try generator.run(["--compat", GeneratorTests.root.path, copy.path])
        }
        #expect(result.status == 1)
        #expect(result.errors.contains(problem), "\(result.errors)")
        #expect(result.errors.contains("raise x-protocol.version"), "\(result.errors)")
    }

    @Test(arguments: [
        ("methods/Cancel.json", "\"required\": true,\n", ""),
        ("methods/Cancel.json", "\"maxLength\": 500", "\"maxLength\": 600"),
        ("types/ChangeTiming.json", "\"now\",", "\"now\",\n    \"later\","),
        (
            "methods/Cancel.json", "\"cancelAtPeriodEnd\": {",
            "\"novelty\": {\"type\": \"string\"}, \"cancelAtPeriodEnd\": {"
        ),
        (
            "methods/Cancel.json", "\"name\": \"comment\"",
            "\"name\": \"novelty\", \"summary\": \"N\", \"schema\": {\"type\": \"string\"}}, {\"name\": \"comment\""
        ),
        ("methods/Cancel.json", "\"description\": \"Why the customer cancels.\"", "\"description\": \"The reason.\""),
    ])
    func `what callers need not know of is compatible`(file: String, text: String, replacement: String) throws {
        let result = try compare(file, text, replacement)
        #expect(result.status == 0, "\(result.errors)")
    }

    @Test func `a new protocol version may break what it likes, and an old one may not come back`() throws {
        try generator.withCopy { copy in
            let method = copy.appendingPathComponent("Schemas/methods/Cancel.json")
            try generator.replace("\"name\": \"comment\"", by: "\"name\": \"remark\"", in: method)
            let global = copy.appendingPathComponent("Schemas/openrpc.json")
            try generator.replace("\"version\": 1,", by: "\"version\": 2,", in: global)
            #expect(try generator.run(["--compat", GeneratorTests.root.path, copy.path]).status == 0)
            let back = try generator.run(["--compat", copy.path, GeneratorTests.root.path])
            #expect(back.status == 1)
            #expect(back.errors.contains("the protocol version went back"))
        }
    }

    @Test func `what is no contract is refused`() throws {
        let result = try generator.run(["--compat", GeneratorTests.root.path + "/Package.swift", GeneratorTests.root.path])
        #expect(result.status == 1)
        #expect(result.errors.contains("Package.swift: "))
        #expect(try generator.run(["--compat"]).status == 2)
    }
}
