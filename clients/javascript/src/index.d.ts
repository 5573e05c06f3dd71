export type { CallOptions, DuesOptions, Integer, JsonObject, Result, TLSOptions } from "./client.js";
export * from "./errors.js";
export * from "./generated.js";
