import { type Random, randomHex } from '../runtime/random.ts';
import type { Election } from './lease-election.ts';

/** An election without rivals, for an operator whose leader election is switched off: it leads from start to end. */
export function createAlwaysLeader(deps: { random: Random }, hostname: string): Election {
  return {
    identity: `${hostname}_${randomHex(deps.random, 10)}`,
    isLeader: () => true,
    async run(signal, lead) {
      if (!signal.aborted) await lead(signal);
      return 'ended';
    },
  };
}
