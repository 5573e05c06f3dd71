/** What the conformance tests do not reach: what is JavaScript's own. */
import assert from "node:assert/strict";
import { spawn, spawnSync } from "node:child_process";
import { once } from "node:events";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import net from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { test } from "node:test";
import { setTimeout as sleep } from "node:timers/promises";
import { fileURLToPath } from "node:url";
import { inspect } from "node:util";
import { Dues } from "dues";
import { parse, stringify } from "./src/json.js";

const home = fileURLToPath(new URL(".", import.meta.url));

/** A server of lines: `react` is given each message but hello, and what sends another on its connection. */
async function serve(context, react) {
  const messages = [];
  const sockets = new Set();
  const server = net.createServer({ allowHalfOpen: true }, (socket) => {
    sockets.add(socket);
    const send = (message) => socket.write(stringify({ jsonrpc: "2.0", ...message }) + "\n");
    const lines = createInterface({ input: socket });
    lines.on("line", (line) => {
      const message = parse(line);
      messages.push(message);
      if (message.method === "rpc.hello") send({ id: message.id, result: {} });
      else react(message, send, socket);
    });
    lines.on("close", () => react({ method: "end of input" }, send, socket));
    socket.on("error", () => {});
  }).listen(0, "127.0.0.1");
  await once(server, "listening");
  const { port } = server.address();
  const dues = new Dues({ port });
  context.after(async () => {
    await dues.close();
    for (const socket of sockets) socket.destroy();
    server.close();
  });
  return { dues, port, messages, named: (method) => messages.filter((message) => message.method === method) };
}

function event(id, seq) {
  const value = { seq, id: `evt_${seq}`, type: "invoice.paid", created: "2026-04-16T00:00:02Z", object: {} };
  return { method: "rpc.stream", params: { id, seq, value } };
}

test("integers are exact, and nothing else is touched", () => {
  const text = String.raw`{"a":9007199254740993,"b":[-9223372036854775808,12345678901234567e1,0.12345678901234567],`
    + String.raw`"c":"9007199254740993 \"9007199254740993","9007199254740993":9007199254740991}`;
  const value = parse(text);
  assert.deepEqual(value, {
    a: 9007199254740993n, b: [-9223372036854775808n, 123456789012345670, 0.12345678901234567],
    c: "9007199254740993 \"9007199254740993", "9007199254740993": 9007199254740991,
  });
  assert.equal(stringify({ after: 9007199254740993n, "9": "8" }), '{"9":"8","after":9007199254740993}');
  assert.equal(parse(`["${"a".repeat(1 << 20)}",9007199254740993]`)[1], 9007199254740993n);
});

test("an aborted call is rejected with the signal's reason", async (context) => {
  const { dues, named } = await serve(context, () => {});
  const reason = new Error("enough");
  await assert.rejects(dues.listPlans({}, { signal: AbortSignal.abort(reason) }), reason);
  await assert.rejects(dues.listPlans({}, { signal: AbortSignal.timeout(100) }), { name: "TimeoutError" });
  const stream = dues.watchEvents({ after: 0 }, { signal: AbortSignal.timeout(100) });
  await assert.rejects(stream.next(), { name: "TimeoutError" });
  assert.deepEqual(named("ListPlans").map(({ id }) => id), named("rpc.cancel").slice(0, 1).map(({ params }) => params.id));
});

test("secrets are there by their names, and are not printed", async (context) => {
  const { dues } = await serve(context, ({ id }, send) => {
    send({ id, result: { subscriptionId: "sub_1", clientSecret: "pi_1_secret_2", _meta: { attempts: 1 } } });
  });
  const subscribed = await dues.createSubscription({ customerId: "cus_1" }, { verbose: true });
  assert.equal(subscribed.clientSecret, "pi_1_secret_2");
  assert.equal(subscribed.raw.clientSecret, "pi_1_secret_2");
  assert.equal(subscribed.meta.attempts, 1);
  assert.doesNotMatch(inspect(subscribed, { depth: 9 }) + JSON.stringify(subscribed), /secret_2/);
  const client = new Dues({ token: "tok_secret" });
  assert.doesNotMatch(inspect(client, { depth: 9, showHidden: true }), /tok_secret/);
});

test("a slow reader of a stream loses nothing, and little is kept for it", async (context) => {
  const { dues, named } = await serve(context, ({ id, method, params }, send) => {
    if (method !== "WatchEvents") return;
    for (let seq = params.after + 1; seq <= 1000; seq++) send(event(id, seq));
    send({ id, result: { after: 1000 } });
  });
  const stream = dues.watchEvents({ after: 0 });
  const seqs = [];
  for (;;) {
    const { done, value } = await stream.next();
    if (done) {
      assert.equal(value.after, 1000);
      break;
    }
    seqs.push(value.seq);
    if (seqs.length === 1) await sleep(100);
  }
  assert.deepEqual(seqs, Array.from({ length: 1000 }, (_, index) => index + 1));
  const [, again] = named("WatchEvents");
  assert.ok(again.params.after === 256 || again.params.after === 257, `again after ${again.params.after}`);
});

