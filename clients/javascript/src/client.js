/** What all methods stand on: calls with a deadline, made again where that is safe, and streams that go on. */
import { randomBytes } from "node:crypto";
import { Call, standardTimeout } from "./call.js";
import { Connection } from "./connection.js";
import { DuesError, connectionLost } from "./errors.js";
import { Transport, patience } from "./transport.js";

const greeting = { client: "dues-javascript/1.0.0", protocol: 1 };
/** Values of a stream that are kept for a slow reader. */
const mostValues = 256;

export class Client {
  #options;
  #methods;
  #transport;
  /** The connection that is there, or being made, as a promise. */
  #connection;
  #calls = new Set();
  #streams = new Set();
  #closing;
  #isClosed = false;
  /** Tells the one who closes that a call has ended. */
  #ended = () => {};

  /** `methods` is what is known of each method, by its name on the wire. */
  constructor(options, methods) {
    this.#options = { retries: 2, ...options };
    this.#methods = methods;
    this.#transport = new Transport(this.#options);
  }

  static async connect(options) {
    const client = new this(options);
    try {
      await client.#connect();
    } catch (error) {
      await client.close();
      throw error;
    }
    return client;
  }

  async call(method, params = {}, options = {}) {
    const timeout = options.timeout ?? this.#options.timeout;
    const call = this.#begin(this.#calls, method, params, { ...options, timeout, limit: standardTimeout });
    try {
      for (let failures = 0; ; failures++) {
        try {
          return await this.#attempt(call);
        } catch (error) {
          await this.#pause(call, error, failures);
        }
      }
    } finally {
      this.#end(this.#calls, call);
    }
  }

  async *stream(method, params = {}, options = {}, read = { value: (raw) => raw, result: (raw) => raw }) {
    const call = this.#begin(this.#streams, method, params, options);
    call.isSafe = call.params.after !== undefined;
    try {
      for (let failures = 0; ; ) {
        const values = [];
        let end;
        let wake = () => {};
        const finish = (outcome) => {
          end ??= outcome;
          wake();
        };
        const take = (value) => {
          if (values.length < mostValues) {
            values.push(value);
            return wake();
          }
          call.abandon();  // it goes on behind the last of them
          finish({ isCut: true });
        };
        this.#attempt(call, take).then((result) => finish({ result }), (error) => finish({ error }));
        for (;;) {
          call.throwIfInterrupted();
          const value = values.shift();
          if (value !== undefined) {
            call.params.after = value.seq;
            call.isSafe = true;
            failures = 0;
            yield read.value(value);
          } else if (end) {
            break;
          } else {
            await new Promise((resolve) => (wake = resolve));
          }
        }
        if (end.error) await this.#pause(call, end.error, failures++);
        else if (!end.isCut) return read.result(end.result);
      }
    } finally {
      this.#end(this.#streams, call);
    }
  }

  close() {
    return (this.#closing ??= this.#close());
  }

  async #close() {
    let isLate = false;
    const timer = setTimeout(() => {
      isLate = true;
      this.#ended();
    }, patience);
    const emptied = async (calls) => {
      while (calls.size && !isLate) await new Promise((resolve) => (this.#ended = resolve));
    };
    await emptied(this.#calls);
    this.#isClosed = true;
    const connection = await this.#connection?.catch(() => undefined);
    connection?.finish();  // at which the server ends the streams, each with its result
    await emptied(this.#streams);
    clearTimeout(timer);
    for (const call of [...this.#calls, ...this.#streams]) call.interrupt(connectionLost("The client was closed"));
    await connection?.end();
    await this.#transport.close();
  }

  #begin(calls, method, { _meta, ...params }, { signal, timeout, limit, ...said }) {
    if (this.#closing) throw connectionLost("The client is closed");
    signal?.throwIfAborted();
    const meta = { ..._meta };
    for (const name of ["idempotencyKey", "authorization", "traceparent", "verbose"]) {
      if (said[name] !== undefined) meta[name] = said[name];
    }
    const known = this.#methods.get(method);
    if (known && !known.isSafeToRepeat) meta.idempotencyKey ??= randomBytes(16).toString("hex");
    const isSafe = known?.isSafeToRepeat || meta.idempotencyKey !== undefined;
    const call = new Call({ method, params, meta, isSafe, signal, timeout, limit });
    calls.add(call);
    return call;
  }

  #end(calls, call) {
    call.end();
    calls.delete(call);
    this.#ended();
  }

  /** Makes the call once. The values of a stream go to `take`. */
  async #attempt(call, take) {
    const connection = await call.unlessInterrupted(this.#connect());
    while (connection.isFull) await call.unlessInterrupted(connection.drained());
    return call.unlessInterrupted(new Promise((resolve, reject) => {
      const id = connection.send(call.method, call.message(), { resolve, reject, take });
      call.abandon = () => connection.cancel(id);
    }));
  }

  /** Waits until the call may be made again after `error`; throws that where it may not. */
  async #pause(call, error, failures) {
    const isWorthwhile = error instanceof DuesError && error.retryable && error.reason !== "NO_ANSWER";
    if (!isWorthwhile || !call.isSafe || failures >= this.#options.retries || this.#isClosed) throw error;
    const pause = error.retryAfter ?? Math.min(Math.random() * 100 * 2 ** failures, 5000);
    if (pause >= call.timeLeft) throw error;
    let timer;
    try {
      await call.unlessInterrupted(new Promise((resolve) => (timer = setTimeout(resolve, pause))));
    } finally {
      clearTimeout(timer);
    }
  }

  async #connect() {
    if (this.#isClosed) throw connectionLost("The client is closed");
    if (!this.#connection) {
      const connection = this.#open(() => {
        if (this.#connection === connection) this.#connection = undefined;
      });
      this.#connection = connection;
    }
    return this.#connection;
  }

  /** A connection on which the server has answered hello. `forget` is called when it is lost, or is not to be. */
  async #open(forget) {
    const { token } = this.#options;
    const hello = { ...greeting, authorization: token && `Bearer ${token}` };
    const opening = new AbortController();
    const timer = setTimeout(() => opening.abort(new Error("it took too long")), patience);
    let connection;
    try {
      connection = new Connection(await this.#transport.open(opening.signal), forget);
      opening.signal.addEventListener("abort", () => connection.lose(opening.signal.reason));
      await new Promise((resolve, reject) => connection.send("rpc.hello", hello, { resolve, reject }));
      return connection;
    } catch (error) {
      forget();
      connection?.lose();
      throw error instanceof DuesError ? error : connectionLost("The connection could not be made", error);
    } finally {
      clearTimeout(timer);
    }
  }
}
