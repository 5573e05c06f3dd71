internal import Contract
internal import Glibc

/// The form in which most clients write a call: `{"jsonrpc":"2.0","id":7,"method":"CheckAccess","params":…}`, compact and in
/// this order.
///
/// It is told by comparing bytes, and the params are not read: that the line is a call is certain only to whoever knows that
/// what stands in their place is one JSON value.
final class PlainForm {
    let method: Method
    private let beginning = Array("{\"jsonrpc\":\"2.0\",\"id\":".utf8)
    private let middle: [UInt8]

    init(_ method: Method) {
        self.method = method
        middle = Array(",\"method\":\"\(method.rawValue)\",\"params\":".utf8)
    }

    /// Where the parts of a call stand in its line.
    struct Call: Equatable {
        let id: Range<Int>
        let params: Range<Int>
    }

    /// The call that `line` is, if it has this form and is of this method. Unsafe because bytes are compared here.
    func call(in line: Span<UInt8>) -> Call? {
        line.withUnsafeBytes { line in
            guard let id = Self.end(of: beginning, in: line, at: 0) else { return nil }
            var idEnd = id
            while idEnd < line.count, line[idEnd] &- UInt8(ascii: "0") <= 9 { idEnd += 1 }
            // Zero, and what begins with it, is left to those who read numbers.
            guard idEnd > id, line[id] != UInt8(ascii: "0"), let params = Self.end(of: middle, in: line, at: idEnd),
                params < line.count, line[line.count - 1] == UInt8(ascii: "}")
            else { return nil }
            return Call(id: id..<idEnd, params: params..<line.count - 1)
        }
    }

    /// Where `text` ends if it stands at `position`.
    @inline(__always)
    private static func end(of text: [UInt8], in line: UnsafeRawBufferPointer, at position: Int) -> Int? {
        let end = position + text.count
        guard end <= line.count, let base = line.baseAddress else { return nil }
        return text.withUnsafeBufferPointer { text in
            memcmp(base + position, text.baseAddress!, text.count) == 0  // neither text is empty
        } ? end : nil
    }
}
