package dues;

import java.math.BigInteger;
import java.security.SecureRandom;
import java.time.Duration;
import java.util.LinkedHashMap;
import java.util.Map;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.ThreadLocalRandom;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.TimeoutException;
import java.util.function.Predicate;

/** A call with all its attempts. Whoever cancels it, or has it fail, ends the attempt. */
final class Call extends CompletableFuture<Map<String, Object>> {
    /** How many milliseconds a call may take that nobody has given a time. */
    static final long PATIENCE = 90_000;
    private static final long ENDLESS = TimeUnit.DAYS.toMillis(1000);
    private static final long GRACE = 1000;
    private static final SecureRandom RANDOM = new SecureRandom();

    private final Client client;
    private final String method;
    private final Map<String, Object> params;
    private final Map<String, Object> meta;
    private final Predicate<Map<String, Object>> values;
    private final boolean isRepeatable;
    private final boolean isTimed;
    private final long end;
    private int failures;
    private volatile CompletableFuture<Map<String, Object>> attempt;

    /** {@code values} takes a stream's, until it refuses one; it is null for a call that has but one answer. */
    Call(Client client, String method, Map<String, ?> params, Map<String, Object> meta, Predicate<Map<String, Object>> values) {
        this.client = client;
        this.method = method;
        this.params = new LinkedHashMap<>(params);
        this.meta = meta;
        this.values = values;
        Boolean isSafe = Methods.SAFE_TO_REPEAT.get(method);
        if (Boolean.FALSE.equals(isSafe)) meta.putIfAbsent("idempotencyKey", new BigInteger(128, RANDOM).toString(16));
        boolean isSafeOrKeyed = Boolean.TRUE.equals(isSafe) || meta.containsKey("idempotencyKey");
        isRepeatable = isSafeOrKeyed && !params.containsKey("_meta");
        isTimed = meta.containsKey("timeoutMs");
        long time = isTimed ? (Long) meta.get("timeoutMs") : values == null ? PATIENCE : ENDLESS;
        end = System.nanoTime() + TimeUnit.MILLISECONDS.toNanos(time);
        attempt();
        whenComplete((result, error) -> attempt.cancel(true));
    }

    /** Asks the server; for a stream, for what comes behind the last value. */
    void attempt() {
        if (isTimed) meta.put("timeoutMs", Math.max(1, left()));
        Map<String, Object> sent = new LinkedHashMap<>(params);
        if (!meta.isEmpty()) sent.putIfAbsent("_meta", meta);
        attempt = client.connection().call(method, sent, this::take);
        attempt.orTimeout(left() + (isTimed ? GRACE : 0), TimeUnit.MILLISECONDS).whenComplete(this::end);
        if (isDone()) attempt.cancel(true);
    }

    private long left() {
        return TimeUnit.NANOSECONDS.toMillis(end - System.nanoTime());
    }

    private boolean take(Map<String, Object> value) {
        if (values == null || !values.test(value)) return false;
        params.put("after", value.get("seq"));
        failures = 0;
        return true;
    }

    /** An attempt that was cancelled is no end. */
    private void end(Map<String, Object> result, Throwable error) {
        if (error == null) {
            complete(result);
        } else if (error instanceof TimeoutException) {
            completeExceptionally(DuesException.noAnswer());
        } else if (error instanceof DuesException) {
            again((DuesException) error);
        }
    }

    private void again(DuesException error) {
        long pause = error.retryAfter().map(Duration::toMillis)
            .orElseGet(() -> ThreadLocalRandom.current().nextLong(Math.min(5000, 100L << Math.min(failures, 10))));
        boolean hasPlace = values == null || params.get("after") != null;
        if (isRepeatable && hasPlace && error.isRetryable() && failures < client.retries && pause < left()) {
            failures++;
            CompletableFuture.delayedExecutor(pause, TimeUnit.MILLISECONDS).execute(this::attempt);
        } else {
            completeExceptionally(error);
        }
    }
}
