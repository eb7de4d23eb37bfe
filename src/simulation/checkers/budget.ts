import type { Invariant } from './invariant.ts';

/**
 * The call rate stays under the account's buckets: AWS, counting for itself, never throttles the product where nobody
 * else draws on them. One answer in a hundred may be one: calls that left in time can arrive together.
 */
export const budget: Invariant = {
  name: 'budget',
  check(scene) {
    let [calls, throttled] = [0, 0];
    return {
      onCall({ status, answer }) {
        calls += 1;
        if (status === 400 && answer.includes('<Code>Throttling</Code>')) throttled += 1;
      },
      atRest() {
        if (!scene.budgetJudged || throttled <= Math.max(1, calls / 100)) return [];
        return [`AWS throttled ${throttled} of ${calls} calls`];
      },
    };
  },
};
