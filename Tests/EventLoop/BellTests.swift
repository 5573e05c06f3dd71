import Synchronization
import Testing

@testable import EventLoop

@Suite struct BellTests {
    @Test func `a bell is heard once by whoever listens, on the loop's thread, and else by nobody`() throws {
        let heard = Atomic(0)
        let (thread, bell) = try EventLoopThread.start { loop throws(SystemError) in
            loop.makeBell { heard.add(1, ordering: .relaxed) }
        }
        let settle = {
            let done = Rendezvous<Void>()
            thread.remote.post { _ in done.put(()) }
            done.take()
        }
        bell.ring()
        settle()
        #expect(heard.load(ordering: .relaxed) == 0)
        bell.listen()
        for _ in 0..<100 { bell.ring() }
        settle()
        #expect(heard.load(ordering: .relaxed) == 1)
        bell.listen()
        bell.ring()
        settle()
        #expect(heard.load(ordering: .relaxed) == 2)
        thread.stop()
    }
}
