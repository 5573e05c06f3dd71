package dues;

import java.util.Iterator;
import java.util.LinkedHashMap;
import java.util.Map;
import java.util.NoSuchElementException;
import java.util.Optional;
import java.util.function.Function;

/**
 * The values of a streaming call, for one thread at a time; any thread may close it, which cancels the call. After a lost
 * connection or a retryable error it goes on behind the last value that was taken; {@link #hasNext} throws
 * {@link DuesException} where it cannot.
 *
 * @param <V> the values
 * @param <R> the method's result
 */
public final class DuesStream<V, R> implements Iterable<V>, Iterator<V>, AutoCloseable {
    private final Client client;
    private final String method;
    private final Map<String, Object> params;
    private final Map<String, Object> meta;
    private final Deadline deadline;
    private final Function<Map<String, Object>, V> value;
    private final Function<Map<String, Object>, R> toResult;

    /** Null where the call is to be made, or made again. */
    private volatile Exchange exchange;
    private volatile boolean isClosed;
    private boolean isOver;
    private int failures;
    private Map<String, Object> next;
    private R result;

    DuesStream(
        Client client, String method, Map<String, ?> params, CallOptions options, Function<Map<String, Object>, V> value,
        Function<Map<String, Object>, R> result) {
        this.client = client;
        this.method = method;
        this.params = new LinkedHashMap<>(params);
        this.value = value;
        toResult = result;
        meta = Client.meta(params, options);
        deadline = client.deadline(options, Deadline.ENDLESS);
        try {
            begin();
        } catch (DuesException error) {
            again(error);
        }
    }

    @Override public Iterator<V> iterator() {
        return this;
    }

    /** Waits for the next value, or the end. */
    @Override public boolean hasNext() {
        while (next == null && !isOver && !isClosed) {
            try {
                if (exchange == null) begin();
                exchange.connection.await(exchange, deadline);
                next = exchange.poll();
                if (next != null) break;
                if (exchange.isOverrun()) {
                    exchange = null;
                } else {
                    result = toResult.apply(exchange.result());
                    isOver = true;
                }
            } catch (DuesException error) {
                if (!isClosed) again(error);
            }
        }
        return next != null;
    }

    @Override public V next() {
        if (!hasNext()) throw new NoSuchElementException();
        V taken = value.apply(next);
        params.put("after", next.get("seq"));
        failures = 0;
        next = null;
        return taken;
    }

    /** The method's result, which comes behind the last value. */
    public Optional<R> result() {
        return Optional.ofNullable(result);
    }

    /** Cancels the call, if it has not ended. */
    @Override public void close() {
        isClosed = true;
        Exchange current = exchange;
        if (current != null) current.connection.cancel(current);
    }

    private void begin() {
        Deadline beginning = deadline.ofBeginning();
        exchange = client.connected(beginning).send(method, Client.withMeta(params, meta, deadline), beginning);
        if (isClosed) close(); // by another thread, which saw no exchange yet
    }

    private void again(DuesException error) {
        exchange = null;
        isOver = true;
        if (params.get("after") == null) throw error;
        client.pause(error, ++failures, deadline);
        isOver = false;
    }
}
