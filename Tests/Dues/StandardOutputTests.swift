import EventLoop
import Glibc
import JSON
import RPC
import TestSupport
import Testing

/// Standard output in stdio mode: the protocol and nothing else, and no process that outlives its host.
@Suite struct StandardOutputTests {
    static let hasCompiler = system("cc --version >/dev/null 2>&1") == 0

    /// A library that prints in each of C's ways whenever SQLite is called, and on a thread of its own all the time.
    private static let chatter = """
        #define _GNU_SOURCE
        #include <dlfcn.h>
        #include <pthread.h>
        #include <stdio.h>
        #include <unistd.h>
        static void chat(const char *who) {
            printf("%s: printf\\n", who);
            fflush(stdout);
            puts(who);
            dprintf(1, "%s: dprintf\\n", who);
            if (write(1, "write\\n", 6) < 0) return;
            fputs("left in the buffer until exit", stdout);
        }
        static void *for_ever(void *unused) {
            for (;;) {
                chat("thread");
                usleep(200);
            }
            return unused;
        }
        static void start(void) {
            pthread_t thread;
            pthread_create(&thread, 0, for_ever, 0);
        }
        int sqlite3_open_v2(const char *path, void **database, int flags, const char *vfs) {
            static pthread_once_t once = PTHREAD_ONCE_INIT;
            pthread_once(&once, start);
            chat("sqlite3_open_v2");
            int (*next)(const char *, void **, int, const char *) = dlsym(RTLD_NEXT, "sqlite3_open_v2");
            return next(path, database, flags, vfs);
        }
        int sqlite3_step(void *statement) {
            chat("sqlite3_step");
            int (*next)(void *) = dlsym(RTLD_NEXT, "sqlite3_step");
            return next(statement);
        }
        """

