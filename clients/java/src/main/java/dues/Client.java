package dues;

import java.time.Duration;
import java.util.LinkedHashMap;
import java.util.Map;
import java.util.Set;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.TimeUnit;
import java.util.function.Function;
import java.util.function.Predicate;

/** The part of the client that is the same for every method. */
abstract class Client implements AutoCloseable {
    final int retries;
    private final Duration timeout;
    private final Transport transport;
    private final Map<String, Object> hello = new LinkedHashMap<>();
    private final Set<Call> inFlight = ConcurrentHashMap.newKeySet();
    private Connection connection; // guarded by this, as is the following
    private boolean isClosed;

    Client(DuesOptions options) {
        retries = options.retries;
        timeout = options.timeout;
        transport = new Transport(options);
        hello.put("client", "dues-java/1.0.0");
        hello.put("protocol", Methods.PROTOCOL);
        if (options.token != null) hello.put("authorization", "Bearer " + options.token);
    }

    /**
     * Calls any method that answers once, by its name on the wire. The call is made again only where the method is known
     * to be safe to repeat, or there is an idempotency key. Params with a {@code _meta} of their own are sent as they are,
     * once.
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
        return result.apply(await(beginUnary(method, params, options)));
    }

    /** What depends on the future runs in threads that may wait: not in the connection's. */
    <R> CompletableFuture<R> callAsync(
            String method, Map<String, ?> params, CallOptions options, Function<Map<String, Object>, R> result) {
        Call call = beginUnary(method, params, options);
        CompletableFuture<R> outcome = call.thenApplyAsync(result);
        outcome.whenComplete((done, error) -> call.cancel(true));
        return outcome;
    }

    <V, R> DuesStream<V, R> stream(
            String method, Map<String, ?> params, CallOptions options, Function<Map<String, Object>, V> value,
            Function<Map<String, Object>, R> result) {
        return new DuesStream<>(values -> begin(method, params, options, values), value, result);
    }

    private Call beginUnary(String method, Map<String, ?> params, CallOptions options) {
        Call call = begin(method, params, options, null);
        inFlight.add(call);
        call.whenComplete((result, error) -> inFlight.remove(call));
        return call;
    }

    private Call begin(
            String method, Map<String, ?> params, CallOptions options, Predicate<Map<String, Object>> values) {
        synchronized (this) {
            if (isClosed) throw new IllegalStateException("the client is closed");
            connection();
        }
        Map<String, Object> meta = new LinkedHashMap<>(options.json());
        if (timeout != null) meta.putIfAbsent("timeoutMs", timeout.toMillis());
        return new Call(this, method, params, meta, values);
    }

    static Map<String, Object> await(Call call) {
        try {
            return call.get();
        } catch (InterruptedException error) {
            call.cancel(true);
            throw DuesException.interrupted();
        } catch (ExecutionException error) {
            throw new DuesException((DuesException) error.getCause());
        }
    }

    /** The connection, made anew if there is none or it was lost. */
    synchronized Connection connection() {
        if (connection == null || connection.isLost() && !isClosed) connection = new Connection(transport, hello);
        return connection;
    }

    /**
     * Takes no further calls, waits for those in flight, 10 seconds at most, ends the connection, and reaps a server that
     * was spawned. Streams end with the connection.
     */
    @Override public void close() {
        synchronized (this) {
            isClosed = true;
        }
        CompletableFuture.allOf(inFlight.toArray(new Call[0])).exceptionally(error -> null)
            .completeOnTimeout(null, Transport.PATIENCE, TimeUnit.SECONDS).join();
        for (Call call : inFlight) call.completeExceptionally(DuesException.lost("The client is closed.", null));
        if (connection != null) connection.close();
        transport.close();
    }
}
