extension Command {
    /// `dues tour`: the guide's story.
    static let tour = Command(
        name: "tour", summary: "Play a whole subscription against a server of its own.", flags: [],
        discussion: "Starts a server with a sandbox on free ports of 127.0.0.1, shows every call and its answer, and ends."
    ) { _ throws(Failure) in
        try Tour().run()
        return 0
    }
}
