import DuesClient
@main struct Bench { static func main() async throws { _ = Dues() } }
