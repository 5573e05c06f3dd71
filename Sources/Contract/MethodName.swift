/// The way from a name on the wire to its method, taken at every call: by bytes, without making a string.
import JSON

extension Method {
    /// The method whose name is exactly these bytes; nil where there is none.
    package init?(name bytes: UnsafeRawBufferPointer) {
        guard let index = Self.names.index(of: bytes) else { return nil }
        self = Self.inOrder[index]
    }

    private static let inOrder = Method.allCases
}
