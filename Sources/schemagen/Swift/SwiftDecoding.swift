/// Writes decoders in Swift: one pass over the bytes that reads members, checks them, and notes what is wrong.
import JSON

extension SwiftEmitter {
    func decoding(
        _ name: String, owner: String, _ object: ObjectShape, isParams: Bool, into source: inout SourceText
    ) {
        let names = object.members.map(\.name) + (isParams ? ["_meta"] : [])
        source.block("extension \(name)\(isParams ? ": DecodableParams" : "") {") { source in
            let quoted = (["\"\(owner)\""] + names.map { "\"\($0)\"" })
            call("private static let table = MemberTable(", quoted, into: &source)
            source.line()
            let parameters = ["_ reader: inout JSONReader", "_ decoding: inout Decoding"]
            opening("static func decode(", parameters, ") throws(JSONError) -> \(name)? {", into: &source)
            source.indented { source in
                for member in object.members {
                    let initial = member.defaultValue.map { " = \(literal($0, member.shape))" } ?? ""
                    let optional = member.defaultValue == nil ? "?" : ""
                    let type = typeName(member.shape) + optional
                    source.line("var \(Names.swiftDeclared(member.name)): \(type)\(initial)")
                }
                source.line("var object = try reader.beginObject()")
                source.block("while let member = try reader.nextMember(&object, among: table.names) {") { source in
                    source.choice("member") { source in
                        for (index, member) in object.members.enumerated() { read(member, index, into: &source) }
                        if isParams { readMetadata(object.members.count, into: &source) }
                        source.line("case .known: try reader.skipValue()")
                        source.line("case .unknown(let key): try decoding.unknown(&reader, key, table)")
                    }
                }
                check(object, into: &source)
                finish(name, object, into: &source)
            }
            source.line("}")
        }
    }

    private func read(_ member: MemberModel, _ index: Int, into source: inout SourceText) {
        let variable = Names.swiftDeclared(member.name)
        let step = "\"\(member.name)\""
        let label = "case .known(\(index)):"
        if case .array(let element, let counts) = member.shape {
            let bounds = "\(counts.minimum ?? 0)...\(counts.maximum.map(String.init) ?? "Int.max")"
            source.block(label, "") { source in
                let closure = "{ reader, step, decoding throws(JSONError) in"
                source.block("\(variable) = try decoding.array(&reader, \(step), \(bounds)) \(closure)") {
                    $0.line("try \(expression(element, step: "step"))")
                }
            }
        } else if case .string(let rules) = member.shape, rules.alias == nil {
            let arguments = ["&reader", step, literal(rules)]
            source.block(label, "") { call("\(variable) = try decoding.string(", arguments, into: &$0) }
        } else if member.defaultValue == nil {
            source.branch(label, "\(variable) = try \(expression(member.shape, step: step))")
        } else {
            let condition = "if let value = try \(expression(member.shape, step: step)) {"
            source.block(label, "") { $0.block(condition) { $0.line("\(variable) = value") } }
        }
    }

    private func readMetadata(_ index: Int, into source: inout SourceText) {
        source.block("case .known(\(index)):", "") { source in
            source.block("if let metadata = try decoding.object(&reader, \"_meta\", CallMetadata.decode) {") {
                $0.line("decoding.metadata = metadata")
            }
        }
    }

    /// The call that reads a value of `shape`.
    private func expression(_ shape: Shape, step: String) -> String {
        switch shape {
        case .string(let rules): return "decoding.string(&reader, \(step), \(reference(rules)))"
        case .integer(let minimum, let maximum):
            let bounds = "\(minimum.map(grouped) ?? "Int64.min")...\(maximum.map(grouped) ?? "Int64.max")"
            return "decoding.integer(&reader, \(step), \(bounds))"
        case .boolean: return "decoding.boolean(&reader, \(step))"
        case .map(let rules):
            let reference = rules.alias.map { ".\(Names.swiftValue($0))" } ?? literal(rules)
            return "decoding.map(&reader, \(step), \(reference))"
        case .reference(let name):
            if case .object? = contract.type(name)?.shape { return "decoding.object(&reader, \(step), \(name).decode)" }
            return "decoding.enumeration(&reader, \(step), of: \(name).self)"
        case .timestamp, .array, .object, .raw, .enumeration, .openEnumeration:
            // Conventions refuses these in params; arrays are read by `read`, and hold no arrays.
            preconditionFailure("params have no such members")
        }
    }

