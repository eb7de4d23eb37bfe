import { absenceIsNotDeath } from './absence-is-not-death.ts';
import { budget } from './budget.ts';
import { handsOff } from './hands-off.ts';
import type { Invariant } from './invariant.ts';
import { memory } from './memory.ts';
import { noLeak } from './no-leak.ts';
import { noMisrouting } from './no-misrouting.ts';
import { oneClaimant } from './one-claimant.ts';
import { onePortPerWish } from './one-port-per-wish.ts';
import { progress } from './progress.ts';
import { promiseKept } from './promise-kept.ts';
import { wholeSets } from './whole-sets.ts';

/** Every invariant, each with the file that watches it. */
export const allInvariants: readonly Invariant[] = [
  oneClaimant,
  noMisrouting,
  noLeak,
  handsOff,
  progress,
  promiseKept,
  onePortPerWish,
  wholeSets,
  memory,
  budget,
  absenceIsNotDeath,
];
