import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import { eventually } from './eventually.ts';
import type { OperatorProcess } from './operator-process.ts';
import { startWorld, type World } from './world.ts';

describe('two operators with election on', () => {
  let world: World;
  let leader: OperatorProcess;
  let standby: OperatorProcess;
  before(async () => {
    world = await startWorld();
    await world.pool('game');
    leader = await world.operator(['--leader-elect=true']);
    await eventually(async () => assert.equal(await leads(leader), true), 20_000);
    standby = await world.operator(['--leader-elect=true']);
  });
  after(() => world?.stop());

  const leads = async (operator: OperatorProcess) =>
    (await operator.metrics()).find(({ name }) => name === 'nlbports_leader')?.value === 1;
  /** Milliseconds until a new room is served. */
  const serves = async (name: string, ip: string): Promise<number> => {
    const startedMs = performance.now();
    await world.room(name, ip);
    await eventually(async () => assert.ok(world.endpointOf(await world.pods.get(name))), 30_000);
    return performance.now() - startedMs;
  };

  test('one leads by the Lease nlbports in the namespace of the operator, the other is ready and waits', async () => {
    const lease = await world.cluster.rest.get(
      '/apis/coordination.k8s.io/v1/namespaces/nlbports-system/leases/nlbports',
    );
    assert.equal(lease.spec.leaseDurationSeconds, 12);
    assert.match(lease.spec.holderIdentity, /^\S+_[0-9a-f]+$/);
    assert.deepEqual([await leads(leader), await leads(standby)], [true, false]);
    await serves('room-1', world.ip(1));
  });

  test('after SIGTERM the leader ends with 0, and the other serves within seconds', async t => {
    const ending = leader.terminate(10_000);
    const startedMs = performance.now();
    await eventually(async () => assert.equal(await leads(standby), true), 10_000);
    const tookMs = performance.now() - startedMs;
    const { code, tookMs: endedMs } = await ending;
    assert.equal(code, 0);
    t.diagnostic(
      `the other led ${tookMs.toFixed(0)} ms after SIGTERM; the process ended after ${endedMs.toFixed(0)} ms`,
    );
    assert.ok(tookMs < 5_000, `${tookMs} ms`);
    await serves('room-2', world.ip(2));
  });

  test('after kill -9 another takes over when the Lease has run out, and serves', async t => {
    const third = await world.operator(['--leader-elect=true']);
    await standby.kill();
    const startedMs = performance.now();
    await eventually(async () => assert.equal(await leads(third), true), 25_000);
    const tookMs = performance.now() - startedMs;
    t.diagnostic(`a standby led ${(tookMs / 1000).toFixed(1)} s after kill -9 of the leader`);
    assert.ok(tookMs < 20_000, `${tookMs} ms`);
    await serves('room-3', world.ip(3));
    for (const name of ['room-1', 'room-2', 'room-3']) {
      const endpoint = world.endpointOf(await world.pods.get(name))!;
      await eventually(async () => assert.equal(await world.ask(endpoint), name), 10_000);
    }
  });
});