test("who leaves a stream cancels it, and a stream that is lost goes on", async (context) => {
  let visits = 0;
  const { dues, named } = await serve(context, ({ id, method, params }, send, socket) => {
    if (method !== "WatchEvents") return;
    send(event(id, BigInt(params.after) + 1n));
    if (++visits < 3) socket.end();
  });
  const seqs = [];
  for await (const { seq } of dues.watchEvents({ after: 9007199254740991n })) {
    seqs.push(seq);
    if (seqs.length === 3) break;
  }
  assert.deepEqual(seqs, [9007199254740992n, 9007199254740993n, 9007199254740994n]);
  while (!named("rpc.cancel").length) await sleep(10);
});

test("closing ends a stream with its result", async (context) => {
  let watching;
  const { dues } = await serve(context, ({ id, method }, send, socket) => {
    if (method === "WatchEvents") {
      watching = id;
      send(event(id, 1));
    } else if (method === "end of input" && watching) {
      send({ id: watching, result: { after: 1 } });
      socket.end();
    }
  });
  const stream = dues.watchEvents();
  assert.equal((await stream.next()).value.created.getTime(), Date.UTC(2026, 3, 16, 0, 0, 2));
  const ended = stream.next();
  await dues.close();
  assert.equal((await ended).value.after, 1);
  await assert.rejects(dues.listPlans(), { reason: "CONNECTION_LOST" });
});

test("a line that would be too long is refused, and leaves the connection whole", async (context) => {
  const { dues } = await serve(context, ({ id }, send) => send({ id, result: { plans: [] } }));
  await assert.rejects(dues.call("ListPlans", { cursor: "a".repeat(1 << 20) }), RangeError);
  assert.deepEqual((await dues.listPlans()).plans, []);
});

test("a server that cannot be had is an error that says why", async () => {
  const server = net.createServer().listen(0, "127.0.0.1");
  await once(server, "listening");
  const { port } = server.address();
  server.close();
  const refused = { name: "DuesError", reason: "CONNECTION_LOST", retryable: true, message: /ECONNREFUSED/ };
  await assert.rejects(Dues.connect({ port }), refused);
  for (const way of ["stdio", "serve"]) {
    await assert.rejects(Dues.connect({ [way]: ["/does/not/exist"] }), /ENOENT/);
    await assert.rejects(Dues.connect({ [way]: [process.execPath, "-e", ""] }), { reason: "CONNECTION_LOST" });
  }
});

test("a call in flight keeps the process alive, and an idle client does not", async (context) => {
  const { port } = await serve(context, ({ id }, send) => setTimeout(() => send({ id, result: { plans: [] } }), 300));
  const script = `
    const { Dues } = await import("dues");
    const dues = new Dues({ port: ${port} });
    dues.listPlans().then(({ plans }) => console.log("plans", plans.length));`;
  const child = spawn(process.execPath, ["--input-type=module", "-e", script], {
    cwd: home, stdio: ["ignore", "pipe", "inherit"],
  });
  let said = "";
  child.stdout.on("data", (chunk) => (said += chunk));
  const [status] = await once(child, "close", { signal: AbortSignal.timeout(10_000) });
  assert.deepEqual([status, said], [0, "plans 0\n"]);
});

const tsc = spawnSync("tsc", ["--version"]).status === 0;

test("the types are what TypeScript expects", { skip: !tsc && "tsc is not installed" }, () => {
  const folder = mkdtempSync(join(tmpdir(), "dues-types-"));
  try {
    writeFileSync(join(folder, "use.mts"), `
      import { Dues, DuesError, methods, type CheckAccessResult, type DuesOptions } from "${home}src/index.js";
      const options: DuesOptions = { port: 7171, tls: { ca: "" }, retries: 1 };
      const dues: Dues = await Dues.connect(options);
      const access: CheckAccessResult = await dues.checkAccess({ customerId: "cus_1" }, { timeout: 100, verbose: true });
      const until: Date | null = access.periodEnd;
      const attempts: number | undefined = access.meta?.attempts;
      // @ts-expect-error a customer must be named
      await dues.checkAccess({});
      // @ts-expect-error not a word of this enumeration
      await dues.cancel({ subscriptionId: "sub_1", feedback: "bored" });
      for await (const { seq, type } of dues.watchEvents({ after: 1n })) console.log(seq + 1, type.length);
      const { plans } = await dues.listPlans();
      const odd = plans.filter((plan) => plan.interval === "month" || plan.interval === "fortnight");
      const raw: unknown = (await dues.call("ListPlans")).plans;
      const document: unknown = (await dues.rpcDiscover()).openrpc;
      const pointer = (error: unknown) => error instanceof DuesError ? error.violations[0]?.pointer : undefined;
      await dues.close().catch(pointer);
      console.log(until, attempts, odd, raw, document, methods.get("Cancel")?.isSafeToRepeat);
    `);
    const flags = ["--noEmit", "--strict", "--target", "es2022", "--module", "node16"];
    const { status, stdout } = spawnSync("tsc", [...flags, join(folder, "use.mts")], { encoding: "utf8" });
    assert.equal(status, 0, stdout);
  } finally {
    rmSync(folder, { recursive: true });
  }
});
