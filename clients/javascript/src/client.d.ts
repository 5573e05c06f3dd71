/**
 * An exact integer. One that a number cannot hold (beyond Number.MAX_SAFE_INTEGER) comes as a bigint, whatever this
 * type says: nothing is rounded.
 */
export type Integer = number;

/** A JSON object as the server wrote it, with integers as Integer says. */
export type JsonObject = { [name: string]: unknown };

/** What the server gave: members that are not declared are ignored, words that are not known are left as they are. */
export interface Result {
  /** The whole object as it came, also what this client does not know. */
  readonly raw: JsonObject;
}

/** Where the server is, and how it is spoken to. Of `unix`, `stdio` and `serve` at most one. */
export interface DuesOptions {
  /** Default: 127.0.0.1. */
  host?: string;
  /** Default: 7171. */
  port?: number;
  /** TLS: true, or what Node's `tls.connect` takes. */
  tls?: boolean | TLSOptions;
  /** The path of a Unix socket. */
  unix?: string;
  /** The command of a server to spawn and to speak to over its standard streams: ["dues", "stdio", "--sandbox"]. */
  stdio?: readonly string[];
  /** The command of a server to spawn and then to dial: ["dues", "serve", "--tcp", "127.0.0.1:0"]. */
  serve?: readonly string[];
  /** The environment of a server that is spawned. Default: process.env. */
  env?: Record<string, string | undefined>;
  /** Given to the server on every connection. */
  token?: string;
  /** How often a call is made again at most. Default: 2. */
  retries?: number;
  /** The timeout of calls that are given none, in milliseconds. It does not end streams. */
  timeout?: number;
}

export interface TLSOptions {
  /** The authorities that are trusted, in PEM, instead of those that Node knows. */
  ca?: string | Uint8Array | readonly (string | Uint8Array)[];
  /** A certificate for the client, in PEM. */
  cert?: string | Uint8Array;
  /** Its key, in PEM. */
  key?: string | Uint8Array;
  /** The name that the server's certificate has, where it is not `host`. */
  servername?: string;
  [option: string]: unknown;
}

/** What may be said about any call. */
export interface CallOptions {
  /** The call's deadline in milliseconds. The client waits one second longer; without one, for 90 seconds. */
  timeout?: number;
  /** Gives the call up; it is rejected with the signal's reason. */
  signal?: AbortSignal;
  /** The same key makes the same change once. Where there is none, the client makes one for each call. */
  idempotencyKey?: string;
  /** Whether the result's `meta` shall say what the server did. */
  verbose?: boolean;
  /** W3C trace context, for the server's logs. */
  traceparent?: string;
  /** "Bearer TOKEN", for this call. */
  authorization?: string;
}

/** What all methods stand on. */
export class Client {
  /** Calls any method by its name on the wire. */
  call(method: string, params?: object, options?: CallOptions): Promise<JsonObject>;

  /**
   * Calls any streaming method by its name on the wire. A lost stream is asked for again behind the last value that was
   * taken, or behind `after` in its params. Without a timeout it has no end of its own.
   */
  stream(method: string, params?: object, options?: CallOptions): AsyncGenerator<JsonObject, JsonObject, undefined>;

  /** Takes no further calls, waits for those in flight (10 seconds at most), and ends what it opened and spawned. */
  close(): Promise<void>;
}
