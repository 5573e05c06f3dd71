/// What belongs to a loop's thread, as other threads hold it: they send it work, and never touch it.
package struct LoopOwned<Owned: AnyObject>: @unchecked Sendable {  // `owned` is used on its loop's thread alone
    private let owned: Owned
    private let remote: EventLoopRemote

    /// To be made on the thread of `loop`, whose `owned` is from then on.
    package init(_ owned: Owned, of loop: EventLoop) {
        self.owned = owned
        remote = loop.remote
    }

    /// Runs `work` on the loop's thread, in the order of posting; dropped after the loop's end.
    package func post(_ work: @escaping @Sendable (Owned) -> Void) { remote.post { _ in work(owned) } }
}
