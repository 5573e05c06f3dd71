internal import HTTP

/// A path below `/v1`, in segments. An id is one segment whatever it holds: it can neither end its segment nor climb.
package struct StripePath: Sendable, Equatable, ExpressibleByArrayLiteral {
    package let segments: [String]

    package init(_ segments: [String]) { self.segments = segments }
    package init(arrayLiteral segments: String...) { self.segments = segments }

    /// The path as it is sent; nil where a segment is empty or a dot segment. Those have no escaped form (RFC 3986
    /// section 5.2.4 removes dots, escaped or not), and an empty id would turn "retrieve" into "list".
    package var encoded: String? {
        guard !segments.isEmpty, !segments.contains(where: { ["", ".", ".."].contains($0) }) else { return nil }
        return "/v1/" + segments.map(PercentEncoding.encode).joined(separator: "/")
    }
}
