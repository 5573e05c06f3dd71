package dues;

import java.time.Duration;
import java.util.concurrent.TimeUnit;

/** How long a call may take, and how long the client waits for it. */
final class Deadline {
    /** How long a call may take that nobody has given a time. */
    static final Duration PATIENCE = Duration.ofSeconds(90);
    static final Duration ENDLESS = Duration.ofDays(1000);

    private static final long GRACE = TimeUnit.SECONDS.toNanos(1);

    private final boolean isTold;
    private final long end;

    /** {@code timeout} from now; where that is null, after {@code unless}, of which the server is not told. */
    Deadline(Duration timeout, Duration unless) {
        isTold = timeout != null;
        Duration time = isTold ? timeout : unless;
        end = System.nanoTime() + (time.compareTo(ENDLESS) > 0 ? ENDLESS : time).toNanos();
    }

    /** For making a connection and asking: a stream may go on for good, but not without having begun. */
    Deadline ofBeginning() {
        return isTold ? this : new Deadline(null, PATIENCE);
    }

    /** What the server is told is left; null where it is told nothing. */
    Long timeoutMs() {
        return isTold ? Math.max(1, TimeUnit.NANOSECONDS.toMillis(left())) : null;
    }

    /** The nanoseconds in which the call should be answered. */
    long left() {
        return end - System.nanoTime();
    }

    /** The nanoseconds until the client gives up. */
    long patience() {
        return left() + (isTold ? GRACE : 0);
    }
}
