internal import Contract
internal import Glibc

/// A call as most clients write it: `{"jsonrpc":"2.0","id":7,"method":"CheckAccess","params":…}`, compact and in this order.
///
/// It is told by comparing bytes, and the params are not read: that the line is a call is certain only to whoever knows that
/// what stands in their place is JSON.
struct PlainCall {
    let id: Range<Int>
    let method: Method
    let params: Range<Int>

    /// Unsafe because bytes are scanned here.
    init?(_ line: Span<UInt8>) {
        let found: PlainCall? = line.withUnsafeBytes { line in
            guard let id = Self.skip("{\"jsonrpc\":\"2.0\",\"id\":", in: line, at: 0),
                let idEnd = Self.endOfInteger(in: line, from: id),
                let name = Self.skip(",\"method\":\"", in: line, at: idEnd),
                let nameEnd = Self.quote(in: line, from: name),
                let params = Self.skip("\",\"params\":", in: line, at: nameEnd),
                params < line.count, line[line.count - 1] == UInt8(ascii: "}"),
                let method = Method(name: UnsafeRawBufferPointer(rebasing: line[name..<nameEnd]))
            else { return nil }
            return PlainCall(id: id..<idEnd, method: method, params: params..<line.count - 1)
        }
        guard let found else { return nil }
        self = found
    }

    private init(id: Range<Int>, method: Method, params: Range<Int>) {
        self.id = id
        self.method = method
        self.params = params
    }

    /// Where `text` ends if it stands at `position`.
    private static func skip(_ text: StaticString, in line: UnsafeRawBufferPointer, at position: Int) -> Int? {
        let end = position + text.utf8CodeUnitCount
        guard end <= line.count, let base = line.baseAddress else { return nil }
        return memcmp(base + position, text.utf8Start, text.utf8CodeUnitCount) == 0 ? end : nil
    }

    private static func quote(in line: UnsafeRawBufferPointer, from start: Int) -> Int? {
        var end = start
        while end < line.count, line[end] != UInt8(ascii: "\"") { end += 1 }
        return end < line.count ? end : nil
    }

    /// Where a positive integer ends that begins at `start`.
    private static func endOfInteger(in line: UnsafeRawBufferPointer, from start: Int) -> Int? {
        var end = start
        while end < line.count, line[end] &- UInt8(ascii: "0") <= 9 { end += 1 }
        return end > start && line[start] != UInt8(ascii: "0") ? end : nil
    }
}

extension Envelope.Call {
    /// The method, where there is one of this name.
    func method(in line: Span<UInt8>) -> Method? {
        let written = line.extracting(method.lowerBound + 1..<method.upperBound - 1)
        return written.withUnsafeBytes { Method(name: $0) } ?? Method(rawValue: name(in: line))
    }
}
