/// The signatures of what is generated for the Ruby client, in RBS.
extension RubyEmitter {
    func signatures() -> String { "" }
}
