import assert from 'node:assert/strict';
import { after, before, describe, type TestContext, test } from 'node:test';
import { eventually } from './eventually.ts';
import { eachOf, pause, startWorld, type World } from './world.ts';

/** What the documented buckets allow (AWS: 20 at once, then 4 registrations or 3 other changes a second). */
const idealMs = { warm: ((50 - 20) / 4) * 1000, cold: ((150 - 20) / 3) * 1000 };
const slack = 1.15;
const rooms = Array.from({ length: 50 }, (_, at) => at);

describe('50 rooms within the documented request rates', () => {
  for (const kind of ['warm', 'cold'] as const) {
    describe(kind, () => {
      let world: World;
      before(async () => {
        world = await startWorld({ profile: 'throttled' });
        await world.operator(['--aws-budget=documented']);
        await world.pool('game', { warm: kind === 'warm' ? 50 : 0 });
        await rest();
      });
      after(() => world?.stop());

      /** The buckets are full again: both sides begin as after a quiet minute. */
      async function rest(): Promise<void> {
        const wanted = kind === 'warm' ? 'Available' : 'Cold';
        await eventually(
          async () => {
            const ports = await world.ports();
            assert.equal(ports.filter(port => port.status?.phase === wanted).length, 50);
          },
          240_000,
          500,
        );
        await pause(10_000);
      }

      async function measure(t: TestContext): Promise<void> {
        await world.aws.resetCalls();
        const startedMs = performance.now();
        await eachOf(rooms, 50, at =>
          world.pods.run({
            name: `room-${at}`,
            ip: world.ip(at),
            labels: { 'nlbports.dev/pool': 'game' },
            annotations: { 'nlbports.dev/ports': '7777/UDP' },
          }),
        );
        const createdMs = performance.now() - startedMs;
        // The call log is the judge: it costs no tokens, as a describe would.
        await eventually(async () => assert.equal(await registrations(world), 50), 90_000, 100);
        const tookMs = performance.now() - startedMs;
        const { calls, throttled } = await world.aws.calls();
        const spanMs = await registrationSpanMs(world);
        t.diagnostic(
          `${kind}: 50 rooms in ${(tookMs / 1000).toFixed(1)} s since the first pod was asked for (making the pods took ${(createdMs / 1000).toFixed(1)} s); their registrations within ${(spanMs / 1000).toFixed(1)} s; limit ${((slack * idealMs[kind]) / 1000).toFixed(1)} s; ${throttled} of ${calls} calls throttled`,
        );
        // What a busy machine adds before the first call is printed, not judged.
        assert.ok(spanMs <= slack * idealMs[kind], `took ${spanMs} ms`);
        assert.ok(throttled < calls / 100, `${throttled} of ${calls} calls were throttled`);
      }

      test(`${kind}: every target is registered within ${slack} x ${idealMs[kind] / 1000} s, under 1 % throttled`, async t => {
        // A call that a busy machine delivers late meets an empty bucket: the best of three is judged.
        for (let tries = 1; ; tries++) {
          try {
            return await measure(t);
          } catch (error) {
            if (tries === 3) throw error;
            t.diagnostic(`Once more: ${error}`);
            await eachOf(rooms, 50, at => world.pods.remove(`room-${at}`));
            await rest();
          }
        }
      });
    });
  }
});

async function registrations(world: World): Promise<number> {
  const { calls = 0, errors = {} } = (await world.aws.calls()).actions.RegisterTargets ?? {};
  return calls - Object.values(errors).reduce((sum, count) => sum + count, 0);
}

/** From the first call that changed anything to the last registration. */
async function registrationSpanMs(world: World): Promise<number> {
  const answer = await fetch(new URL('/_emulator/calls', world.emulator.endpoint));
  const { entries } = (await answer.json()) as { entries: { atMs: number; action: string; mutating: boolean }[] };
  const changes = entries.filter(({ mutating }) => mutating);
  const last = changes.findLast(({ action }) => action === 'RegisterTargets');
  return (last?.atMs ?? 0) - (changes[0]?.atMs ?? 0);
}
