import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import { eventually } from './eventually.ts';
import { startWorld, type World } from './world.ts';

describe('one room on a real API server', () => {
  let world: World;
  before(async () => {
    world = await startWorld();
    await world.operator();
    await world.pool('game', { ports: { min: 30000, max: 30002 }, protocol: 'UDP' });
  });
  after(() => world?.stop());

  test('a packet sent to the published endpoint comes back from the pod', async () => {
    await world.room('game-room-1', world.ip(5));
    const endpoint = await eventually(async () => {
      const published = world.endpointOf(await world.pods.get('game-room-1'));
      assert.ok(published);
      return published;
    }, 20_000);
    assert.match(endpoint, /:30000$/);
    await eventually(async () => assert.equal(await world.ask(endpoint), 'game-room-1'), 10_000);
  });

  test('the pod is told that it is healthy', async () => {
    await eventually(async () => {
      const { status } = await world.pods.get('game-room-1');
      const ready = status.conditions.find((condition: { type: string }) => condition.type === 'nlbports.dev/ready');
      assert.deepEqual([ready?.status, ready?.reason], ['True', 'Healthy']);
    }, 20_000);
  });

  test('kubectl get nlbports is the port map', async () => {
    const { stdout } = await world.cluster.kubectl(['get', 'nlbports']);
    const [head = '', first = ''] = stdout.split('\n');
    assert.match(head, /NAME +POOL +ENDPOINT +PHASE +CLAIMANT +TARGET +HEALTHY +AGE/);
    assert.match(
      first,
      /nlb-[0-9a-f]{16}-30000 +game +\S+:30000 +Bound +default\/game-room-1 +10\.\d+\.1\.6:7777 +True/,
    );
  });

  test('a pod that is gone gives its port back, and AWS is as before', async () => {
    await world.pods.remove('game-room-1');
    await eventually(async () => {
      const ports = await world.ports();
      assert.deepEqual(
        ports.map(port => port.status?.phase),
        ['Cold', 'Cold', 'Cold'],
      );
      assert.deepEqual(await world.aws.targetGroups(), []);
      assert.deepEqual(await world.aws.listeners(world.loadBalancers[0]!.arn), []);
    }, 20_000);
  });
});
