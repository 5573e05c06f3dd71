internal import CLinux
internal import Glibc

/// Signals as events of a loop. They must be blocked before any other thread starts, or that thread would be killed by them.
package final class Signals {
    private let descriptor: Descriptor
    private let action: (Int32) -> Void

    /// Blocks `signals` in this thread and all that it starts.
    package static func block(_ signals: [Int32]) { _ = dues_block_signals(signals, Int32(signals.count)) }

    /// Calls `action` with each of the (blocked) `signals` that arrives, on the loop's thread. The loop retains it.
    package init(_ signals: [Int32], on loop: EventLoop, action: @escaping (Int32) -> Void) throws(SystemError) {
        descriptor = try Descriptor(result: dues_signal_descriptor(signals, Int32(signals.count)), of: "signalfd")
        self.action = action
        try loop.register(descriptor.raw, interest: EventLoop.readable, source: self)
    }
}

extension Signals: EventSource {
    func ready(_ events: UInt32, on loop: EventLoop) {
        while case let signal = dues_next_signal(descriptor.raw), signal != 0 { action(signal) }
    }
}
