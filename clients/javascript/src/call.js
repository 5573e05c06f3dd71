/** A call in flight: what it says, until when it may be answered, and how it ends before that. */
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
  #abort = () => this.interrupt(this.#signal.reason);

  /** With neither `timeout` nor `limit` it waits for ever. */
  constructor({ method, params, meta, isSafe, signal, timeout, limit = Infinity }) {
    if (timeout !== undefined && !(timeout > 0 && timeout < 2 ** 31 - grace)) {
      throw new RangeError(`timeout is a number of milliseconds above 0, not ${timeout}`);
    }
    this.method = method;
    this.params = params;
    /** Whether it may be made again though its effect is unknown. */
    this.isSafe = isSafe;
    this.#meta = meta;
    this.#timeout = timeout;
    this.#deadline = performance.now() + (timeout ?? limit);
    const longest = timeout === undefined ? limit : timeout + grace;
    const giveUp = () => this.interrupt(noAnswer(`${method} was not answered within ${longest} ms.`));
    if (longest < Infinity) this.#timer = setTimeout(giveUp, longest).unref();
    this.#signal = signal;
    signal?.addEventListener("abort", this.#abort);
  }

  get timeLeft() {
    return this.#deadline - performance.now();
  }

  /** The params, with what is said about the call beside them. */
  message() {
    const meta = { ...this.#meta };
    if (this.#timeout !== undefined) meta.timeoutMs = Math.max(1, Math.ceil(this.timeLeft));
    return Object.keys(meta).length ? { ...this.params, _meta: meta } : this.params;
  }

  /** What `promise` gives, unless the call is interrupted. It is one wait at a time. */
  unlessInterrupted(promise) {
    return new Promise((resolve, reject) => {
      promise.then(resolve, reject);
      this.#reject = reject;
      if (this.#interruption) reject(this.#interruption.error);
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

  /** Lets go of everything. */
  end() {
    clearTimeout(this.#timer);
    this.#signal?.removeEventListener("abort", this.#abort);
    this.abandon();
  }
}
