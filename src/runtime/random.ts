/** The only source of chance in the product, handed in so that one seed fixes a whole run. */
export interface Random {
  /** A number from 0 (included) to 1 (excluded). */
  next(): number;
}

/** Unpredictable: what a real process uses. */
export function systemRandom(): Random {
  return { next: () => Math.random() };
}

/** The same numbers for the same seed (mulberry32, a public-domain 32-bit generator). */
export function seededRandom(seed: number): Random {
  let state = seed >>> 0;
  return {
    next() {
      state = (state + 0x6d2b79f5) >>> 0;
      let mixed = Math.imul(state ^ (state >>> 15), 1 | state);
      mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
      return ((mixed ^ (mixed >>> 14)) >>> 0) / 4294967296;
    },
  };
}

/** A whole number from `min` to `max`, both included. */
export function randomInt(random: Random, min: number, max: number): number {
  return min + Math.floor(random.next() * (max - min + 1));
}

/** `length` lower-case hexadecimal digits. */
export function randomHex(random: Random, length: number): string {
  return Array.from({ length }, () => randomInt(random, 0, 15).toString(16)).join('');
}
