package dues;

import java.util.ArrayDeque;
import java.util.Map;
import java.util.Queue;

/** A call on its connection: what has come for it, and the thread that waits. */
final class Exchange {
    private static final int MOST_VALUES = 256;

    final Connection connection;
    final long id;
    private final Queue<Map<String, Object>> values = new ArrayDeque<>(0); // guarded by this
    private Map<String, Object> answer; // guarded by this, as the following
    private DuesException failure;
    private boolean isOverrun;
    volatile Thread waiter;

    Exchange(Connection connection, long id) {
        this.connection = connection;
        this.id = id;
    }

    /** Takes a value of the stream; false where the reader is too slow for another. */
    synchronized boolean offer(Map<String, Object> value) {
        if (values.size() == MOST_VALUES) isOverrun = true;
        return !isOverrun && values.add(value);
    }

    synchronized void answer(Map<String, Object> message) {
        answer = message;
    }

    synchronized void fail(DuesException error) {
        if (answer == null && failure == null) failure = error;
    }

    /** Whether there is something for the one who waits. */
    synchronized boolean isReady() {
        return answer != null || failure != null || isOverrun || !values.isEmpty();
    }

    /** The next value of the stream; null where there is none behind which it could go on. */
    synchronized Map<String, Object> poll() {
        return values.poll();
    }

    /** Whether the call was given up for having more values than its reader takes. */
    synchronized boolean isOverrun() {
        return isOverrun;
    }

    /** The result, or the error that it ended with. */
    @SuppressWarnings("unchecked") // a result that is no object is told by a ClassCastException
    synchronized Map<String, Object> result() {
        if (failure != null) throw failure;
        Object error = answer.get("error");
        if (error != null) throw DuesException.of((Map<String, Object>) error);
        return (Map<String, Object>) answer.get("result");
    }
}
