package dues;

import java.io.BufferedReader;
import java.io.IOException;
import java.io.InputStreamReader;
import java.math.BigDecimal;
import java.net.InetAddress;
import java.net.ServerSocket;
import java.net.Socket;
import java.nio.charset.StandardCharsets;
import java.time.Duration;
import java.util.Collections;
import java.util.List;
import java.util.Map;
import java.util.concurrent.BlockingQueue;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.LinkedBlockingQueue;
import java.util.concurrent.TimeUnit;

/** What the conformance tests do not reach. A program of its own: it needs nothing but the language. */
public final class ClientTest {
    public static void main(String[] arguments) throws Exception {
        jsonIsExact();
        jsonIsStrict();
        secretsAreNotShown();
        optionsAreKeptAsTheyWere();
        anInterruptedThreadStaysInterrupted();
        whoLeavesAStreamCancelsItsCall();
        whatDoesNotFitIsAskedForAgain();
        whatIsCancelledInTimeIsNotSent();
        aFutureMayCloseItsClient();
        noThreadIsLeft();
        System.out.println("ClientTest: passed");
    }

    private static void check(boolean isSo, String what) {
        if (!isSo) throw new AssertionError(what);
    }

    private static <T extends Throwable> T thrown(Class<T> type, Runnable body) {
        try {
            body.run();
        } catch (Throwable error) {
            return type.cast(error);
        }
        throw new AssertionError("no " + type.getSimpleName());
    }

    private static void jsonIsExact() {
        for (String text : List.of(
            "9223372036854775807", "-9223372036854775808", "9223372036854775808", "1.10", "0", "true", "null", "[]", "{}",
            "{\"a\":[1,{\"b\":null}],\"\":\"Größe \uD83D\uDE00 \\\" \\\\ \\u0000\"}")) {
            check(Json.write(Json.parse(text)).equals(text), text);
        }
        check(Json.parse(" \"\\ud83d\\ude00\\u00e9\\n\\/\" ").equals("\uD83D\uDE00é\n/"), "escapes");
        check(Json.parse("-9223372036854775809") instanceof BigDecimal, "beyond 64 bits");
        check(Json.parse("[".repeat(64) + "]".repeat(64)) instanceof List, "64 levels");
    }

    private static void jsonIsStrict() {
        for (String text : List.of(
            "", "{", "[1,]", "{\"a\":1,}", "{\"a\":1,\"a\":1}", "{\"a\":null,\"a\":null}", "01", "-", "+1", "1.", ".5",
            "1e", "NaN", "tru", "nulls", "1 2", "'a'", "\"a", "\"\t\"", "\"\\x\"", "\"\\u12\"", "\"\\ud800\"",
            "\"\\ude00\\ud83d\"", "\uD800", "[".repeat(65) + "]".repeat(65), "{1:2}", "[1 2]", "\u00a01",
            "1e99999999999")) {
            thrown(IllegalArgumentException.class, () -> Json.parse(text));
        }
        byte[] overlong = {'"', (byte) 0xC0, (byte) 0x80, '"'};
        thrown(IllegalArgumentException.class, () -> Json.parse(overlong, 0, overlong.length));
        thrown(IllegalArgumentException.class, () -> Json.write("\uDE00"));
        thrown(IllegalArgumentException.class, () -> Json.write(1.5));
    }

    private static void secretsAreNotShown() {
        Map<String, Object> raw = Map.of("subscriptionId", "sub_1", "clientSecret", "pi_secret", "novelty", "secret too");
        CreateSubscriptionResult result = new CreateSubscriptionResult(raw);
        check(result.clientSecret().orElseThrow().equals("pi_secret"), "the secret is there");
        check(result.toString().contains("subscriptionId=sub_1"), result.toString());
        check(!result.toString().contains("secret"), result.toString());
        String params = new RpcHelloParams().client("me").authorization("Bearer secret").toString();
        check(params.equals("RpcHelloParams[client, authorization]"), params);
        check(!new DuesOptions().token("secret").toString().contains("secret"), "options");
        check(!new CallOptions().authorization("Bearer secret").toString().contains("secret"), "call options");
    }

    private static void optionsAreKeptAsTheyWere() throws Exception {
        try (Server server = new Server()) {
            DuesOptions options = server.options();
            try (Dues dues = Dues.connect(options)) {
                options.tcp("127.0.0.1", 1);
                check(dues.rpcHealth().status().equals(ServingStatus.SERVING), "dials where it was told to first");
            }
        }
    }

    private static void anInterruptedThreadStaysInterrupted() throws Exception {
        try (Server server = new Server(); Dues dues = Dues.connect(server.options())) {
            CompletableFuture<Boolean> stays = new CompletableFuture<>();
            Thread caller = new Thread(() -> {
                DuesException error = thrown(DuesException.class, () -> dues.listPlans(new ListPlansParams()));
                stays.complete(error.reason().equals(DuesException.CALLER_CANCELLED) && Thread.interrupted());
            });
            caller.start();
            server.expect("ListPlans");
            caller.interrupt();
            check(stays.get(5, TimeUnit.SECONDS), "interrupted");
            server.expect("rpc.cancel");
            check(dues.rpcHealth().status().equals(ServingStatus.SERVING), "the connection is as good as before");
        }
    }

