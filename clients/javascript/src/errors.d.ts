/** A place of a call's params that breaks the method's schema. */
export interface Violation {
  /** JSON Pointer from params; empty for params themselves. */
  readonly pointer: string;
  readonly rule: string;
  readonly message: string;
}

/** What Stripe said, where Stripe refused. */
export interface StripeRefusal {
  readonly type?: string;
  readonly code?: string;
  readonly declineCode?: string;
  readonly param?: string;
  readonly requestId?: string;
  readonly docUrl?: string;
  readonly httpStatus?: number;
}

/** A call that failed: as the server said, or as the client found (CONNECTION_LOST, NO_ANSWER). */
export class DuesError extends Error {
  /** The code of JSON-RPC. */
  readonly code: number;
  /** gRPC's name for the outcome, such as NOT_FOUND. */
  readonly status: string;
  /** A constant to act on, such as NO_SUCH_CUSTOMER; each method lists its own. */
  readonly reason: string;
  /** Whether the same call may succeed later. */
  readonly retryable: boolean;
  /** How long to wait before, in milliseconds, where the server knows. */
  readonly retryAfter?: number;
  /** The id of the object that the error is about, where a program would go on with it. */
  readonly subjectId?: string;
  /** Every violation of the method's schema, in the order of the message. */
  readonly violations: readonly Violation[];
  readonly stripe?: StripeRefusal;
}
