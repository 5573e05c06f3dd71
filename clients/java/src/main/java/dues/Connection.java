package dues;

import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.util.*;
import java.util.concurrent.*;
import java.util.concurrent.atomic.AtomicLong;

/**
 * One connection, with any number of calls at once. A thread of its own opens it and reads, another one writes: who
 * calls waits for neither. Only the reader tells calls what has come, so that each is told in order.
 */
final class Connection {
    private static final int LONGEST_LINE_OUT = 1 << 20;
    /** The server's lines end with what it may buffer; this is far beyond. */
    private static final int LONGEST_LINE_IN = 1 << 26;
    private static final byte[] FINISH = {};

    private final BlockingQueue<byte[]> lines = new LinkedBlockingQueue<>();
    private final Map<Long, Call> pending = new ConcurrentHashMap<>();
    private final AtomicLong ids = new AtomicLong();
    private final CompletableFuture<Void> greeted = new CompletableFuture<>();
    private final CompletableFuture<Void> ended = new CompletableFuture<>();
    private volatile Transport.Link link;
    private volatile DuesException lost;

    Connection(Transport transport, Map<String, ?> hello) {
        start(() -> run(transport, hello));
    }

    private static void start(Runnable body) {
        Thread thread = new Thread(body, "dues");
        thread.setDaemon(true);
        thread.start();
    }

    boolean isLost() {
        return lost != null;
    }

    /** Sends a call; running what is returned cancels it, if it has not been answered. */
    Runnable send(Call call, String method, Map<String, ?> params) {
        long id = ids.incrementAndGet();
        byte[] line = line(id, method, params);
        pending.put(id, call);
        lines.add(line);
        if (isLost() && pending.remove(id) != null) call.fail(lost);
        return () -> {
            if (pending.remove(id) != null && !lines.remove(line)) tellCancelled(id);
        };
    }

    /** Ends what this side writes, gives the server time to end too, and closes. */
    void close() {
        lines.add(FINISH);
        ended.completeOnTimeout(null, Transport.PATIENCE, TimeUnit.MILLISECONDS).join();
        end();
    }

    private void end() {
        try {
            if (link != null) link.end.close();
        } catch (IOException already) {
            // It is of no use any more.
        }
    }

    // Writing

    private void tellCancelled(long id) {
        lines.add(line(null, "rpc.cancel", Map.of("id", id)));
    }

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

    /** Where this fails the link is ended, at which the reader sees that the connection is lost. */
    private void write(Map<String, ?> hello) {
        try {
            write(line(0L, "rpc.hello", hello));
            greeted.get(Call.PATIENCE, TimeUnit.MILLISECONDS);
            for (byte[] line = lines.take(); line != FINISH; line = lines.take()) write(line);
            link.finish.close();
        } catch (IOException | InterruptedException | ExecutionException | TimeoutException error) {
            end();
        }
    }

    private void write(byte[] line) throws IOException {
        link.out.write(line);
        link.out.flush();
    }

    // Reading

    private void run(Transport transport, Map<String, ?> hello) {
        try {
            link = transport.open();
            start(() -> write(hello));
            read(link.in);
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
            Call call = pending.remove(id);
            if (call != null) call.fail(error);
        }
        ended.complete(null);
    }

    private void read(Transport.Source in) throws IOException {
        byte[] buffer = new byte[1 << 14];
        int end = 0;
        while (end < LONGEST_LINE_IN) {
            if (end == buffer.length) buffer = Arrays.copyOf(buffer, 2 * end);
            int count = in.read(buffer, end, buffer.length - end);
            if (count < 0) throw new IOException("the server closed it");
            int begin = 0;
            for (int at = end; at < end + count; at++) {
                if (buffer[at] != '\n') continue;
                if (at > begin) take(buffer, begin, at);
                begin = at + 1;
            }
            end += count - begin;
            System.arraycopy(buffer, begin, buffer, 0, end);
        }
        throw new IOException("a line without an end");
    }

    /** A line that is not as the protocol has it ends the connection: what comes behind it cannot be believed. */
    @SuppressWarnings("unchecked")
    private void take(byte[] bytes, int begin, int end) {
        Map<String, Object> message = (Map<String, Object>) Json.parse(bytes, begin, end);
        if ("rpc.stream".equals(message.get("method"))) {
            Map<String, Object> params = (Map<String, Object>) message.get("params");
            Long id = (Long) params.get("id");
            Call call = pending.get(id);
            if (call == null || call.take((Map<String, Object>) params.get("value"))) return;
            if (pending.remove(id) != null) tellCancelled(id);
        } else if (!message.containsKey("method")) {
            Map<String, Object> error = (Map<String, Object>) message.get("error");
            Map<String, Object> result = (Map<String, Object>) message.get("result");
            answer(message.get("id"), error == null ? null : DuesException.of(error), result);
        }
    }

    private void answer(Object id, DuesException error, Map<String, Object> result) {
        if (!greeted.isDone()) { // nothing but hello has been sent
            if (error != null) throw error;
            greeted.complete(null);
            return;
        }
        // An error without an id is about a line that the server could not read: ours, where there is but one.
        if (id == null && pending.size() == 1) id = pending.keySet().iterator().next();
        Call call = id == null ? null : pending.remove(id);
        if (call == null) return;
        if (error != null) {
            call.fail(error);
        } else {
            call.complete(result);
        }
    }
}
