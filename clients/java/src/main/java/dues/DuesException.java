package dues;

import java.time.Duration;
import java.util.*;

/** The error of a call: the server's answer, or, with one of the reasons below, the client's own. */
public final class DuesException extends RuntimeException {
    /** The connection was lost, or could not be made; whether the call took effect is unknown. */
    public static final String CONNECTION_LOST = "CONNECTION_LOST";
    /** The server was silent a second past the deadline. */
    public static final String NO_ANSWER = "NO_ANSWER";
    /** The calling thread was interrupted. */
    public static final String CALLER_CANCELLED = "CALLER_CANCELLED";

    private static final long serialVersionUID = 1;

    private final long code;
    private final transient ErrorData data;

    private DuesException(long code, String message, ErrorData data, Throwable cause) {
        super(message, cause);
        this.code = code;
        this.data = data;
    }

    /** What a call failed with, for the thread that is told of it. */
    static DuesException told(Throwable failure) {
        if (!(failure instanceof DuesException)) {
            return own(-32004, "The server did not answer in time.", "DEADLINE_EXCEEDED", NO_ANSWER, true, failure);
        }
        DuesException error = (DuesException) failure;
        return new DuesException(error.code, error.getMessage(), error.data, error);
    }

    @SuppressWarnings("unchecked") // an error that is not as the protocol has it is told by a ClassCastException
    static DuesException of(Map<String, Object> error) {
        Map<String, Object> data = (Map<String, Object>) error.getOrDefault("data", Map.of());
        return new DuesException((Long) error.get("code"), (String) error.get("message"), new ErrorData(data), null);
    }

    private static DuesException own(
            long code, String message, String status, String reason, boolean isRetryable, Throwable cause) {
        Map<String, Object> data = Map.of("status", status, "reason", reason, "retryable", isRetryable);
        return new DuesException(code, message, new ErrorData(data), cause);
    }

    static DuesException lost(String message, Throwable cause) {
        return own(-32014, message, "UNAVAILABLE", CONNECTION_LOST, true, cause);
    }

    /** For a thread that was interrupted, and stays so. */
    static DuesException interrupted() {
        Thread.currentThread().interrupt();
        return own(-32001, "The caller cancelled the call.", "CANCELLED", CALLER_CANCELLED, false, null);
    }

    /** gRPC's name for the outcome, such as NOT_FOUND. */
    public String status() {
        return data.status();
    }

    /** JSON-RPC's code. */
    public long code() {
        return code;
    }

    /** A constant to act on, such as NO_SUCH_CUSTOMER. */
    public String reason() {
        return data.reason();
    }

    /** Whether the same call may succeed later. */
    public boolean isRetryable() {
        return data.retryable();
    }

    /** How long to wait before, where the server knows. */
    public Optional<Duration> retryAfter() {
        return data.retryAfterMs().map(Duration::ofMillis);
    }

    /** The id of the object that the error is about, where a program would go on with it. */
    public Optional<String> subjectId() {
        return data.subjectId();
    }

    /** Every violation of the method's schema. */
    public List<Violation> violations() {
        return data.violations();
    }

    /** What Stripe said, where Stripe refused. */
    public Optional<StripeRefusal> stripe() {
        return data.stripe();
    }

    @Override public String toString() {
        return "DuesException: " + status() + " " + reason() + ": " + getMessage();
    }
}
