import Foundation

/// What every fuzzer shares: how a broken promise is reported, and how one input is cut into pieces.
///
/// A fuzzer is one Swift module: this file, its own harness, and the sources under test, compiled with
/// `-sanitize=fuzzer,address` by `run.sh`. An input has no structure beyond its bytes, so that a file of the corpus is what it
/// looks like, and a finding can be pasted into a test.
enum Fuzzing {
    /// Ends the process, which is how libFuzzer learns of a finding: it saves the input and says where.
    /// The word FINDING tells a broken promise from any other death; `run.sh` looks for it.
    static func finding(_ promise: String, _ details: String...) -> Never {
        let lines = ["FINDING: \(promise)"] + details.map { "  \($0)" }
        FileHandle.standardError.write(Data((lines.joined(separator: "\n") + "\n").utf8))
        abort()
    }

    /// Requires `condition`; the details are only made where it does not hold.
    static func require(_ condition: Bool, _ promise: String, _ details: @autoclosure () -> String = "") {
        if !condition { finding(promise, details()) }
    }

    /// Ways to cut `bytes` into pieces: whole, bytes alone, a few fixed sizes, and sizes drawn from the bytes themselves, so
    /// that an input always gives the same pieces and every mutation gives new ones.
    static func chunkings(_ bytes: [UInt8]) -> [[ArraySlice<UInt8>]] {
        [1, 2, 3, 7].map { size in cut(bytes) { size } } + [[bytes[...]], drawn(bytes)]
    }

    private static func drawn(_ bytes: [UInt8]) -> [ArraySlice<UInt8>] {
        // FNV-1a for the start, then a 64-bit linear congruential generator: nothing here needs to be better than that.
        var state = bytes.reduce(0xCBF2_9CE4_8422_2325) { ($0 ^ UInt64($1)) &* 0x100_0000_01B3 }
        return cut(bytes) {
            state = state &* 6_364_136_223_846_793_005 &+ 1_442_695_040_888_963_407
            return 1 + Int(state >> 59)
        }
    }

    private static func cut(_ bytes: [UInt8], _ size: () -> Int) -> [ArraySlice<UInt8>] {
        var pieces: [ArraySlice<UInt8>] = []
        var rest = bytes[...]
        while !rest.isEmpty {
            let piece = rest.prefix(size())
            pieces.append(piece)
            rest = rest.dropFirst(piece.count)
        }
        return pieces
    }

    /// `bytes` as a person can read them in a report.
    static func show(_ bytes: some Sequence<UInt8>) -> String {
        String(decoding: Array(bytes), as: UTF8.self).debugDescription
    }
}

/// The one function that libFuzzer calls, with each input; `fuzz` is the harness's.
@_cdecl("LLVMFuzzerTestOneInput")
public func testOneInput(_ data: UnsafePointer<UInt8>?, _ count: Int) -> Int32 {
    // libFuzzer's own copy ends exactly where the input does: the address sanitizer sees a scanner that reads past it.
    fuzz(UnsafeBufferPointer(start: data, count: count))
    return 0
}
