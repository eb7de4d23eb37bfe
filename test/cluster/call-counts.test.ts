import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import { eventually } from './eventually.ts';
import { pause, startWorld, type World } from './world.ts';

describe('calls that change AWS', () => {
  let world: World;
  before(async () => {
    world = await startWorld({ loadBalancers: ['warm', 'cold'] });
    await world.operator(['--pool-resync=5s']);
    const [warm, cold] = world.loadBalancers;
    const ports = { min: 30000, max: 30000 };
    await world.pool('warm', { loadBalancers: [{ arn: warm!.arn }], ports, warm: 1 });
    await world.pool('cold', { loadBalancers: [{ arn: cold!.arn }], ports, warm: 0 });
    await eventually(async () => {
      const phases = (await world.ports()).map(port => `${port.spec.pool} ${port.status?.phase}`);
      assert.deepEqual(phases.toSorted(), ['cold Cold', 'warm Available']);
    }, 20_000);
  });
  after(() => world?.stop());

  const changes = async (): Promise<string[]> => {
    const { actions } = await world.aws.calls();
    return Object.entries(actions)
      .filter(([action]) => !action.startsWith('Describe'))
      .flatMap(([action, { calls }]) => Array<string>(calls).fill(action))
      .toSorted();
  };
  const isHealthy = (name: string) =>
    eventually(async () => {
      const ready = (await world.pods.get(name)).status.conditions.find(
        (condition: { type: string }) => condition.type === 'nlbports.dev/ready',
      );
      assert.equal(ready?.status, 'True');
    }, 20_000);
  const isFree = (pool: string, phase: string) =>
    eventually(async () => {
      const port = (await world.ports()).find(({ spec }) => spec.pool === pool);
      assert.deepEqual([port?.spec.claim, port?.status?.phase], [undefined, phase]);
    }, 20_000);
  const room = (pool: string, ip: string) => world.room(pool, ip, { labels: { 'nlbports.dev/pool': pool } });

  test('a warm bind is one: RegisterTargets', async () => {
    await world.aws.resetCalls();
    await room('warm', world.ip(1));
    await isHealthy('warm');
    assert.deepEqual(await changes(), ['RegisterTargets']);
  });

  test('a cold bind is four', async () => {
    await world.aws.resetCalls();
    await room('cold', world.ip(2));
    await isHealthy('cold');
    assert.deepEqual(await changes(), [
      'CreateListener',
      'CreateTargetGroup',
      'ModifyTargetGroupAttributes',
      'RegisterTargets',
    ]);
  });

  test('once healthy, health is not asked for again, and nothing is changed', async () => {
    await world.aws.resetCalls();
    await pause(12_000);
    const { actions } = await world.aws.calls();
    assert.equal(actions.DescribeTargetHealth, undefined);
    assert.ok(actions.DescribeListeners, 'the listing of listeners went on meanwhile');
    assert.deepEqual(await changes(), []);
  });

  test('a release is one where the port stays warm: DeregisterTargets', async () => {
    await world.aws.resetCalls();
    await world.pods.remove('warm');
    await isFree('warm', 'Available');
    await pause(1_500);
    assert.deepEqual(await changes(), ['DeregisterTargets']);
  });

  test('a release is three where it does not', async () => {
    await world.aws.resetCalls();
    await world.pods.remove('cold');
    await isFree('cold', 'Cold');
    await eventually(
      async () => assert.deepEqual(await changes(), ['DeleteListener', 'DeleteTargetGroup', 'DeregisterTargets']),
      10_000,
    );
  });
});
