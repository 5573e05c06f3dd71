/// Parameters of a Stripe call, built by type and written by `FormEncoder`.
internal import JSON

package struct FormParameters: Sendable, Equatable, ExpressibleByDictionaryLiteral {
    package private(set) var members: [Member] = []

    package struct Member: Sendable, Equatable {
        package let key: String
        package let value: FormValue
    }

    package init() {}

    package init(dictionaryLiteral members: (String, FormValue)...) {
        for (key, value) in members { set(key, value) }
    }

    package var isEmpty: Bool { members.isEmpty }

    package subscript(_ key: String) -> FormValue? { members.first { $0.key == key }?.value }

    /// Sets `key`, in place of an earlier value. Nil leaves the parameters as they are: what is absent is not sent.
    package mutating func set(_ key: String, _ value: FormValue?) {
        guard let value else { return }
        let member = Member(key: key, value: value)
        if let index = members.firstIndex(where: { $0.key == key }) {
            members[index] = member
        } else {
            members.append(member)
        }
    }

    package mutating func set(_ key: String, _ value: String?) { set(key, value.map(FormValue.text)) }
    package mutating func set(_ key: String, _ value: Int64?) { set(key, value.map(FormValue.integer)) }
    package mutating func set(_ key: String, _ value: Bool?) { set(key, value.map(FormValue.flag)) }
    package mutating func set(_ key: String, _ value: FormParameters?) { set(key, value.map(FormValue.map)) }
    package mutating func set(_ key: String, _ value: [String]?) { set(key, value.map { .list($0.map(FormValue.text)) }) }
    package mutating func set(_ key: String, _ value: [FormParameters]?) {
        set(key, value.map { .list($0.map(FormValue.map)) })
    }

    /// A map of texts, sorted by key so that equal maps are equal bytes. An empty text removes that key at Stripe.
    package mutating func set(_ key: String, _ value: [String: String]?) {
        guard let value else { return }
        var map = FormParameters()
        for (name, text) in value.sorted(by: { $0.key < $1.key }) { map.set(name, text) }
        set(key, map)
    }

    /// Unsets `key` at Stripe, which reads an empty text as "none".
    package mutating func clear(_ key: String) { set(key, FormValue.text("")) }
}

/// A parameter's value.
package indirect enum FormValue: Sendable, Equatable {
    case text(String)
    case integer(Int64)
    case flag(Bool)
    /// Written as `key[0]`, `key[1]`, … An empty list has no written form, and is not sent.
    case list([FormValue])
    /// Written as `key[member]`. An empty map is not sent.
    case map(FormParameters)
}

extension FormValue: ExpressibleByStringLiteral, ExpressibleByIntegerLiteral, ExpressibleByBooleanLiteral,
    ExpressibleByArrayLiteral, ExpressibleByDictionaryLiteral
{
    package init(stringLiteral value: String) { self = .text(value) }
    package init(integerLiteral value: Int64) { self = .integer(value) }
    package init(booleanLiteral value: Bool) { self = .flag(value) }
    package init(arrayLiteral elements: FormValue...) { self = .list(elements) }
    package init(dictionaryLiteral members: (String, FormValue)...) {
        var map = FormParameters()
        for (key, value) in members { map.set(key, value) }
        self = .map(map)
    }
}

// MARK: Answers sent back

extension FormParameters {
    /// The members of an object of Stripe's that are called `keys`, as Stripe takes them back.
    init(echoing keys: [String], of object: JSONValue) {
        for key in keys { set(key, object[key].flatMap(FormValue.init(echoing:))) }
    }
}

extension FormValue {
    /// A value that Stripe answered, as Stripe takes it: expanded objects as their ids, without what is null.
    fileprivate init?(echoing value: JSONValue) {
        switch value {
        case .null: return nil
        case .bool(let flag): self = .flag(flag)
        case .integer(let number): self = .integer(number)
        case .number(let text), .string(let text): self = .text(text)
        case .array(let elements): self = .list(elements.compactMap(FormValue.init(echoing:)))
        case .object(let object):
            if object["object"] != nil, let id = object["id"]?.stringValue {
                self = .text(id)
                return
            }
            var map = FormParameters()
            for (key, value) in object { map.set(key, FormValue(echoing: value)) }
            self = .map(map)
        }
    }
}
