import { type Clock, sleep } from '../runtime/clock.ts';
import type { AwsError } from './aws-error.ts';
import type { CallOptions } from './elbv2-api.ts';

/**
 * How long a step is repeated where AWS needs a moment: a target group stays in use for a while after its listener is
 * deleted, and a describe may miss what was just made. Other controllers repeat every 2 s for 20 s.
 */
export const settleRules = { everyMs: 2000, forMs: 20_000 } as const;

/** What a step gives that AWS may grant a moment later, with the reason why not now. */
export class Again {
  readonly because: AwsError;
  constructor(because: AwsError) {
    this.because = because;
  }
}

/** Repeats `step` while it gives `Again`, then throws the last reason. Its calls look whether they are still wanted. */
export async function settle<T>(clock: Clock, options: CallOptions, step: () => Promise<T | Again>): Promise<T> {
  const endMs = clock.monotonicMs() + settleRules.forMs;
  for (;;) {
    const outcome = await step();
    if (!(outcome instanceof Again)) return outcome;
    if (clock.monotonicMs() + settleRules.everyMs > endMs) throw outcome.because;
    await sleep(clock, settleRules.everyMs, options.signal);
  }
}
