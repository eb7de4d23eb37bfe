import { type Random, randomInt } from '../../runtime/random.ts';

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
