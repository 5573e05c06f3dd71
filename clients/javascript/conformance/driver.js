/** The client, driven by JSON-RPC lines on standard streams: each call that comes in is made by its own typed method. */
import { readFileSync } from "node:fs";
import { createInterface } from "node:readline";
import { parseArgs } from "node:util";
import { Dues, DuesError, methods } from "dues";
import { parse, stringify } from "../src/json.js";
import { Result } from "../src/result.js";

const { values: flags } = parseArgs({
  options: Object.fromEntries(
    ["tcp", "tls-ca", "unix", "stdio", "serve", "token", "retries"].map((name) => [name, { type: "string" }])),
});

function options() {
  const given = { token: flags.token, retries: Number(flags.retries ?? 0) };
  if (flags.unix) return { ...given, unix: flags.unix };
  if (flags.stdio) return { ...given, stdio: shell(flags.stdio) };
  if (flags.serve) return { ...given, serve: shell(flags.serve) };
  const { hostname: host, port } = new URL(`tcp://${flags.tcp}`);
  return { ...given, host, port: Number(port), tls: flags["tls-ca"] && { ca: readFileSync(flags["tls-ca"]) } };
}

function shell(command) {
  return ["/bin/sh", "-c", `exec ${command}`];
}

const dues = new Dues(options());
/** What aborts each call in flight, by its id. */
const calls = new Map();
const inFlight = new Set();

const send = (message) => process.stdout.write(stringify({ jsonrpc: "2.0", ...message }) + "\n");

for await (const line of createInterface({ input: process.stdin })) {
  const message = parse(line);
  if (message.method === "rpc.cancel") {
    calls.get(message.params.id)?.abort();
  } else {
    const answered = answer(message);
    inFlight.add(answered);
    answered.finally(() => inFlight.delete(answered));
  }
}
await Promise.all([...inFlight, dues.close()]);

async function answer({ id, method, params }) {
  const controller = new AbortController();
  calls.set(id, controller);
  try {
    send({ id, result: wire(await make(id, method, params, controller.signal)) });
  } catch (error) {
    send({ id, error: described(error, controller.signal) });
  } finally {
    calls.delete(id);
  }
}

/** Makes the call by its typed method, where there is one and the options can say what `_meta` says. */
async function make(id, method, params = {}, signal) {
  if (typeof params !== "object" || params === null || Array.isArray(params)) throw new TypeError("params is no object");
  const { _meta = {}, ...rest } = params;
  const { timeoutMs: timeout, idempotencyKey, authorization, traceparent, verbose, ...others } = _meta;
  const canSay = Object.keys(others).length === 0 && (timeout === undefined || (Number.isInteger(timeout) && timeout > 0));
  if (!methods.has(method) || !canSay) return dues.call(method, params, { signal });
  const options = { timeout, idempotencyKey, authorization, traceparent, verbose, signal };
  const answer = dues[spelled(method)](rest, options);
  if (!methods.get(method).streams) return answer;
  for (let seq = 1; ; seq++) {
    const { done, value } = await answer.next();
    if (done) return value;
    send({ method: "rpc.stream", params: { id, seq, value: wire(value) } });
  }
}

/** checkAccess, rpcHealth. */
function spelled(method) {
  return method.replace(/^\w|\.\w/g, (start) => (start.length === 1 ? start.toLowerCase() : start[1].toUpperCase()));
}

/** A typed value in the wire's form: its own properties, and those that its class keeps from being printed. */
function wire(value) {
  if (value instanceof Date) return value.toISOString().replace(".000Z", "Z");
  if (Array.isArray(value)) return value.map(wire);
  if (!(value instanceof Result)) return value;
  const secrets = Object.getOwnPropertyNames(Object.getPrototypeOf(value)).filter((name) => name !== "constructor");
  const members = [...Object.keys(value), ...secrets].map((name) => [name, wire(value[name])]);
  return { ...Object.fromEntries(members), _meta: wire(value.meta) };
}

function described(error, signal) {
  if (signal.aborted && error === signal.reason) {
    const data = { status: "CANCELLED", reason: "CALLER_CANCELLED", retryable: false };
    return { code: -32001, message: "The caller cancelled the call.", data };
  }
  if (!(error instanceof DuesError)) {
    return { code: -32603, message: String(error), data: { status: "INTERNAL", reason: "DRIVER", retryable: false } };
  }
  const { code, message, status, reason, retryable, retryAfter, subjectId, violations, stripe } = error;
  const data = {
    status, reason, retryable, retryAfterMs: retryAfter, subjectId,
    violations: violations.length ? violations : undefined, stripe,
  };
  return { code, message, data };
}
