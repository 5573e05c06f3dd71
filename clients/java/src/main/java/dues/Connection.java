package dues;

import java.io.IOException;
import java.io.InputStream;
import java.nio.charset.StandardCharsets;
import java.util.Arrays;
import java.util.LinkedHashMap;
import java.util.Map;
import java.util.concurrent.BlockingQueue;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CompletionException;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.LinkedBlockingQueue;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicLong;
import java.util.function.Predicate;

/**
 * One connection, with any number of calls at once. A thread of its own opens it and reads, another one writes: who calls
 * waits for neither. Only the reader settles calls, so that what has come for one is in its order.
 */
final class Connection {
    private static final int LONGEST_LINE_OUT = 1 << 20;
    /** The server's lines end with what it may buffer; this is far beyond. */
    private static final int LONGEST_LINE_IN = 1 << 26;
    private static final byte[] FINISH = {};

    private final BlockingQueue<byte[]> lines = new LinkedBlockingQueue<>();
    private final Map<Long, Answer> pending = new ConcurrentHashMap<>();
    private final AtomicLong ids = new AtomicLong();
    private final CompletableFuture<Void> greeted = new CompletableFuture<>();
    private final CompletableFuture<Void> ended = new CompletableFuture<>();
    private volatile Transport.Link link;
    private volatile DuesException lost;

    private static final class Answer extends CompletableFuture<Map<String, Object>> {
        final Predicate<Map<String, Object>> values;

        Answer(Predicate<Map<String, Object>> values) {
            this.values = values;
        }
    }

    Connection(Transport transport, Map<String, ?> hello) {
        start(() -> run(transport, hello));
    }

    boolean isLost() {
        return lost != null;
    }

    /**
     * Makes a call, whose values {@code values} takes; where it refuses one the call is cancelled. Whoever cancels the
     * future or has it fail cancels the call.
     */
    CompletableFuture<Map<String, Object>> call(
            String method, Map<String, ?> params, Predicate<Map<String, Object>> values) {
        long id = ids.incrementAndGet();
        byte[] line = line(id, method, params);
        Answer answer = new Answer(values);
        answer.whenComplete((result, error) -> {
            boolean isUnanswered = pending.remove(id) != null;
            if (isUnanswered && !lines.remove(line)) lines.add(line(null, "rpc.cancel", Map.of("id", id)));
        });
        pending.put(id, answer);
        lines.add(line);
        if (isLost()) answer.completeExceptionally(lost);
        return answer;
    }

    /** Ends what this side writes, gives the server 10 seconds to end too, and closes. */
    void close() {
        lines.add(FINISH);
        ended.completeOnTimeout(null, Transport.PATIENCE, TimeUnit.SECONDS).join();
        end();
    }

    private static void start(Runnable body) {
        Thread thread = new Thread(body, "dues");
        thread.setDaemon(true);
        thread.start();
    }

    // Writing

    private static byte[] line(Long id, String method, Map<String, ?> params) {
        Map<String, Object> message = new LinkedHashMap<>();
        message.put("jsonrpc", "2.0");
        if (id != null) message.put("id", id);
        message.put("method", method);
        message.put("params", params);
        byte[] line = (Json.write(message) + "\n").getBytes(StandardCharsets.UTF_8);
        if (line.length > LONGEST_LINE_OUT) throw new IllegalArgumentException("the call is longer than 1 MiB");
        return line;
    }

    /** Where this fails the link is closed, at which the reader ends the connection. */
    private void write(Map<String, ?> hello) {
        try {
            link.out.write(line(0L, "rpc.hello", hello));
            greeted.orTimeout(Call.PATIENCE, TimeUnit.MILLISECONDS).join();
            for (byte[] line = lines.take(); line != FINISH; line = lines.take()) link.out.write(line);
            link.finish.close();
        } catch (IOException | InterruptedException | CompletionException error) {
            end();
        }
    }

    // Reading

    private void run(Transport transport, Map<String, ?> hello) {
        try {
            link = transport.open();
            start(() -> write(hello));
            read(link.in);
            lose(DuesException.lost("The server closed the connection.", null));
        } catch (DuesException refusal) {
            lose(refusal);
        } catch (IOException | RuntimeException error) {
            lose(DuesException.lost("The connection is lost: " + error.getMessage(), error));
        }
    }

    private void lose(DuesException error) {
        lost = error;
        end();
        greeted.completeExceptionally(error);
        lines.add(FINISH); // for a writer that waits
        for (Long id : pending.keySet()) {
            Answer answer = pending.remove(id);
            if (answer != null) answer.completeExceptionally(error);
        }
        ended.complete(null);
    }

    private void end() {
        try {
            if (link != null) link.end.close();
        } catch (IOException already) {
            // It is of no use any more.
        }
    }

    private void read(InputStream in) throws IOException {
        byte[] buffer = new byte[1 << 14];
        int end = 0;
        int count;
        while ((count = in.read(buffer, end, buffer.length - end)) >= 0) {
            int begin = 0;
            for (int at = end; at < end + count; at++) {
                if (buffer[at] != '\n') continue;
                if (at > begin) take(buffer, begin, at);
                begin = at + 1;
            }
            end += count - begin;
            System.arraycopy(buffer, begin, buffer, 0, end);
            if (end == LONGEST_LINE_IN) throw new IOException("a line without an end");
            if (end == buffer.length) buffer = Arrays.copyOf(buffer, 2 * end);
        }
    }

    /** A line that is not as the protocol has it ends the connection: what comes behind it cannot be believed. */
    @SuppressWarnings("unchecked")
    private void take(byte[] bytes, int begin, int end) {
        Map<String, Object> message = (Map<String, Object>) Json.parse(bytes, begin, end);
        if ("rpc.stream".equals(message.get("method"))) {
            Map<String, Object> params = (Map<String, Object>) message.get("params");
            Answer answer = pending.get(params.get("id"));
            if (answer != null && !answer.values.test((Map<String, Object>) params.get("value"))) answer.cancel(true);
        } else if (!message.containsKey("method")) {
            Map<String, Object> error = (Map<String, Object>) message.get("error");
            if (!greeted.isDone()) { // nothing else has been sent
                if (error != null) throw DuesException.of(error);
                greeted.complete(null);
                return;
            }
            Object id = message.get("id");
            // An error without an id is about a line that the server could not read: ours, where there is but one.
            if (id == null && pending.size() == 1) id = pending.keySet().iterator().next();
            Answer answer = id == null ? null : pending.remove(id);
            if (answer == null) return;
            if (error != null) answer.completeExceptionally(DuesException.of(error));
            answer.complete((Map<String, Object>) message.get("result"));
        }
    }
}
