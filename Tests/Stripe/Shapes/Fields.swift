/// Which fields of a value are empty, whatever the value shows of itself.
///
/// Objects hide their fields from reflection, secrets being among them; the key paths of the fields still lead there.
internal import Stripe
@_spi(Reflection) internal import Swift

enum Fields {
    /// The names of the fields, nested ones included, that hold nothing, no element, or false.
    static func empty<Value>(of value: Value) -> Set<String> {
        var names: Set<String> = []
        _forEachFieldWithKeyPath(of: Value.self) { name, path in
            names.formUnion(empty(value[keyPath: path] as Any, String(cString: name)))
            return true
        }
        return names
    }

    private static func empty(_ value: Any, _ name: String) -> [String] {
        // Objects inside objects are looked at by themselves.
        if value is any StripeObject || value is StripeReference { return [] }
        if let flag = value as? Bool { return flag ? [] : [name] }
        let mirror = Mirror(reflecting: value)
        switch mirror.displayStyle {
        case .optional, .collection:
            return mirror.children.isEmpty ? [name] : mirror.children.flatMap { empty($0.value, name) }
        case .dictionary: return mirror.children.isEmpty ? [name] : []
        case .struct: return mirror.children.flatMap { empty($0.value, "\(name).\($0.label ?? "")") }
        default: return []
        }
    }
}
