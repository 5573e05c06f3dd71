import Foundation
import Testing

/// The rules of the house that the compiler does not keep.
@Suite struct HouseRules {
    @Test func `every import follows an arrow that points downward`() throws {
        let files = try SourceFile.ofTargets()
        #expect(files.count > 50, "the test must have found the sources")
        for file in files {
            #expect(Arrows.direct[file.target] != nil, "\(file): no arrows are known for \(file.target)")
            let allowed = Arrows.allowed(file.target)
            for module in file.imports where !Arrows.system.contains(module) {
                #expect(allowed.contains(module), "\(file) imports \(module), but \(file.target) may not")
            }
        }
    }

    @Test func `an arrow never closes a circle`() {
        for target in Arrows.direct.keys { #expect(!Arrows.allowed(target).contains(target)) }
    }

    @Test func `no file that a person writes is longer than 500 lines`() throws {
        for file in try SourceFile.ofTargets() + SourceFile.all(below: "Tests") where !file.isGenerated {
            #expect(file.lines.count <= 500, "\(file) has \(file.lines.count) lines")
        }
    }

    /// Standard output belongs to the protocol: what a person reads is written by `Log.swift`, and by the generator, which is
    /// not part of the program. Nor does a library print.
    @Test func `nothing prints`() throws {
        let allowed: Set<String> = ["Sources/dues/Log.swift"]
        let calls = ["print(", "debugPrint(", "dump(", "puts(", "putchar(", "stdout"]
        let silent = try SourceFile.all(below: "Sources") + SourceFile.all(below: "clients/swift/Sources")
        for file in silent where !allowed.contains(file.path) && file.target != "schemagen" {
            for (number, line) in file.lines.enumerated() where !line.contains("//") && !file.isGenerated {
                let call = calls.first { call in
                    line.firstRange(of: call).map { !line[..<$0.lowerBound].endsInWord } ?? false
                }
                #expect(call == nil, "\(file):\(number + 1) prints: \(line)")
            }
        }
    }

    @Test func `nothing is left to be done`() throws {
        let marks = ["TO" + "DO", "FIX" + "ME", "XX" + "X:", "HA" + "CK"]
        let folders = ["Sources", "Tests", "Schemas", "clients"]
        for file in try folders.flatMap({
            try SourceFile.all(
                below: $0,
                extensions: [
                    "swift", "py", "json", "jsonl", "c", "h", "md", "js", "ts", "rb", "rbs", "php", "java", "go", "cs",
                    "sh",
                ])
        }) {
            for mark in marks {
                let line = file.lines.firstIndex { $0.contains(mark) }
                #expect(line == nil, "\(file):\((line ?? 0) + 1) holds \(mark)")
            }
        }
    }

    /// The client for Swift is held to what every client does, by its driver.
    @Test func `every target has its tests`() throws {
        let cCode: Set<String> = ["CLinux", "CCurl", "CSQLite", "CPostgreSQL", "COpenSSL"]
        let tested = try Set(SourceFile.all(below: "Tests").map { $0.target.lowercased() })
        for target in Arrows.direct.keys
        where !cCode.contains(target) && target != "schemagen" && !target.hasPrefix("DuesClient") {
            #expect(tested.contains(target.lowercased()), "Tests/\(target) is missing")
        }
    }
}

extension Substring {
    /// Whether what follows would be the rest of a longer name.
    fileprivate var endsInWord: Bool { last.map { $0.isLetter || $0.isNumber || $0 == "_" } ?? false }
}
