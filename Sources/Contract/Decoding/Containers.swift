/// Reading objects, arrays and maps, and the rules about an object's members.
import JSON

/// The members that an object of the contract has.
struct MemberTable: Sendable {
    /// What a message calls the object, such as "CreateCustomer params".
    let owner: StaticString
    let names: JSONNames

    init(_ owner: StaticString, _ names: StaticString...) {
        self.owner = owner
        self.names = JSONNames(names)
    }
}

/// What a map of strings must keep to.
struct MapRules {
    var maximumMembers = Int.max
    var keys = StringRules()
    var values = StringRules()
}

extension Decoding {
    mutating func object<Value>(
        _ reader: inout JSONReader, _ step: Step,
        _ decode: (inout JSONReader, inout Decoding) throws(JSONError) -> Value?
    ) throws(JSONError) -> Value? {
        guard try expect(.object, &reader, step) else { return nil }
        return try inside(step) { decoding throws(JSONError) in try decode(&reader, &decoding) }
    }

    /// Reads every element, also past a broken one. Nil if any is broken.
    mutating func array<Element>(
        _ reader: inout JSONReader, _ step: Step, _ counts: ClosedRange<Int>,
        _ decode: (inout JSONReader, Step, inout Decoding) throws(JSONError) -> Element?
    ) throws(JSONError) -> [Element]? {
        guard try expect(.array, &reader, step) else { return nil }
        var elements: [Element] = []
        let count = try inside(step) { decoding throws(JSONError) in
            var cursor = try reader.beginArray()
            var index = 0
            while try reader.nextElement(&cursor) {
                if let element = try decode(&reader, .index(index), &decoding) { elements.append(element) }
                index += 1
            }
            return index
        }
        if count < counts.lowerBound {
            violate(step, "minItems", "must have at least \(Self.said(counts.lowerBound, "element")), got \(count)")
        } else if count > counts.upperBound {
            violate(step, "maxItems", "must have at most \(Self.said(counts.upperBound, "element")), got \(count)")
        }
        return elements.count == count && counts.contains(count) ? elements : nil
    }

    mutating func map(
        _ reader: inout JSONReader, _ step: Step, _ rules: MapRules
    ) throws(JSONError) -> [String: String]? {
        guard try expect(.object, &reader, step) else { return nil }
        var map: [String: String] = [:]
        let (count, isSound) = try inside(step) { decoding throws(JSONError) in
            var cursor = try reader.beginObject()
            var count = 0
            var isSound = true
            while let key = try reader.nextKey(&cursor) {
                count += 1
                let keyIsSound = decoding.check(key, .key(key), rules.keys)
                guard let value = try decoding.string(&reader, .key(key), rules.values), keyIsSound else {
                    isSound = false
                    continue
                }
                // JSON compares keys by bytes, a Swift dictionary by what they look like.
                if map.updateValue(value, forKey: key) != nil {
                    decoding.violate(.key(key), "propertyNames", "has another spelling of a name that is there already")
                    isSound = false
                }
            }
            return (count, isSound)
        }
        guard count <= rules.maximumMembers else {
            let most = Self.said(rules.maximumMembers, "member")
            violate(step, "maxProperties", "must have at most \(most), got \(count)")
            return nil
        }
        return isSound ? map : nil
    }

    private static func said(_ count: Int, _ noun: String) -> String { "\(count) \(noun)\(count == 1 ? "" : "s")" }

    /// Steps over a member that the object does not have, and says so.
    mutating func unknown(_ reader: inout JSONReader, _ key: String, _ table: MemberTable) throws(JSONError) {
        try reader.skipValue()
        violate(.key(key), "additionalProperties", Self.notAMember(key, table))
    }

    /// Searching what may have been meant takes time: done only for violations that are listed.
    private static func notAMember(_ key: String, _ table: MemberTable) -> String {
        let hint = Suggestion.nearest(to: key, in: table.names).map { "; did you mean \"\($0)\"?" } ?? ""
        return "is not a member of \(table.owner)\(hint)"
    }
}

// MARK: Rules about which members are there
//
// Sets of members are masks: bit n for the member at index n of the table.

extension Decoding {
    /// Notes each of the members in `required` that is not in `present`.
    mutating func require(_ required: UInt64, _ present: UInt64, _ table: MemberTable) {
        guard required & ~present != 0 else { return }
        for name in table.names(in: required & ~present) { violate(.member(name), "required", "is required") }
    }

    /// At least one of the members in `group`.
    mutating func atLeastOne(_ group: UInt64, _ present: UInt64, _ table: MemberTable) {
        guard group & present == 0 else { return }
        violate(nil, "atLeastOneOf", "needs \(Self.choice("at least one of ", group, table))")
    }

    /// At most one of the members in `group`.
    mutating func atMostOne(_ group: UInt64, _ present: UInt64, _ table: MemberTable) {
        noteSurplus("atMostOneOf", group, present, table)
    }

    /// Exactly one of the members in `group`.
    mutating func exactlyOne(_ group: UInt64, _ present: UInt64, _ table: MemberTable) {
        guard group & present == 0 else { return noteSurplus("exactlyOneOf", group, present, table) }
        violate(nil, "exactlyOneOf", "needs \(Self.choice("exactly one of ", group, table))")
    }

    /// Where the member at `index` is there, no other than those in `allowed`.
    mutating func alone(_ index: Int, allowing allowed: UInt64, _ present: UInt64, _ table: MemberTable) {
        guard present & (1 << index) != 0 else { return }
        for other in table.names(in: present & ~allowed & ~(1 << index)) {
            violate(.member(other), "alone", "may not stand beside \(table.names[index])")
        }
    }

    /// Notes every member of `group` beyond the first that is there.
    private mutating func noteSurplus(_ rule: String, _ group: UInt64, _ present: UInt64, _ table: MemberTable) {
        guard (group & present).nonzeroBitCount > 1 else { return }
        let found = table.names(in: group & present)
        for surplus in found.dropFirst() {
            violate(
                .member(surplus), rule, "may not stand beside \(found[0]): give only one of \(Self.list(group, table))")
        }
    }

    private static func choice(_ prefix: String, _ group: UInt64, _ table: MemberTable) -> String {
        (group.nonzeroBitCount > 1 ? prefix : "") + list(group, table)
    }

    private static func list(_ group: UInt64, _ table: MemberTable) -> String {
        table.names(in: group).map(\.description).joined(separator: ", ")
    }
}

extension MemberTable {
    fileprivate func names(in mask: UInt64) -> [StaticString] {
        names.indices.filter { mask & (1 << $0) != 0 }.map { names[$0] }
    }
}
