package dues;

import java.util.*;
import java.util.function.Function;

/**
 * The values of a streaming call, for one thread at a time; any thread may close it, which cancels the call. After a
 * lost connection or a retryable error it goes on behind the last value; {@link #hasNext} throws {@link DuesException}
 * where it cannot.
 *
 * @param <V> the values
 * @param <R> the method's result
 */
public final class DuesStream<V, R> implements Iterable<V>, Iterator<V>, AutoCloseable {
    private final Call call;
    private final Function<Map<String, Object>, V> readValue;
    private final Function<Map<String, Object>, R> readResult;
    private Map<String, Object> next;
    private boolean isOver;
    private R result;

    DuesStream(Call call, Function<Map<String, Object>, V> readValue, Function<Map<String, Object>, R> readResult) {
        this.call = call;
        this.readValue = readValue;
        this.readResult = readResult;
    }

    @Override public Iterator<V> iterator() {
        return this;
    }

    /** Waits for the next value, or the end. */
    @Override public boolean hasNext() {
        while (next == null && !isOver) {
            try {
                next = call.values.take();
            } catch (InterruptedException error) {
                close();
                throw DuesException.interrupted();
            }
            if (next != Call.GAP) continue;
            next = null;
            isOver = call.isDone();
            if (!isOver) {
                call.attempt();
            } else if (!call.isCancelled()) {
                result = readResult.apply(call.await());
            }
        }
        return next != null;
    }

    @Override public V next() {
        if (!hasNext()) throw new NoSuchElementException();
        V taken = readValue.apply(next);
        next = null;
        return taken;
    }

    /** The method's result, which comes behind the last value. */
    public Optional<R> result() {
        return Optional.ofNullable(result);
    }

    /** Cancels the call, if it has not ended. */
    @Override public void close() {
        call.cancel(true);
    }
}
