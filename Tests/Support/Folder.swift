import EventLoop
internal import Glibc

/// A folder of its own below /tmp, gone with its owner.
package final class Folder: Sendable {
    private let root: String

    package init() throws {
        var template = Array("/tmp/dues-test-XXXXXX".utf8CString)
        guard mkdtemp(&template) != nil else { throw SystemError(call: "mkdtemp", code: errno) }
        root = template.withUnsafeBufferPointer { String(cString: $0.baseAddress!) }
    }

    package func path(_ name: String) -> String { "\(root)/\(name)" }

    deinit { _ = system("rm -rf '\(root)'") }
}
