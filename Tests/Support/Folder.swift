import EventLoop
internal import Glibc

/// A folder of its own below /tmp, or in memory where the disk would be all that is waited for; gone with its owner.
package final class Folder: Sendable {
    private let root: String

    package init(inMemory: Bool = false) throws {
        let place = inMemory && access("/dev/shm", W_OK) == 0 ? "/dev/shm" : "/tmp"
        var template = Array("\(place)/dues-test-XXXXXX".utf8CString)
        guard mkdtemp(&template) != nil else { throw SystemError(call: "mkdtemp", code: errno) }
        root = template.withUnsafeBufferPointer { String(cString: $0.baseAddress!) }
    }

    package func path(_ name: String) -> String { "\(root)/\(name)" }

    deinit { _ = system("rm -rf '\(root)'") }
}
