package dues;

import java.io.IOException;
import java.security.SecureRandom;
import java.time.Duration;
import java.util.Base64;
import java.util.LinkedHashMap;
import java.util.Map;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.Executor;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.RejectedExecutionException;
import java.util.concurrent.ThreadLocalRandom;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.locks.ReentrantLock;
import java.util.function.Function;

/** The part of the client that is the same for every method: connections, deadlines, and calls that are made again. */
abstract class Client implements AutoCloseable {
    /** Threads for what cannot be done while a caller waits for it; they end when they have been idle for a minute. */
    static final ExecutorService DAEMONS = Executors.newCachedThreadPool(task -> {
        Thread thread = new Thread(task, "dues");
        thread.setDaemon(true);
        return thread;
    });

    private static final Duration LONGEST_CLOSING = Duration.ofSeconds(10);
    private static final String NAME = "dues-java/1.0.0";
    private static final long SHORTEST_PAUSE = 100;
    private static final long LONGEST_PAUSE = 5000;
    private static final SecureRandom RANDOM = new SecureRandom();

    private final DuesOptions options;
    private final Transport transport;

    /** Guards what follows, and is held while a connection is made: the calls wait for it. */
    private final ReentrantLock connecting = new ReentrantLock();
    private volatile Connection connection;
    private volatile int refusals;
    private DuesException refusal;
    private boolean isEnded;

    private int inFlight; // guarded by this, as the following
    private boolean isClosed;

    Client(DuesOptions options) {
        this.options = options.copy();
        transport = new Transport(this.options);
    }

    // Calls

    /**
     * Calls any method that answers once, by its name on the wire. The call is made again only where the method is known
     * to be safe to repeat, or there is an idempotency key.
     */
    public Map<String, Object> call(String method, Map<String, ?> params, CallOptions options) {
        return call(method, params, options, Function.identity());
    }

    /** The same without waiting; cancelling the future cancels the call. */
    public CompletableFuture<Map<String, Object>> callAsync(String method, Map<String, ?> params, CallOptions options) {
        return callAsync(method, params, options, Function.identity());
    }

    /** Calls any streaming method, by its name on the wire. */
    public DuesStream<Map<String, Object>, Map<String, Object>> stream(
        String method, Map<String, ?> params, CallOptions options) {
        return stream(method, params, options, Function.identity(), Function.identity());
    }

    <R> R call(String method, Map<String, ?> params, CallOptions options, Function<Map<String, Object>, R> result) {
        enter();
        try {
            return result.apply(answer(method, params, options));
        } finally {
            leave();
        }
    }

    <R> CompletableFuture<R> callAsync(
        String method, Map<String, ?> params, CallOptions options, Function<Map<String, Object>, R> result) {
        enter();
        AsyncCall<R> call = new AsyncCall<>(() -> result.apply(answer(method, params, options)), this::leave);
        Executor executor = this.options.executor == null ? DAEMONS : this.options.executor;
        try {
            executor.execute(call);
        } catch (RejectedExecutionException error) {
            leave();
            throw error;
        }
        return call;
    }

    <V, R> DuesStream<V, R> stream(
        String method, Map<String, ?> params, CallOptions options, Function<Map<String, Object>, V> value,
        Function<Map<String, Object>, R> result) {
        enter();
        try {
            return new DuesStream<>(this, method, params, options, value, result);
        } finally {
            leave();
        }
    }

    private Map<String, Object> answer(String method, Map<String, ?> params, CallOptions options) {
        if (Methods.STREAMING.contains(method)) throw new IllegalArgumentException(method + " streams");
        Deadline deadline = deadline(options, Deadline.PATIENCE);
        Map<String, Object> meta = meta(params, options);
        Boolean isSafe = Methods.SAFE_TO_REPEAT.get(method);
        if (Boolean.FALSE.equals(isSafe)) meta.computeIfAbsent("idempotencyKey", name -> newKey());
        boolean mayRepeat = Boolean.TRUE.equals(isSafe) || meta.containsKey("idempotencyKey");
        for (int failures = 1;; failures++) {
            try {
                Exchange exchange = connected(deadline).send(method, withMeta(params, meta, deadline), deadline);
                exchange.connection.await(exchange, deadline);
                return exchange.result();
            } catch (DuesException error) {
                if (!mayRepeat) throw error;
                pause(error, failures, deadline);
            }
        }
    }

    Deadline deadline(CallOptions call, Duration unless) {
        return new Deadline(call.timeout() == null ? options.timeout : call.timeout(), unless);
    }

