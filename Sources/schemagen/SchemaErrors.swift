/// Everything that is wrong with the schemas, each problem a line that names its file.
struct SchemaErrors: Error {
    var problems: [String]

    init(_ problems: [String]) { self.problems = problems }

    init(_ file: String, _ problem: String) { problems = ["\(file): \(problem)"] }
}
