/**
 * JSON whose integers are exact: those that a number cannot hold are bigints, both ways.
 */
import { randomUUID } from "node:crypto";

/** Begins the strings that stand for bigints on their way through JSON. Nobody else can know it. */
const mark = `bigint ${randomUUID()} `;
const marked = new RegExp(`"${mark}(-?\\d+)"`, "g");

const longNumber = /\d{16}/;
/** A string, which is passed over, or a number. */
const token = /"[^"\\]*(?:\\.[^"\\]*)*"|-?\d+(?:\.\d+)?(?:[eE][+-]?\d+)?/g;
const integer = /^-?\d{16,}$/;

/** @param {string} text */
export function parse(text) {
  const value = JSON.parse(text);
  if (!longNumber.test(text)) return value;
  let found = false;
  const exact = text.replace(token, (word) => {
    if (!integer.test(word) || Number.isSafeInteger(Number(word))) return word;
    found = true;
    return `"${mark}${word}"`;
  });
  if (!found) return value;
  return JSON.parse(exact, (_, member) =>
    typeof member === "string" && member.startsWith(mark) ? BigInt(member.slice(mark.length)) : member);
}

export function stringify(value) {
  try {
    return JSON.stringify(value);
  } catch {  // most likely of a bigint, which it does not take
    const text = JSON.stringify(value, (_, member) => (typeof member === "bigint" ? mark + member : member));
    return text.replace(marked, "$1");
  }
}
