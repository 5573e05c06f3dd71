/// Writes the generated part of the Java client: a class a file, and `Dues` with a method for each of the service's.
struct JavaEmitter: ClientEmitter {
    let contract: ContractModel

    private static let folder = "clients/java/src/main/java/dues"

    func files() -> [Workspace.File] {
        let types = JavaTypes(contract: contract)
        let classes = types.classes() + [dues(), table()]
        return classes.map { Workspace.File(path: "\(Self.folder)/\($0.name).java", text: $0.source.text) }
    }

    // MARK: Methods

    private func dues() -> JavaClass {
        let methods = contract.methods
        var java = JavaClass("Dues", imports: ["java.util.concurrent.CompletableFuture"])
        if methods.contains(where: { $0.resultObject == nil }) {
            java.imports.formUnion(["java.util.Map", "java.util.Collections", "java.util.function.Function"])
        }
        java.write { source in
            source.javadoc(
                "A client of a Dues server, with a method for each of the service's. Calls throw {@link DuesException}. "
                    + "Any number of threads may use it.")
            source.block("public final class Dues extends Client {") { source in
                source.block("private Dues(DuesOptions options) {") { $0.line("super(options);") }
                source.line()
                source.javadoc("A client of the server at 127.0.0.1:7171. The first call connects.")
                source.block("public static Dues connect() {") { $0.line("return connect(new DuesOptions());") }
                source.line()
                source.javadoc("A client of the server that the options name. The first call connects.")
                source.block("public static Dues connect(DuesOptions options) {") { $0.line("return new Dues(options);") }
                for method in methods { self.method(method, into: &source) }
            }
        }
        return java
    }

    private func method(_ method: MethodModel, into source: inout SourceText) {
        let name = Names.camel(method.name)
        let type = Names.pascal(method.name)
        let hasParams = !method.params.members.isEmpty
        let params = hasParams ? ["\(type)Params params"] : []
        let given = hasParams ? "params.json()" : "Collections.emptyMap()"
        let reader = method.resultObject == nil ? "Function.identity()" : "\(type)Result::new"
        var result = method.resultObject == nil ? "Map<String, Object>" : "\(type)Result"
        let link = "{@link #\(name)(\(hasParams ? "\(type)Params" : ""))}"

        /// The method, with options and without.
        func pair(_ name: String, _ result: String, _ documentation: String, _ body: String) {
            let passed = ((hasParams ? ["params"] : []) + ["new CallOptions()"]).joined(separator: ", ")
            source.line()
            source.javadoc(documentation)
            source.block("public \(result) \(name)(\(params.joined(separator: ", "))) {") {
                $0.line("return \(name)(\(passed));")
            }
            source.line()
            source.javadoc("The same, with options.")
            let parameters = (params + ["CallOptions options"]).joined(separator: ", ")
            let head = "public \(result) \(name)("
            if head.count + parameters.count + 3 <= source.room {
                source.line("\(head)\(parameters)) {")
            } else {
                source.line(head)
                source.indented { $0.line("\(parameters)) {") }
            }
            source.indented { $0.line(body) }
            source.line("}")
        }

        let documentation = "\(method.summary) \(method.description)"
        if method.stream != nil {
            result = "DuesStream<\(type)Value, \(result)>"
            let body = "return stream(\"\(method.name)\", \(given), options, \(type)Value::new, \(reader));"
            return pair(name, result, documentation, body)
        }
        let arguments = "(\"\(method.name)\", \(given), options"
        let answer = "call\(arguments))"
        pair(name, result, documentation, "return \(method.resultObject == nil ? answer : "new \(result)(\(answer))");")
        pair(
            "\(name)Async", "CompletableFuture<\(result)>",
            "\(link) without waiting; cancelling the future cancels the call.",
            "return callAsync\(arguments), \(reader));")
    }

    /// What the core has to know of the methods.
    private func table() -> JavaClass {
        var java = JavaClass("Methods", imports: ["java.util.Map"])
        java.write { source in
            source.javadoc("What is to be known of the service's methods.")
            source.block("final class Methods {") { source in
                source.line("static final long PROTOCOL = \(contract.protocolVersion);")
                source.line()
                source.javadoc("Whether a call may be made again though the first may have had its effect.")
                source.line("static final Map<String, Boolean> SAFE_TO_REPEAT = Map.ofEntries(")
                source.indented { source in
                    let entries = contract.methods.map { "Map.entry(\"\($0.name)\", \($0.isSafeToRepeat))" }
                    for row in source.rows(of: entries, room: source.room - 2) {
                        source.line(row.hasSuffix(",") ? row : "\(row));")
                    }
                }
                source.line()
                source.line("private Methods() {}")
            }
        }
        return java
    }
}

/// A file with one class.
struct JavaClass {
    let name: String
    var imports: Set<String>
    private(set) var source = SourceText()

    init(_ name: String, imports: Set<String> = []) {
        self.name = name
        self.imports = imports
    }

    mutating func write(_ body: (inout SourceText) -> Void) {
        source.line("// Generated by schemagen from Schemas/: nothing here is written by hand.")
        source.line("package dues;")
        source.line()
        for name in imports.sorted() { source.line("import \(name);") }
        if !imports.isEmpty { source.line() }
        body(&source)
    }
}

extension SourceText {
    /// `text` as a doc comment, and what its tags say.
    mutating func javadoc(_ text: String, tags: [(name: String, text: String)] = []) {
        let text = Self.escaped(text)
        if tags.isEmpty, text.count + 8 <= room { return line("/** \(text) */") }
        line("/**")
        prose(text, mark: " * ")
        if !tags.isEmpty { line(" *") }
        for tag in tags { prose("@param \(tag.name) \(Self.escaped(tag.text))", mark: " * ") }
        line(" */")
    }

    /// Prose as HTML, in which a comment does not end early.
    private static func escaped(_ prose: String) -> String {
        let html = prose.split(separator: "&", omittingEmptySubsequences: false).joined(separator: "&amp;")
            .split(separator: "<", omittingEmptySubsequences: false).joined(separator: "&lt;")
            .split(separator: "*/", omittingEmptySubsequences: false).joined(separator: "*&#47;")
        let parts = html.split(separator: "`", omittingEmptySubsequences: false)
        return parts.enumerated().map { $0.isMultiple(of: 2) ? String($1) : "{@code \($1)}" }.joined()
    }
}
