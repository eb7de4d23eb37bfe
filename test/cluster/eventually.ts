import { sleep, systemClock } from '../../src/runtime/clock.ts';

const clock = systemClock();

/**
 * Calls `attempt` until it returns without an error, and hands on what it returned.
 *
 * @throws the last error of `attempt`, with the time waited in its message, once `timeoutMs` are over.
 *
 * @example
 * const port = await eventually(async () => {
 *   const object = await cluster.rest.get('/apis/nlbports.dev/v1alpha1/nlbports/nlb-1-30000');
 *   assert.equal(object.status.phase, 'Bound');
 *   return object;
 * }, 10_000);
 */
export async function eventually<T>(attempt: () => T | Promise<T>, timeoutMs: number, everyMs = 50): Promise<T> {
  const deadlineMs = clock.monotonicMs() + timeoutMs;
  for (;;) {
    try {
      return await attempt();
    } catch (error) {
      if (clock.monotonicMs() + everyMs > deadlineMs) {
        if (error instanceof Error) error.message = `After ${timeoutMs} ms still: ${error.message}`;
        throw error;
      }
    }
    await sleep(clock, everyMs);
  }
}
