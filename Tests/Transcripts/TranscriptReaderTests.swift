import JSON
import Testing

@testable import Transcripts

@Suite struct TranscriptReaderTests {
    @Test func `a file is read, and is written as it was`() throws {
        let text = """
            {"transcript":{"title":"A story","needs":["sandbox"]}}
            # a remark
            {"comment":"another"}

            {"send":{"id":1}}
            {"expect":{"id":1},"eventually":true,"withinMs":50}
            {"step":{"post":"http://x/y","form":{"a":"b","n":1},"headers":{"H":"v"},"expect":{"status":201,"body":{}}}}
            {"send":"{oops"}
            {"end":true}
            {"expectEnd":true}

            """
        let transcript = try Transcript(name: "story.jsonl", text: text)
        #expect(transcript.text == text)
        #expect(transcript.title == "A story" && transcript.header?.needs == ["sandbox"])
        #expect(transcript.lines.count == 10)
        guard case .expect(let expectation) = transcript.lines[5].entry else {
            throw TranscriptError(problems: ["no expect"])
        }
        #expect(expectation.isEventual && expectation.withinMilliseconds == 50)
        guard case .step(let step) = transcript.lines[6].entry else { throw TranscriptError(problems: ["no step"]) }
        #expect(step.method == "POST" && step.url == "http://x/y" && step.status == 201 && step.pattern == [:])
    }

    @Test(arguments: [
        ("nonsense", "not JSON"), ("[1]", "is an object"), ("{}", "has none"),
        (#"{"send":1,"expect":1}"#, "has send, expect"),
        (#"{"send":1,"sned":2}"#, "nobody knows: sned"), (#"{"expect":1,"withinMs":0}"#, "withinMs"),
        (#"{"expect":1,"eventually":1}"#, "true or false"), (#"{"step":{}}"#, "get, post"),
        (#"{"step":{"get":"u","post":"v"}}"#, "get, post"), (#"{"step":{"post":"u","form":{},"json":1}}"#, "either"),
        (#"{"step":{"get":"u","body":1}}"#, "nobody knows: body"), (#"{"transcript":{}}"#, "has no title"),
        (#"{"transcript":{"title":"t","needs":[1]}}"#, "array of strings"),
    ])
    func `what is wrong is named with its line`(row: String, problem: String) {
        let error = #expect(throws: TranscriptError.self) { try Transcript(name: "t", text: "# one\n\(row)\n\(row)\n") }
        #expect(error?.problems.count == 2)
        #expect(error?.problems.first?.hasPrefix("t:2: ") == true)
        #expect(error?.description.contains(problem) == true, "\(error?.description ?? "")")
    }
}
