package dues;

import java.math.BigInteger;
import java.security.SecureRandom;
import java.time.Duration;
import java.util.*;
import java.util.concurrent.*;

/** A call with all its attempts. Whoever cancels it, or has it fail, ends the attempt. */
final class Call extends CompletableFuture<Map<String, Object>> {
    /** How many milliseconds a call may take that nobody has given a time. */
    static final long PATIENCE = 90_000;
    private static final long ENDLESS = TimeUnit.DAYS.toMillis(1000);
    private static final long GRACE = 1000;
    private static final int MOST_VALUES = 256;
    private static final SecureRandom RANDOM = new SecureRandom();

    /** Stands behind the last value: the call is over, or has more values than there is room for. */
    static final Map<String, Object> GAP = Map.of();

    /** What has come for a stream that was not taken yet; null for a call that has but one answer. */
    final BlockingQueue<Map<String, Object>> values;
    private final Client client;
    private final String method;
    private final Map<String, Object> params;
    private final Map<String, Object> meta;
    private final boolean isRepeatable;
    private final boolean isTimed;
    private final long end;
    private int failures;
    private volatile Runnable cancel;

    Call(Client client, String method, Map<String, ?> params, CallOptions options, boolean isStream) {
        this.client = client;
        this.method = method;
        this.params = new LinkedHashMap<>(params);
        values = isStream ? new LinkedBlockingQueue<>() : null;
        meta = new LinkedHashMap<>(options.json());
        if (client.timeout != null) meta.putIfAbsent("timeoutMs", client.timeout.toMillis());
        Boolean isSafe = Methods.SAFE_TO_REPEAT.get(method);
        if (Boolean.FALSE.equals(isSafe)) meta.putIfAbsent("idempotencyKey", new BigInteger(128, RANDOM).toString(16));
        boolean isSafeOrKeyed = Boolean.TRUE.equals(isSafe) || meta.containsKey("idempotencyKey");
        isRepeatable = isSafeOrKeyed && !params.containsKey("_meta");
        isTimed = meta.containsKey("timeoutMs");
        long time = isTimed ? (Long) meta.get("timeoutMs") : isStream ? ENDLESS : PATIENCE;
        end = System.nanoTime() + TimeUnit.MILLISECONDS.toNanos(time);
        attempt();
        whenComplete((result, error) -> {
            cancel.run();
            if (isStream) values.add(GAP);
        });
    }

    /** Asks the server; for a stream, for what comes behind the last value. */
    void attempt() {
        if (isDone()) return;
        if (isTimed) meta.put("timeoutMs", Math.max(1, left()));
        Map<String, Object> sent = new LinkedHashMap<>(params);
        if (!meta.isEmpty()) sent.putIfAbsent("_meta", meta);
        cancel = client.connection().send(this, method, sent);
        if (isDone()) cancel.run();
    }

    private long left() {
        return TimeUnit.NANOSECONDS.toMillis(end - System.nanoTime());
    }

    /** Takes a value of the stream; false where there is no room for it. */
    boolean take(Map<String, Object> value) {
        if (values == null) return true;
        boolean hasRoom = values.size() < MOST_VALUES;
        values.add(hasRoom ? value : GAP);
        if (hasRoom) {
            params.put("after", value.get("seq"));
            failures = 0;
        }
        return hasRoom;
    }

    /** Ends the attempt; the call with it, unless another one may help. */
    void fail(DuesException error) {
        long pause = error.retryAfter().map(Duration::toMillis)
            .orElseGet(() -> ThreadLocalRandom.current().nextLong(Math.min(5000, 100L << Math.min(failures, 10))));
        boolean mayRepeat = isRepeatable && (values == null || params.get("after") != null);
        if (mayRepeat && error.isRetryable() && failures < client.retries && pause < left()) {
            failures++;
            CompletableFuture.delayedExecutor(pause, TimeUnit.MILLISECONDS).execute(this::attempt);
        } else {
            completeExceptionally(error);
        }
    }

    /** How many milliseconds are left until the client gives up. */
    private long patience() {
        return left() + (isTimed ? GRACE : 0);
    }

    /** Fails when the client gives up, for those who do not {@link #await}: a timer costs more than the call. */
    Call limited() {
        orTimeout(patience(), TimeUnit.MILLISECONDS);
        return this;
    }

    Map<String, Object> await() {
        try {
            return get(patience(), TimeUnit.MILLISECONDS);
        } catch (InterruptedException error) {
            cancel(true);
            throw DuesException.interrupted();
        } catch (TimeoutException error) {
            completeExceptionally(error);
            throw DuesException.told(error);
        } catch (ExecutionException error) {
            throw DuesException.told(error.getCause());
        }
    }
}
