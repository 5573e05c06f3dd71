package dues;

import java.util.Iterator;
import java.util.Map;
import java.util.NoSuchElementException;
import java.util.Optional;
import java.util.concurrent.BlockingQueue;
import java.util.concurrent.LinkedBlockingQueue;
import java.util.function.Function;
import java.util.function.Predicate;

/**
 * The values of a streaming call, for one thread at a time; any thread may close it, which cancels the call. After a lost
 * connection or a retryable error it goes on behind the last value; {@link #hasNext} throws {@link DuesException} where it
 * cannot.
 *
 * @param <V> the values
 * @param <R> the method's result
 */
public final class DuesStream<V, R> implements Iterable<V>, Iterator<V>, AutoCloseable {
    private static final int MOST_VALUES = 256;
    /** Stands behind the last value: the call is over, or was given up for having more than there is room for. */
    private static final Map<String, Object> GAP = Map.of();

    private final BlockingQueue<Map<String, Object>> values = new LinkedBlockingQueue<>();
    private final Call call;
    private final Function<Map<String, Object>, V> value;
    private final Function<Map<String, Object>, R> toResult;
    private Map<String, Object> next;
    private boolean isOver;
    private R result;

    DuesStream(
            Function<Predicate<Map<String, Object>>, Call> begin, Function<Map<String, Object>, V> value,
            Function<Map<String, Object>, R> result) {
        this.value = value;
        toResult = result;
        call = begin.apply(this::offer);
        call.whenComplete((answer, error) -> values.add(GAP));
    }

    private boolean offer(Map<String, Object> value) {
        boolean hasRoom = values.size() < MOST_VALUES;
        values.add(hasRoom ? value : GAP);
        return hasRoom;
    }

    @Override public Iterator<V> iterator() {
        return this;
    }

    /** Waits for the next value, or the end. */
    @Override public boolean hasNext() {
        while (next == null && !isOver) {
            Map<String, Object> taken = take();
            if (taken != GAP) {
                next = taken;
            } else if (!call.isDone()) {
                call.attempt();
            } else {
                isOver = true;
                if (!call.isCancelled()) result = toResult.apply(Client.await(call));
            }
        }
        return next != null;
    }

    private Map<String, Object> take() {
        try {
            return values.take();
        } catch (InterruptedException error) {
            close();
            throw DuesException.interrupted();
        }
    }

    @Override public V next() {
        if (!hasNext()) throw new NoSuchElementException();
        V taken = value.apply(next);
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
