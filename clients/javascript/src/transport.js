/**
 * The ways to a server. A wire has an `input` and an `output`, streams of Node's; its `end` ends it from this side, and
 * reaps what was spawned for it.
 */
import { spawn } from "node:child_process";
import { once } from "node:events";
import net from "node:net";
import tls from "node:tls";

/** How long a peer may take to end, once it is told to, in milliseconds. */
export const patience = 10_000;
/** Bytes that a line from the server may have: four times what it keeps for a slow reader. */
const longestInput = 16 << 20;

export class Transport {
  #options;
  /** The server that was spawned to be dialled, and its address. */
  #server;

  constructor(options) {
    this.#options = options;
  }

  /** A new wire. */
  async open(signal) {
    const { stdio, serve, env } = this.#options;
    if (stdio) return spawned(await start(stdio, env, "pipe"));
    return dial({ ...this.#options, ...(serve && (await this.#launch(signal))) }, signal);
  }

  /** Ends the server that was spawned to be dialled. */
  async close() {
    this.#server?.child.kill();
    await reap(this.#server?.child);
  }

  /** The address of the server: of one that runs, or of a new one, as its first line says it. */
  async #launch(signal) {
    if (isRunning(this.#server?.child)) return this.#server.address;
    const child = await start(this.#options.serve, this.#options.env, "ignore");
    const end = () => child.kill();
    process.on("exit", end);
    child.once("exit", () => process.off("exit", end));
    try {
      const line = await new Promise((resolve, reject) => {
        readLines(child.stdout, resolve, reject);
        child.stdout.once("close", () => reject(new Error("the server ended before it listened")));
        signal.addEventListener("abort", () => reject(signal.reason));
      });
      const tcp = /^\[?(.*?)\]?:(\d+)$/.exec(JSON.parse(line).tcp);
      if (!tcp) throw new Error("the server does not listen on TCP");
      this.#server = { child, address: { host: tcp[1], port: Number(tcp[2]) } };
      child.stdout.unref();
      return this.#server.address;
    } catch (error) {
      end();
      reap(child);
      throw error;
    }
  }
}

async function dial({ host = "127.0.0.1", port = 7171, unix, tls: security }, signal) {
  const address = unix ? { path: unix } : { host, port };
  const servername = unix || net.isIP(host) ? undefined : host;
  const socket = security ? tls.connect({ servername, ...address, ...security }) : net.connect(address);
  socket.setNoDelay(true);
  try {
    await once(socket, security ? "secureConnect" : "connect", { signal });
  } catch (error) {
    socket.destroy();
    throw error;
  }
  const end = () => {
    socket.setTimeout(patience, () => socket.destroy());  // a peer that takes nothing in would keep it
    socket.destroySoon();
  };
  return { input: socket, output: socket, end };
}

/** A child that runs. It does not keep this process alive. */
async function start([program, ...words], env, stdin) {
  const child = spawn(program, words, { env, stdio: [stdin, "pipe", "inherit"] });
  await once(child, "spawn");
  child.unref();
  return child;
}

function spawned(child) {
  const end = () => {
    child.stdin.end();
    return reap(child);
  };
  return { input: child.stdout, output: child.stdin, end };
}

const isRunning = (child) => child?.exitCode === null && child.signalCode === null;

/** Waits for a child that was told to end, and kills it if it stays. */
async function reap(child) {
  if (!isRunning(child)) return;
  child.ref();
  const timer = setTimeout(() => child.kill("SIGKILL"), patience);
  await once(child, "exit");
  clearTimeout(timer);
}

/** Gives each line of `input` to `take`, until `take` throws or a line is too long: the error goes to `fail`. */
export function readLines(input, take, fail) {
  const decoder = new TextDecoder("utf-8", { fatal: true });
  let parts = [];  // of a line that has no end yet
  let length = 0;
  const read = (chunk) => {
    let start = 0;
    try {
      for (let end; (end = chunk.indexOf(10, start)) >= 0; start = end + 1) {
        const rest = chunk.subarray(start, end);
        take(decoder.decode(parts.length ? Buffer.concat([...parts, rest]) : rest));
        parts = [];
        length = 0;
      }
      if (start < chunk.length) parts.push(chunk.subarray(start));
      length += chunk.length - start;
      if (length > longestInput) throw new Error("a line is too long");
    } catch (error) {
      input.off("data", read);
      fail(error);
    }
  };
  input.on("data", read);
}
