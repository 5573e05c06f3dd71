/** A client for Dues, the subscription billing service. */
export { DuesError } from "./errors.js";
export { Dues, methods } from "./generated.js";
