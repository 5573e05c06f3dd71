// swift-tools-version:6.2
import PackageDescription

/// The language settings of every Swift target: what is imported is named, what is existential says `any`,
/// and a warning stops the build.
let strict: [SwiftSetting] = [
    .swiftLanguageMode(.v6),
    .enableUpcomingFeature("ExistentialAny"),
    .enableUpcomingFeature("InternalImportsByDefault"),
    .enableUpcomingFeature("MemberImportVisibility"),
    .treatAllWarnings(as: .error),
]

/// A Swift target and what it stands on. `Tests/Repository` holds the imports to this table of arrows.
func house(_ name: String, _ dependencies: [Target.Dependency]) -> Target {
    .target(name: name, dependencies: dependencies, swiftSettings: strict)
}

/// A program of the Swift client, in the client's folder.
func clientProgram(_ name: String, _ dependencies: [Target.Dependency], _ folder: String) -> Target {
    .executableTarget(
        name: name, dependencies: dependencies, path: "clients/swift/\(folder)", swiftSettings: strict)
}

/// The tests of one target, in the folder of the target's name.
func tests(
    _ name: String, _ dependencies: [Target.Dependency], path: String? = nil, exclude: [String] = []
) -> Target {
    .testTarget(
        name: "\(name)Tests", dependencies: dependencies, path: path ?? "Tests/\(name)", exclude: exclude,
        swiftSettings: strict)
}

let package = Package(
    name: "dues",
    products: [
        .executable(name: "dues", targets: ["dues"]),
        .executable(name: "schemagen", targets: ["schemagen"]),
        .library(name: "DuesClient", targets: ["DuesClient", "JSON"]),
    ],
    targets: [
        // Floor 0: C headers and typed shims. libcurl, libpq and OpenSSL are loaded when they are needed, and not linked.
        .target(name: "CLinux"),
        .target(name: "CCurl"),
        .target(name: "CSQLite", linkerSettings: [.linkedLibrary("sqlite3")]),
        .target(name: "CPostgreSQL"),
        .target(name: "COpenSSL"),

        // Floor 1
        house("JSON", []),
        house("Crypto", ["COpenSSL"]),
        house("EventLoop", ["CLinux", "COpenSSL"]),

        // Floor 2
        house("HTTP", ["EventLoop", "CCurl"]),
        house("Billing", []),
        house("Contract", ["JSON"]),

        // Floor 3
        house("RPC", ["Contract", "EventLoop", "JSON", "Crypto"]),
        house("Stripe", ["HTTP", "JSON", "Crypto"]),
        house("Store", ["Billing", "JSON", "CSQLite", "CPostgreSQL"]),

        // Floor 4
        house("Service", ["Billing", "RPC", "Store", "Stripe", "HTTP", "Contract"]),
        house("Sandbox", ["HTTP", "JSON", "Crypto"]),
        house("Transcripts", ["RPC", "HTTP", "JSON"]),

        // Floor 5
        .executableTarget(name: "dues", dependencies: ["Service", "Sandbox", "Transcripts"], swiftSettings: strict),

        // Tools
        .executableTarget(name: "schemagen", dependencies: ["JSON"], swiftSettings: strict),

        // The client for Swift, and the programs that show it, measure it, and hold it to what every client does.
        // Its calls run where their callers do: to go elsewhere and back takes longer than many an answer.
        .target(
            name: "DuesClient", dependencies: ["EventLoop", "JSON"], path: "clients/swift/Sources/DuesClient",
            swiftSettings: strict + [.enableUpcomingFeature("NonisolatedNonsendingByDefault")]),
        clientProgram("DuesClientDriver", ["DuesClient", "JSON"], "conformance"),
        clientProgram("DuesClientExample", ["DuesClient"], "example"),
        clientProgram("DuesClientBench", ["DuesClient", "JSON"], "bench"),

        // Tests
        .target(
            name: "TestSupport", dependencies: ["RPC", "HTTP", "Crypto", "Store", "Billing"], path: "Tests/Support",
            swiftSettings: strict),
        tests("JSON", ["JSON"]),
        tests("Crypto", ["Crypto"]),
        tests("EventLoop", ["EventLoop", "TestSupport"]),
        tests("HTTP", ["HTTP", "TestSupport"]),
        tests("Billing", ["Billing"]),
        tests("Contract", ["Contract"], exclude: ["validate_openrpc.py"]),
        tests("RPC", ["RPC", "TestSupport"]),
        tests("Stripe", ["Stripe", "TestSupport"]),
        tests("Store", ["Store", "TestSupport"]),
        tests("Service", ["Service", "Sandbox", "Simulation", "TestSupport"]),
        tests("Sandbox", ["Sandbox"], exclude: ["SDK"]),
        .target(
            name: "Simulation", dependencies: ["Service", "Sandbox", "TestSupport"], path: "Tests/Simulation/World",
            swiftSettings: strict),
        .executableTarget(
            name: "simulate", dependencies: ["Simulation"], path: "Tests/Simulation/Program", swiftSettings: strict),
        tests("Simulation", ["Simulation"], path: "Tests/Simulation/Suite"),
        tests("Transcripts", ["Transcripts", "TestSupport"]),
        tests("Dues", ["Store", "TestSupport"]),
        tests(
            "Conformance", ["schemagen", "dues", "DuesClientDriver", "DuesClientExample", "Transcripts", "TestSupport"],
            path: "Tests/Conformance/Suite"),
        tests("DuesClient", ["DuesClient", "JSON"], path: "clients/swift/Tests"),
        tests("Repository", ["JSON"]),
    ]
)