    private static void whoLeavesAStreamCancelsItsCall() throws Exception {
        try (Server server = new Server(); Dues dues = Dues.connect(server.options())) {
            DuesStream<WatchEventsValue, WatchEventsResult> left = dues.watchEvents(new WatchEventsParams());
            CompletableFuture<Boolean> more = CompletableFuture.supplyAsync(left::hasNext);
            server.expect("WatchEvents");
            Thread.sleep(50); // most likely it waits by now; it ends as well if it does not
            left.close();
            check(!more.get(5, TimeUnit.SECONDS), "closed by another thread");
            server.expect("rpc.cancel");
        }
    }

    private static void whatDoesNotFitIsAskedForAgain() throws Exception {
        try (Server server = new Server(); Dues dues = Dues.connect(server.options())) {
            WatchEventsParams params = new WatchEventsParams().after(0);
            try (DuesStream<WatchEventsValue, WatchEventsResult> stream = dues.watchEvents(params)) {
                server.expect("rpc.cancel");
                for (long seq = 1; seq <= 256 + 300; seq++) check(stream.next().seq() == seq, "value " + seq);
            }
        }
    }

    private static void whatIsCancelledInTimeIsNotSent() throws Exception {
        try (ServerSocket silent = new ServerSocket(0, 8, InetAddress.getLoopbackAddress());
            Dues dues = Dues.connect(new DuesOptions().tcp("127.0.0.1", silent.getLocalPort()))) {
            CompletableFuture<CancelResult> cancelled = dues.cancelAsync(new CancelParams("sub_1"));
            CompletableFuture<RpcHealthResult> kept = dues.rpcHealthAsync();
            cancelled.cancel(true);
            try (Socket socket = silent.accept()) {
                BufferedReader in =
                    new BufferedReader(new InputStreamReader(socket.getInputStream(), StandardCharsets.UTF_8));
                check(in.readLine().contains("rpc.hello"), "hello");
                socket.getOutputStream().write("{\"jsonrpc\":\"2.0\",\"id\":0,\"result\":{}}\n".getBytes());
                check(in.readLine().contains("rpc.health"), "the call that was not cancelled is the first");
                kept.cancel(true);
            }
        }
    }

    private static void aFutureMayCloseItsClient() throws Exception {
        try (Server server = new Server()) {
            Dues dues = Dues.connect(server.options());
            long begun = System.nanoTime();
            dues.rpcHealthAsync().thenRun(dues::close).get(5, TimeUnit.SECONDS);
            check(System.nanoTime() - begun < TimeUnit.SECONDS.toNanos(5), "at once");
            thrown(IllegalStateException.class, dues::rpcHealth);
            thrown(IllegalStateException.class, () -> dues.watchEvents(new WatchEventsParams()));
        }
    }

    private static void noThreadIsLeft() throws InterruptedException {
        for (int count = 0; count < 100; count++) {
            if (Thread.getAllStackTraces().keySet().stream().noneMatch(thread -> thread.getName().equals("dues"))) return;
            Thread.sleep(50);
        }
        throw new AssertionError("threads that nobody ended");
    }

    /** A server that answers rpc.hello and rpc.health, and has 300 values for a stream with a place to begin at. */
    private static final class Server implements AutoCloseable {
        private final ServerSocket listener = new ServerSocket(0, 8, InetAddress.getLoopbackAddress());
        private final BlockingQueue<String> methods = new LinkedBlockingQueue<>();

        Server() throws IOException {
            CompletableFuture.runAsync(() -> {
                try (Socket socket = listener.accept()) {
                    BufferedReader in =
                        new BufferedReader(new InputStreamReader(socket.getInputStream(), StandardCharsets.UTF_8));
                    for (String line = in.readLine(); line != null; line = in.readLine()) {
                        Map<?, ?> call = (Map<?, ?>) Json.parse(line);
                        methods.add((String) call.get("method"));
                        Object after = ((Map<?, ?>) call.get("params")).get("after");
                        for (long seq = 1; after != null && seq <= 300; seq++) {
                            Object value = Map.of("seq", (Long) after + seq);
                            Object params = Map.of("id", call.get("id"), "seq", seq, "value", value);
                            say(socket, Map.of("method", "rpc.stream", "params", params));
                        }
                        if (!List.of("rpc.hello", "rpc.health").contains(call.get("method"))) continue;
                        Object result = Map.of("status", "SERVING", "checks", Collections.emptyMap());
                        say(socket, Map.of("jsonrpc", "2.0", "id", call.get("id"), "result", result));
                    }
                } catch (IOException closed) {
                    // The test is over.
                }
            });
        }

        private static void say(Socket socket, Map<String, ?> message) throws IOException {
            socket.getOutputStream().write((Json.write(message) + "\n").getBytes(StandardCharsets.UTF_8));
        }

        DuesOptions options() {
            return new DuesOptions().tcp("127.0.0.1", listener.getLocalPort()).timeout(Duration.ofSeconds(10));
        }

        void expect(String method) throws InterruptedException {
            for (String next = ""; !method.equals(next);) {
                next = methods.poll(5, TimeUnit.SECONDS);
                check(next != null, "no " + method);
            }
        }

        @Override public void close() throws IOException {
            listener.close();
        }
    }
}
