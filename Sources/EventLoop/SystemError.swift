internal import Glibc

/// A system call that failed: which, with what `errno`, and about what.
package struct SystemError: Error, Sendable, Equatable, CustomStringConvertible {
    /// The call or the step, such as `bind`.
    package let call: String
    /// The value of `errno`, or 0 where the failure is not the kernel's.
    package let code: Int32
    /// What it was about, such as an address; empty where `call` says it all.
    package let subject: String

    package init(call: String, code: Int32, subject: String = "") {
        self.call = call
        self.code = code
        self.subject = subject
    }

    /// The failure that `errno` holds now: to be made at once, before another call overwrites it.
    static func last(_ call: String, _ subject: String = "") -> SystemError {
        SystemError(call: call, code: errno, subject: subject)
    }

    /// Whether nothing was wrong but that it took too long.
    package var isTimeout: Bool { code == ETIMEDOUT }

    package var description: String {
        let about = subject.isEmpty ? call : "\(call) \(subject)"
        return code == 0 ? about : "\(about): \(String(cString: strerror(code)))"
    }
}
