import { type Random, randomInt, seededRandom } from '../../runtime/random.ts';

/** Draws from one stream of chance, in the words of those who use it. */
export interface Draw {
  /** True with this probability, 0 to 1. */
  chance(probability: number): boolean;
  /** A whole number from `min` to `max`, both included. */
  int(min: number, max: number): number;
  /** One of them; throws where there is none. */
  oneOf<const T>(choices: readonly T[]): T;
  random: Random;
}

/**
 * Streams of one seed by their names: each part of a run, and each thing that only some runs are about, has one of its
 * own, so that what is added later does not change what the others draw.
 */
export function streamsOf(seed: number): (name: string) => Draw {
  return name => drawFrom(seededRandom(hashOf(`${seed} ${name}`)));
}

/** Makes draws from a stream. */
export function drawFrom(random: Random): Draw {
  return {
    random,
    chance: probability => random.next() < probability,
    int: (min, max) => randomInt(random, min, max),
    oneOf(choices) {
      if (choices.length === 0) throw new RangeError('Cannot draw one of nothing');
      return choices[randomInt(random, 0, choices.length - 1)]!;
    },
  };
}

/** FNV-1a, 32 bits. */
function hashOf(text: string): number {
  let hash = 0x811c9dc5;
  for (const byte of Buffer.from(text)) hash = Math.imul(hash ^ byte, 0x01000193) >>> 0;
  return hash;
}
