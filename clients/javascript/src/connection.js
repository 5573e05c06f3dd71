/** One connection: lines out, lines in, and answers paired with their calls. */
import { DuesError, connectionLost } from "./errors.js";
import { parse, stringify } from "./json.js";
import { readLines } from "./transport.js";

/** Bytes that a line to the server may have. */
const longestOutput = 1 << 20;

export class Connection {
  isOpen = true;
  #wire;
  /** The calls in flight, by id. While there are any, the connection keeps this process alive. */
  #pending = new Map();
  #lastId = 0;
  /** The calls that wait to be written. */
  #waiting = [];

  constructor(wire) {
    this.#wire = wire;
    const { input, output } = wire;
    const lose = (cause) => this.lose(cause);
    input.unref();
    readLines(input, (line) => this.#take(line), lose);
    input.on("error", lose).on("end", lose).on("close", () => lose());
    output.on("drain", () => this.#resume());
    if (output !== input) output.on("error", lose);
  }

  /** Whether more is written than the server takes in. */
  get isFull() {
    return this.#wire.output.writableNeedDrain && this.isOpen;
  }

  /** Calls `resume` when that may be over. */
  whenDrained(resume) {
    this.#waiting.push(resume);
  }

  /**
   * Sends a call, and gives its id. What it is answered goes to `answer.resolve` or `answer.reject`, the values before
   * that to `answer.take`.
   */
  send(method, params, answer) {
    const id = this.#lastId + 1;
    const line = stringify({ jsonrpc: "2.0", id, method, params }) + "\n";
    const length = Buffer.byteLength(line);
    if (length > longestOutput) throw new RangeError(`the call has ${length} bytes; a line may have ${longestOutput}`);
    if (!this.#wire.output.writable) throw connectionLost("The connection was lost");
    this.#lastId = id;
    if (!this.#pending.size) this.#wire.input.ref();
    this.#pending.set(id, answer);
    this.#wire.output.write(line);
    return id;
  }

  /** Gives a call up, and tells the server; nothing where it was answered. */
  cancel(id) {
    if (!this.#forget(id) || !this.#wire.output.writable) return;
    this.#wire.output.write(stringify({ jsonrpc: "2.0", method: "rpc.cancel", params: { id } }) + "\n");
  }

  /** Ends what is sent: the server answers what is in flight, and ends its own. */
  finish() {
    this.#wire.output.end();
  }

  /** Ends the connection, and gives when what was spawned for it is gone. */
  end() {
    return this.#wire.end();
  }

  /** Ends the connection for `cause`, and with it what is in flight. */
  lose(cause) {
    if (!this.isOpen) return;
    this.isOpen = false;
    this.#wire.input.destroy();
    this.end();
    for (const answer of this.#pending.values()) answer.reject(connectionLost("The connection was lost", cause));
    this.#pending.clear();
    this.#resume();
  }

  #resume() {
    for (const resume of this.#waiting.splice(0)) resume();
  }

  #take(line) {
    if (!this.isOpen || !line.trim()) return;
    const message = readMessage(line);
    if (message.method === "rpc.stream") {
      this.#pending.get(message.params.id)?.take?.(message.params.value);
      return;
    }
    // An error about a line whose id could not be understood is that of the only call there is.
    const isOnly = message.error && message.id === null && this.#pending.size === 1;
    const answer = this.#forget(isOnly ? this.#pending.keys().next().value : message.id);
    if (message.error) answer?.reject(new DuesError(message.error));
    else answer?.resolve(message.result ?? {});
  }

  #forget(id) {
    const answer = this.#pending.get(id);
    if (this.#pending.delete(id) && !this.#pending.size) this.#wire.input.unref();
    return answer;
  }
}

function readMessage(line) {
  try {
    return parse(line);
  } catch {
    throw new Error("the server sent a line that is not JSON");  // the parser's own error quotes it, secrets and all
  }
}
