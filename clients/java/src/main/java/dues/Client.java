package dues;

import java.time.Duration;
import java.util.*;
import java.util.concurrent.*;
import java.util.function.Function;

/** The part of the client that is the same for every method. */
abstract class Client implements AutoCloseable {
    final Duration timeout;
    final int retries;
    private final Transport transport;
    private final Map<String, Object> hello = new LinkedHashMap<>();
    private final Set<Call> inFlight = ConcurrentHashMap.newKeySet();
    private Connection connection; // guarded by this, as is the following
    private boolean isClosed;

    Client(DuesOptions options) {
        timeout = options.timeout;
        retries = options.retries;
        transport = new Transport(options);
        hello.put("client", "dues-java/1.0.0");
        hello.put("protocol", Methods.PROTOCOL);
        if (options.token != null) hello.put("authorization", "Bearer " + options.token);
    }

    /**
     * Calls any method that answers once, by its name on the wire. The call is made again only where the method is
     * known to be safe to repeat, or there is an idempotency key. Params with a {@code _meta} of their own are sent as
     * they are, once.
     */
    public Map<String, Object> call(String method, Map<String, ?> params, CallOptions options) {
        return unary(method, params, options).await();
    }

    /** The same without waiting, for what {@code read} makes of the result; cancelling the future cancels the call. */
    public <R> CompletableFuture<R> callAsync(
            String method, Map<String, ?> params, CallOptions options, Function<Map<String, Object>, R> read) {
        Call call = unary(method, params, options).limited();
        CompletableFuture<R> outcome = call.handleAsync((result, error) -> {
            if (error != null) throw DuesException.told(error);
            return read.apply(result);
        });
        outcome.whenComplete((result, error) -> call.cancel(true));
        return outcome;
    }

    /** Calls any streaming method, for what the functions make of its values and its result. */
    public <V, R> DuesStream<V, R> stream(
            String method, Map<String, ?> params, CallOptions options, Function<Map<String, Object>, V> readValue,
            Function<Map<String, Object>, R> readResult) {
        return new DuesStream<>(begin(method, params, options, true).limited(), readValue, readResult);
    }

    private Call unary(String method, Map<String, ?> params, CallOptions options) {
        Call call = begin(method, params, options, false);
        inFlight.add(call);
        call.whenComplete((result, error) -> inFlight.remove(call));
        return call;
    }

    private Call begin(String method, Map<String, ?> params, CallOptions options, boolean isStream) {
        synchronized (this) {
            if (isClosed) throw new IllegalStateException("the client is closed");
            connection();
        }
        return new Call(this, method, params, options, isStream);
    }

    /** The connection, made anew if there is none or it was lost. */
    synchronized Connection connection() {
        if (connection == null || connection.isLost() && !isClosed) connection = new Connection(transport, hello);
        return connection;
    }

    /**
     * Takes no further calls, waits for those in flight, 10 seconds at most, ends the connection, and reaps a server
     * that was spawned. Streams end with the connection.
     */
    @Override public void close() {
        synchronized (this) {
            isClosed = true;
        }
        CompletableFuture.allOf(inFlight.toArray(new Call[0])).exceptionally(error -> null)
            .completeOnTimeout(null, Transport.PATIENCE, TimeUnit.MILLISECONDS).join();
        for (Call call : inFlight) call.completeExceptionally(DuesException.lost("The client is closed.", null));
        if (connection != null) connection.close();
        transport.close();
    }
}
