/// The only arrows allowed between targets, always downward: what each may import directly. Whoever may import a target may
/// also import what that target stands on.
enum Arrows {
    static let direct: [String: Set<String>] = [
        "CLinux": [], "CCurl": [], "CSQLite": [], "CPostgreSQL": [], "COpenSSL": [],
        "JSON": [],
        "Crypto": ["COpenSSL"],
        "EventLoop": ["CLinux", "COpenSSL"],
        "HTTP": ["EventLoop", "CCurl"],
        "Billing": [],
        "Contract": ["JSON"],
        "RPC": ["Contract", "EventLoop", "JSON", "Crypto"],
        "Stripe": ["HTTP", "JSON", "Crypto"],
        "Store": ["Billing", "JSON", "CSQLite", "CPostgreSQL"],
        "Service": ["Billing", "RPC", "Store", "Stripe", "HTTP", "Contract"],
        "Sandbox": ["HTTP", "JSON", "Crypto"],
        "Transcripts": ["RPC", "HTTP", "JSON"],
        "dues": ["Service", "Sandbox", "Transcripts", "RPC", "Store", "Stripe", "HTTP", "Contract", "Billing"],
        "schemagen": ["JSON"],
        "DuesClient": ["EventLoop", "JSON"],
        "DuesClientDriver": ["DuesClient"],
        "DuesClientExample": ["DuesClient"],
        "DuesClientBench": ["DuesClient"],
    ]

    /// The targets of the client for Swift, by the folders of `clients/swift` where their sources are.
    static let client = [
        "Sources/DuesClient": "DuesClient", "conformance": "DuesClientDriver", "example": "DuesClientExample",
        "bench": "DuesClientBench",
    ]

    /// Modules of the system, which any target may import.
    static let system: Set<String> = [
        "Glibc", "Synchronization", "Dispatch", "Foundation", "FoundationEssentials", "FoundationNetworking", "Testing",
    ]

    /// Everything that `target` may import.
    static func allowed(_ target: String) -> Set<String> {
        var allowed: Set<String> = []
        var waiting = Array(direct[target] ?? [])
        while let next = waiting.popLast() {
            if allowed.insert(next).inserted { waiting += direct[next] ?? [] }
        }
        return allowed
    }
}
