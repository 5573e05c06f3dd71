package dues;

import java.time.Duration;
import java.util.LinkedHashMap;
import java.util.Map;

/** What may be said about any one call, by setters that can be chained. */
public final class CallOptions {
    static final CallOptions NONE = new CallOptions();

    private Duration timeout;
    private final Map<String, Object> meta = new LinkedHashMap<>();

    /** How long the call may take, instead of the client's own timeout. */
    public CallOptions timeout(Duration timeout) {
        this.timeout = timeout;
        return this;
    }

    /** A call that changes something happens once for each key: again, it is answered as the first time. */
    public CallOptions idempotencyKey(String key) {
        return set("idempotencyKey", key);
    }

    /** {@code Bearer TOKEN}, for this call alone. */
    public CallOptions authorization(String authorization) {
        return set("authorization", authorization);
    }

    /** A W3C trace context, which appears in the server's log lines of this call. */
    public CallOptions traceparent(String traceparent) {
        return set("traceparent", traceparent);
    }

    /** Whether the result's {@code meta()} shall say what the server did. */
    public CallOptions verbose(boolean isVerbose) {
        return set("verbose", isVerbose ? true : null);
    }

    private CallOptions set(String name, Object value) {
        if (value == null) {
            meta.remove(name);
        } else {
            meta.put(name, value);
        }
        return this;
    }

    Duration timeout() {
        return timeout;
    }

    Map<String, Object> meta() {
        return meta;
    }
}
