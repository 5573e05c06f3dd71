/** A call that failed: as the server said, or as the client found. */
export class DuesError extends Error {
  /** @param error the error of a JSON-RPC answer */
  constructor({ code = 0, message = "", data }, options) {
    super(message, options);
    this.code = code;
    this.status = data?.status ?? "UNKNOWN";
    this.reason = data?.reason ?? "UNSPECIFIED";
    this.retryable = data?.retryable ?? false;
    this.retryAfter = data?.retryAfterMs;
    this.subjectId = data?.subjectId;
    this.violations = data?.violations ?? [];
    this.stripe = data?.stripe;
  }

  static {
    this.prototype.name = "DuesError";
  }
}

/** What the client says where the connection was lost, or could not be made, for `cause`. */
export function connectionLost(what, cause) {
  const message = cause ? `${what}: ${cause.message}` : `${what}.`;
  const data = { status: "UNAVAILABLE", reason: "CONNECTION_LOST", retryable: true };
  return new DuesError({ code: -32014, message, data }, { cause });
}

/** What the client says where the server is silent. */
export function noAnswer(message) {
  const data = { status: "DEADLINE_EXCEEDED", reason: "NO_ANSWER", retryable: true };
  return new DuesError({ code: -32004, message, data });
}
