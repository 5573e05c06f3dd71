/** What all methods stand on: calls with a deadline, made again where that is safe, and streams that go on. */
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
  #connection;
  /** The next connection, while it is being made. */
  #opening;
  #calls = new Set();
  #streams = new Set();
  #closing;
  #isClosed = false;
  /** Tells `#close` that a call has ended. */
  #ended = () => {};

  /** `methods` is what is known of each method, by its name on the wire. */
  constructor(options = {}, methods) {
    this.#options = options;
    this.#methods = methods;
    this.#transport = new Transport(options);
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
    const call = this.#begin(this.#calls, method, params, options, timeout, standardTimeout);
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

  /** `read` makes typed values and results of what comes. */
  async *stream(method, params = {}, options = {}, read = { value: (raw) => raw, result: (raw) => raw }) {
    const call = this.#begin(this.#streams, method, params, options, options.timeout, Infinity);
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
    await this.#opening?.catch(() => {});
    this.#connection?.finish();  // at which the server ends the streams, each with its result
    await emptied(this.#streams);
    clearTimeout(timer);
    for (const call of [...this.#calls, ...this.#streams]) call.interrupt(connectionLost("The client was closed"));
    await this.#connection?.end();
    await this.#transport.close();
  }

  #begin(calls, method, params, options, timeout, limit) {
    if (this.#closing) throw connectionLost("The client is closed");
    const call = new Call(method, params, options, this.#methods.get(method), timeout, limit);
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
    let connection = this.#connection;
    if (!connection?.isOpen) connection = await call.wait((resolve, reject) => this.#connect().then(resolve, reject));
    while (connection.isFull) await call.wait((resolve) => connection.whenDrained(resolve));
    return call.wait((resolve, reject) => {
      const id = connection.send(call.method, call.message(), { resolve, reject, take });
      call.abandon = () => connection.cancel(id);
    });
  }

  /** Waits until the call may be made again after `error`; throws that where it may not. */
  async #pause(call, error, failures) {
    const pause = error?.retryAfter ?? Math.min(Math.random() * 100 * 2 ** failures, 5000);
    const isDuesError = error instanceof DuesError;
    const mayHelp = isDuesError && error.retryable && error.reason !== "NO_ANSWER" && pause < call.timeLeft;
    if (!mayHelp || !call.isSafe || failures >= (this.#options.retries ?? 2) || this.#isClosed) {
      if (isDuesError) Error.captureStackTrace(error);  // so that it leads to the caller, not to the socket
      throw error;
    }
    let timer;
    try {
      await call.wait((resolve) => (timer = setTimeout(resolve, pause)));
    } finally {
      clearTimeout(timer);
    }
  }

  #connect() {
    if (this.#isClosed) throw connectionLost("The client is closed");
    return (this.#opening ??= this.#open().finally(() => (this.#opening = undefined)));
  }

  /** A new connection, on which the server has answered hello. */
  async #open() {
    const { token } = this.#options;
    const hello = { ...greeting, authorization: token && `Bearer ${token}` };
    const opening = new AbortController();
    const timer = setTimeout(() => opening.abort(new Error("the server took too long")), patience);
    let connection;
    try {
      connection = new Connection(await this.#transport.open(opening.signal));
      opening.signal.addEventListener("abort", () => connection.lose(opening.signal.reason));
      await new Promise((resolve, reject) => connection.send("rpc.hello", hello, { resolve, reject }));
      return (this.#connection = connection);
    } catch (error) {
      connection?.lose();
      if (error instanceof DuesError) throw error;
      throw connectionLost("The connection could not be made", opening.signal.reason ?? error);
    } finally {
      clearTimeout(timer);
    }
  }
}