    /** What the options say, and what an untyped call says in its params. */
    static Map<String, Object> meta(Map<String, ?> params, CallOptions options) {
        Map<String, Object> meta = new LinkedHashMap<>();
        Object own = params.get("_meta");
        if (own instanceof Map) ((Map<?, ?>) own).forEach((name, value) -> meta.put((String) name, value));
        meta.putAll(options.meta());
        return meta;
    }

    /** The params as they are sent. A {@code _meta} of the caller's that is no object is the server's to judge. */
    static Map<String, Object> withMeta(Map<String, ?> params, Map<String, Object> meta, Deadline deadline) {
        Map<String, Object> sent = new LinkedHashMap<>(params);
        Object own = params.get("_meta");
        if (own != null && !(own instanceof Map)) return sent;
        Map<String, Object> said = new LinkedHashMap<>(meta);
        Long timeoutMs = deadline.timeoutMs();
        if (timeoutMs != null) said.put("timeoutMs", timeoutMs);
        if (!said.isEmpty()) sent.put("_meta", said);
        return sent;
    }

    private static String newKey() {
        byte[] bits = new byte[16];
        RANDOM.nextBytes(bits);
        return Base64.getUrlEncoder().withoutPadding().encodeToString(bits);
    }

    /** Waits before a call is made again; where that would not help, or lead past the deadline, the error stands. */
    void pause(DuesException error, int failures, Deadline deadline) {
        boolean isOver = error.reason().equals(DuesException.NO_ANSWER);
        if (!error.isRetryable() || isOver || failures > options.retries) throw error;
        long most = Math.min(LONGEST_PAUSE, SHORTEST_PAUSE << Math.min(failures - 1, 10));
        long pause = error.retryAfter().map(Duration::toMillis)
            .orElseGet(() -> ThreadLocalRandom.current().nextLong(most));
        if (TimeUnit.MILLISECONDS.toNanos(pause) > deadline.left()) throw error;
        try {
            Thread.sleep(pause);
        } catch (InterruptedException interruption) {
            throw DuesException.interrupted();
        }
    }

    // Connections

    /** The connection, made anew if there is none or it was lost. */
    Connection connected(Deadline deadline) {
        Connection current = connection;
        if (current != null && current.isUsable()) return current;
        int seen = refusals;
        try {
            if (!connecting.tryLock(deadline.patience(), TimeUnit.NANOSECONDS)) throw DuesException.noAnswer();
        } catch (InterruptedException error) {
            throw DuesException.interrupted();
        }
        try {
            if (connection != null && connection.isUsable()) return connection;
            if (isEnded) throw DuesException.lost("The client is closed.", null);
            // Refused while this call waited: that is its answer too.
            if (refusals != seen) throw refusal;
            try {
                return connection = connect(deadline);
            } catch (DuesException error) {
                boolean isOwn = error.reason().equals(DuesException.NO_ANSWER)
                    || error.reason().equals(DuesException.CALLER_CANCELLED);
                if (!isOwn) {
                    refusal = error;
                    refusals++;
                }
                throw error;
            }
        } finally {
            connecting.unlock();
        }
    }

    private Connection connect(Deadline deadline) {
        Connection made;
        try {
            made = new Connection(transport.open(deadline.patience()));
        } catch (InterruptedException error) {
            throw DuesException.interrupted();
        } catch (IOException error) {
            if (Thread.currentThread().isInterrupted()) throw DuesException.interrupted();
            throw DuesException.lost("No connection could be made: " + error.getMessage(), error);
        }
        try {
            Map<String, Object> hello = new LinkedHashMap<>();
            hello.put("client", NAME);
            hello.put("protocol", Methods.PROTOCOL);
            if (options.token != null) hello.put("authorization", "Bearer " + options.token);
            Exchange exchange = made.send("rpc.hello", hello, deadline);
            made.await(exchange, deadline);
            exchange.result();
            return made;
        } catch (RuntimeException error) {
            made.close(0);
            throw error;
        }
    }

    // Closing

    synchronized void enter() {
        if (isClosed) throw new IllegalStateException("the client is closed");
        inFlight++;
    }

    synchronized void leave() {
        inFlight--;
        notifyAll();
    }

    /**
     * Takes no further calls, waits for those in flight, 10 seconds at most, ends the connection, and reaps a server that
     * was spawned. Streams end with the connection.
     */
    @Override public void close() {
        Deadline deadline = new Deadline(LONGEST_CLOSING, null);
        synchronized (this) {
            isClosed = true;
            try {
                while (inFlight > 0 && deadline.left() > 0) TimeUnit.NANOSECONDS.timedWait(this, deadline.left());
            } catch (InterruptedException error) {
                Thread.currentThread().interrupt();
            }
        }
        connecting.lock();
        try {
            isEnded = true;
            if (connection != null) connection.close(deadline.left());
            transport.close();
        } finally {
            connecting.unlock();
        }
    }
}
