/** What results are made of. */
export class Result {
  #raw;

  constructor(raw) {
    this.#raw = raw;
  }

  /** The whole object as it came. */
  get raw() {
    return this.#raw;
  }
}

// What is null or absent stays so.
export const time = (raw) => raw && new Date(raw);
export const one = (Type, raw) => raw && new Type(raw);
export const many = (Type, raw) => raw?.map((element) => new Type(element));