    /// The rules about which members are there.
    private func check(_ object: ObjectShape, into source: inout SourceText) {
        let position = Dictionary(uniqueKeysWithValues: object.members.enumerated().map { ($1.name, $0) })
        let required = object.members.filter(\.isRequired).compactMap { position[$0.name] }
        if !required.isEmpty { source.line("decoding.require(\(mask(required)), object.known, table)") }
        for rule in object.rules {
            let indices = rule.members.compactMap { position[$0] }
            let group = mask(indices)
            let call =
                switch rule.kind {
                case .exactlyOneOf: "exactlyOne(\(group), object.known, table)"
                case .atMostOneOf: "atMostOne(\(group), object.known, table)"
                case .atLeastOneOf: "atLeastOne(\(group), object.known, table)"
                case .alone: "alone(\(indices[0]), allowing: \(allowance(rule, object, position)), object.known, table)"
                }
            guard let condition = rule.condition.flatMap({ position[$0] }) else {
                source.line("decoding.\(call)")
                continue
            }
            source.line("if object.known & (1 << \(condition)) != 0 { decoding.\(call) }")
        }
    }

    /// The members that may stand beside a lone one: its companions, and `_meta`, which comes after all members.
    private func allowance(_ rule: RuleModel, _ object: ObjectShape, _ position: [String: Int]) -> String {
        let allowed = rule.companions.compactMap { position[$0] } + [object.members.count]
        return mask(allowed)
    }

    private func mask(_ indices: [Int]) -> String {
        "0b" + String(indices.reduce(UInt64(0)) { $0 | 1 << UInt64($1) }, radix: 2)
    }

    /// Nil if a required member is missing or broken: then it is among the violations.
    private func finish(_ name: String, _ object: ObjectShape, into source: inout SourceText) {
        let needed = object.members.filter { $0.isRequired && $0.defaultValue == nil }
        if !needed.isEmpty {
            let bindings = needed.map { "let \(Names.swiftDeclared($0.name))" }.joined(separator: ", ")
            source.line("guard \(bindings) else { return nil }")
        }
        let arguments = object.members.map { "\(Names.swiftValue($0.name)): \(Names.swiftDeclared($0.name))" }
        call("return \(name)(", arguments, into: &source)
    }

    // MARK: Rules as literals

    private func reference(_ rules: StringShape) -> String {
        rules.alias.map { ".\(Names.swiftValue($0))" } ?? literal(rules)
    }

    private func literal(_ rules: StringShape) -> String {
        "StringRules(\(arguments(rules).joined(separator: ", ")))"
    }

    func arguments(_ rules: StringShape) -> [String] {
        var arguments: [String] = []
        if let minimum = rules.minimumLength { arguments.append("minimumLength: \(grouped(minimum))") }
        if let maximum = rules.maximumLength { arguments.append("maximumLength: \(grouped(maximum))") }
        if let pattern = rules.pattern { arguments.append("pattern: .\(Conventions.patterns[pattern] ?? pattern)") }
        if rules.isSecret { arguments.append("isSecret: true") }
        return arguments
    }

    private func literal(_ rules: MapShape) -> String { "MapRules(\(arguments(rules).joined(separator: ", ")))" }

    func arguments(_ rules: MapShape) -> [String] {
        let most = rules.maximumMembers.map { ["maximumMembers: \(grouped($0))"] } ?? []
        return most + ["keys: \(literal(rules.keys))", "values: \(literal(rules.values))"]
    }

    /// Digits in groups of three, from five digits on.
    private func grouped(_ number: Int64) -> String {
        let digits = String(number)
        guard digits.count > 4 else { return digits }
        var text = ""
        for (index, digit) in digits.enumerated() {
            if index > 0, (digits.count - index) % 3 == 0 { text += "_" }
            text.append(digit)
        }
        return text
    }
}