    @Test(.enabled(if: hasCompiler, "a C compiler, which makes the library that prints, is missing"))
    func `whatever libraries print, standard output holds the answers and nothing else`() async throws {
        try await offPool {
            let directory = try Scratch.directory()
            try Scratch.write(Self.chatter, to: "\(directory)/chatter.c")
            #expect(system("cc -shared -fPIC -o \(directory)/chatter.so \(directory)/chatter.c -lpthread") == 0)
            let child = try ChildProcess(
                ["/bin/sh", "-c", "exec \(DuesProcess.binary) stdio --sandbox --log error 2>\(directory)/errors"],
                environment: ["LD_PRELOAD": "\(directory)/chatter.so"])
            let count: Int64 = 300
            for id in 1...count {
                let params = #"{"customerId":"cus_\#(id)","productId":"prod_1"}"#
                let local = #"{"jsonrpc":"2.0","id":\#(id),"method":"CheckAccess","params":\#(params)}"#
                let upstream = #"{"jsonrpc":"2.0","id":\#(id),"method":"ListPlans"}"#
                try child.channel.send(Array((id % 10 == 0 ? upstream : local).utf8))
            }
            child.channel.finishSending()
            var ids: Set<Int64> = []
            while let line = try child.channel.receive(timeoutMilliseconds: 20_000) {
                let answer = try JSONValue(parsing: line)
                #expect(answer["result"] != nil)
                ids.insert(try #require(answer["id"]?.integerValue))
            }
            #expect(ids == Set(1...count))
            #expect(child.wait(timeoutMilliseconds: 15_000) == 0)
            let errors = try Scratch.text(of: "\(directory)/errors")
            for chat in ["sqlite3_open_v2: printf", "sqlite3_step: dprintf", "thread\n", "write\n", "left in the buffer"] {
                #expect(errors.contains(chat), "the library has to have said \(chat)")
            }
        }
    }

    @Test func `a server whose standard error is closed keeps its standard output clean`() async throws {
        try await offPool {
            let child = try ChildProcess(["/bin/sh", "-c", "exec \(DuesProcess.binary) stdio --sandbox --log debug 2>&-"])
            for id in 1...20 { try child.channel.send(Array(#"{"jsonrpc":"2.0","id":\#(id),"method":"ListPlans"}"#.utf8)) }
            child.channel.finishSending()
            var count = 0
            while let line = try child.channel.receive(timeoutMilliseconds: 20_000) {
                #expect(try JSONValue(parsing: line)["result"] != nil)
                count += 1
            }
            #expect(count == 20)
            #expect(child.wait(timeoutMilliseconds: 15_000) == 0)
        }
    }

    // MARK: The end

    /// A server on standard streams whose Stripe takes a while.
    private static func environment(_ stripe: SocketServer) -> [String: String] {
        ["STRIPE_SECRET_KEY": "sk_test_slow", "STRIPE_WEBHOOK_SECRET": "whsec_x", "DUES_TEST_BASE": stripe.base]
    }

    private static let onceOnly = Array(
        #"{"jsonrpc":"2.0","id":1,"method":"CreateCustomer","params":{"_meta":{"idempotencyKey":"once"}}}"#.utf8)

    private static func command(_ directory: String) -> String {
        "\(DuesProcess.binary) stdio --log error --stripe-base $DUES_TEST_BASE --poll-seconds 0 --db sqlite:\(directory)/dues.db"
    }

    @Test(arguments: [SIGTERM, SIGINT, 0])
    func `a signal, or the end of the input, answers what is in flight and ends with status 0`(signal: Int32) async throws {
        try await offPool {
            let stripe = SocketServer { _ in [.pause(milliseconds: 600), .reply(body: LoopsOfProcessTests.customer(0))] }
            defer { stripe.stop() }
            let child = try ChildProcess(
                ["/bin/sh", "-c", "exec \(Self.command(try Scratch.directory()))"], environment: Self.environment(stripe))
            try child.channel.send(LoopsOfProcessTests.createCustomer)
            LoopsOfProcessTests.wait { stripe.received.count == 1 }
            if signal == 0 { child.channel.finishSending() } else { child.signal(signal) }
            let answer = try JSONValue(parsing: try #require(try child.channel.receive(timeoutMilliseconds: 10_000)))
            #expect(answer["result"]?["customerId"] == "cus_slow0", "\(answer.text)")
            #expect(try child.channel.receive(timeoutMilliseconds: 10_000) == nil)
            #expect(child.wait(timeoutMilliseconds: 10_000) == 0)
        }
    }

    @Test func `a host that is killed with a call in flight leaves no orphan, and the call is finished`() async throws {
        try await offPool {
            let stripe = SocketServer { _ in [.pause(milliseconds: 600), .reply(body: LoopsOfProcessTests.customer(0))] }
            defer { stripe.stop() }
            let directory = try Scratch.directory()
            // The host starts the server on two pipes, makes a call, and waits for an answer that it does not live to see. What
            // stands between the two notes how the server ends.
            let host = """
                coproc (\(Self.command(directory)); echo $? >\(directory)/status.new; mv \(directory)/status.new \(directory)/status)
                echo '\(String(decoding: Self.onceOnly, as: UTF8.self))' >&${COPROC[1]}
                read -r answer <&${COPROC[0]}
                """
            let child = try ChildProcess(["/bin/bash", "-c", host], environment: Self.environment(stripe))
            LoopsOfProcessTests.wait { stripe.received.count == 1 }
            child.signal(SIGKILL)
            #expect(child.wait(timeoutMilliseconds: 10_000) == -SIGKILL)
            var status = stat()
            LoopsOfProcessTests.wait { stat("\(directory)/status", &status) == 0 }
            #expect(try Scratch.text(of: "\(directory)/status") == "0\n")
            let again = try ChildProcess(
                ["/bin/sh", "-c", "exec \(Self.command(directory))"], environment: Self.environment(stripe))
            try again.channel.send(Self.onceOnly)
            let answer = try JSONValue(parsing: try #require(try again.channel.receive(timeoutMilliseconds: 10_000)))
            #expect(answer["result"]?["customerId"] == "cus_slow0", "\(answer.text)")
            #expect(stripe.received.count == 1, "the answer that nobody saw was kept")
            #expect(again.end() == 0)
        }
    }
}
