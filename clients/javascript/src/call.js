/** A call in flight: what it says, until when it may be answered, and how it ends before that. */
import { randomBytes } from "node:crypto";
import { noAnswer } from "./errors.js";

/** How long a call waits that has no timeout, in milliseconds. */
export const standardTimeout = 90_000;
/** How much longer than its timeout one waits that has: the server is to say so first. */
const grace = 1000;

export class Call {
  /** Gives up at the server what was asked of it; nothing where that was answered. */
  abandon = () => {};
  #meta;
  #timeout;
  #deadline;
  #timer;
  #signal;
  #interruption;
  #reject = () => {};

  /** `about` is what is known of the method. Without a timeout the call has `limit` milliseconds. */
  constructor(method, { _meta, ...params }, options, about, timeout, limit) {
    const { signal } = options;
    signal?.throwIfAborted();
    if (timeout !== undefined && !(Number.isFinite(timeout) && timeout > 0 && timeout < 2 ** 31 - grace)) {
      throw new RangeError(`timeout is a number of milliseconds above 0, not ${timeout}`);
    }
    this.method = method;
    this.params = params;
    this.#meta = { ..._meta };
    for (const name of ["idempotencyKey", "authorization", "traceparent", "verbose"]) {
      if (options[name] !== undefined) this.#meta[name] = options[name];
    }
    if (about && !about.isSafeToRepeat) this.#meta.idempotencyKey ??= randomBytes(16).toString("hex");
    /** Whether it may be made again though its effect is unknown. */
    this.isSafe = about?.isSafeToRepeat || this.#meta.idempotencyKey !== undefined;
    this.#timeout = timeout;
    this.#deadline = performance.now() + (timeout ?? limit);
    const longest = timeout === undefined ? limit : timeout + grace;
    if (longest < Infinity) {
      const giveUp = () => this.interrupt(noAnswer(`${method} was not answered within ${longest} ms.`));
      this.#timer = setTimeout(giveUp, longest).unref();
    }
    this.#signal = signal;
    signal?.addEventListener("abort", this);
  }

  get timeLeft() {
    return this.#deadline - performance.now();
  }

  /** The params, with what is said about the call beside them. */
  message() {
    if (this.#timeout !== undefined) this.#meta.timeoutMs = Math.max(1, Math.ceil(this.timeLeft));
    return Object.keys(this.#meta).length ? { ...this.params, _meta: this.#meta } : this.params;
  }

  /** A promise made with `start`, as `new Promise` takes it, that an interruption rejects. There is one at a time. */
  wait(start) {
    return new Promise((resolve, reject) => {
      this.#reject = reject;
      this.throwIfInterrupted();
      start(resolve, reject);
    });
  }

  throwIfInterrupted() {
    if (this.#interruption) throw this.#interruption.error;
  }

  /** Ends the call with `error`, and tells the server. */
  interrupt(error) {
    this.#interruption ??= { error };
    this.abandon();
    this.#reject(this.#interruption.error);
  }

  /** Its signal was aborted. */
  handleEvent() {
    this.interrupt(this.#signal.reason);
  }

  /** Lets go of everything. */
  end() {
    clearTimeout(this.#timer);
    this.#signal?.removeEventListener("abort", this);
    this.abandon();
  }
}
