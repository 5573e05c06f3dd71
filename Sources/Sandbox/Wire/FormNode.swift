/// A form of Stripe's API v1 (`a[0][b]=c`, `a[]=c`, brackets percent-encoded or not) as a tree of named nodes.
struct FormNode {
    /// The text of a leaf; nil for a node that only has children.
    var value: String?
    var children: [Child] = []

    struct Child {
        let key: String
        var node: FormNode
    }

    /// More pairs than any call of Stripe's takes; a longer form is refused before it costs anything.
    static let maximumPairs = 2_000
    static let maximumDepth = 12

    subscript(_ key: String) -> FormNode? { children.first { $0.key == key }?.node }

    /// Reads `application/x-www-form-urlencoded` text; nil when it is over the limits.
    init?(_ text: some Sequence<UInt8>) {
        self.init(pairs: Self.pairs(text))
    }

    init?(pairs: [(name: String, value: String)]) {
        guard pairs.count <= Self.maximumPairs else { return nil }
        for (name, value) in pairs {
            let path = Self.path(name)
            guard path.count <= Self.maximumDepth else { return nil }
            insert(value, at: path[...])
        }
    }

    private init() {}

    /// The decoded pairs of a form, in the order of the wire.
    static func pairs(_ text: some Sequence<UInt8>) -> [(name: String, value: String)] {
        var pairs: [(name: String, value: String)] = []
        for part in Array(text).split(separator: UInt8(ascii: "&")) {
            let equals = part.firstIndex(of: UInt8(ascii: "="))
            pairs.append((decoded(part[..<(equals ?? part.endIndex)]), decoded(equals.map { part[($0 + 1)...] } ?? [])))
        }
        return pairs
    }

    /// `+` is a space, `%XX` a byte; a broken escape stands for itself.
    private static func decoded(_ part: ArraySlice<UInt8>) -> String {
        var bytes: [UInt8] = []
        var index = part.startIndex
        while index < part.endIndex {
            let byte = part[index]
            if byte == UInt8(ascii: "%"), index + 2 < part.endIndex, let high = hexadecimal(part[index + 1]),
                let low = hexadecimal(part[index + 2])
            {
                bytes.append(high << 4 | low)
                index += 3
            } else {
                bytes.append(byte == UInt8(ascii: "+") ? UInt8(ascii: " ") : byte)
                index += 1
            }
        }
        return String(decoding: bytes, as: UTF8.self)
    }

    private static func hexadecimal(_ byte: UInt8) -> UInt8? {
        switch byte {
        case UInt8(ascii: "0")...UInt8(ascii: "9"): byte - UInt8(ascii: "0")
        case UInt8(ascii: "a")...UInt8(ascii: "f"): byte - UInt8(ascii: "a") + 10
        case UInt8(ascii: "A")...UInt8(ascii: "F"): byte - UInt8(ascii: "A") + 10
        default: nil
        }
    }

    /// `items[0][price]` as `items`, `0`, `price`; a name with unbalanced brackets is one segment.
    private static func path(_ name: String) -> [String] {
        guard let open = name.firstIndex(of: "["), name.last == "]", open != name.startIndex else { return [name] }
        var segments = [String(name[..<open])]
        let inner = name[name.index(after: open)...].dropLast()
        var current = ""
        var rest = inner[...]
        while let character = rest.popFirst() {
            if character == "]", rest.first == "[" {
                rest.removeFirst()
                segments.append(current)
                current = ""
            } else if character == "[" || character == "]" {
                return [name]
            } else {
                current.append(character)
            }
        }
        segments.append(current)
        return segments
    }

    /// The last of two values for one name wins. An empty segment (`a[]`) appends; before further segments it continues
    /// the last element until that already has the next name.
    private mutating func insert(_ text: String, at path: ArraySlice<String>) {
        guard let first = path.first else {
            value = text
            return
        }
        var key = first
        if first.isEmpty {
            let next = path.dropFirst().first
            if let next, let last = children.last, last.node[next] == nil {
                key = last.key
            } else {
                key = String(children.count)
            }
        }
        if let index = children.firstIndex(where: { $0.key == key }) {
            children[index].node.insert(text, at: path.dropFirst())
        } else {
            var node = FormNode()
            node.insert(text, at: path.dropFirst())
            children.append(Child(key: key, node: node))
        }
    }
}
