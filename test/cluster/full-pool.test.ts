import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import { eventually } from './eventually.ts';
import type { AnyObject } from './rest.ts';
import { eachOf, startWorld, type World } from './world.ts';

const name = (number: number) => `room-${String(number).padStart(3, '0')}`;

describe('100 ports on two load balancers', () => {
  let world: World;
  const rooms = Array.from({ length: 100 }, (_, at) => at + 1);
  before(async () => {
    world = await startWorld({ loadBalancers: ['game-1', 'game-2'] });
    await world.operator();
    await world.pool('game', { warm: 3 });
  });
  after(() => world?.stop());

  const published = async (): Promise<Map<string, string>> => {
    const pods = await world.cluster.rest.list('/api/v1/namespaces/default/pods');
    return new Map(pods.flatMap(pod => (world.endpointOf(pod) ? [[pod.metadata.name, world.endpointOf(pod)!]] : [])));
  };
  const readyOf = (pod: AnyObject) =>
    pod.status.conditions?.find((condition: AnyObject) => condition.type === 'nlbports.dev/ready');

  test('100 pods at once get 100 distinct ports, and each answers with its own name', async () => {
    await eachOf(rooms, 50, number => world.room(name(number), world.ip(number)));
    await eventually(async () => assert.equal((await published()).size, 100), 60_000);
    const endpoints = await published();
    assert.equal(new Set(endpoints.values()).size, 100);
    for (const [pod, endpoint] of endpoints) {
      await eventually(async () => assert.equal(await world.ask(endpoint), pod), 10_000);
    }
  });

  test('the 101st waits with a Warning Event and a condition that says what would help', async () => {
    await world.room('room-101', world.ip(201));
    await eventually(async () => {
      const ready = readyOf(await world.pods.get('room-101'));
      assert.deepEqual([ready?.status, ready?.reason], ['False', 'PoolFull']);
      assert.match(ready.message, /^NLBP-\d+: .*add a load balancer: 1 claim waits/);
      const events = await world.pods.events('room-101');
      const full = events.find(event => event.reason === 'PoolFull');
      assert.equal(full?.type, 'Warning');
      assert.match(full?.note, /^NLBP-/);
    }, 10_000);
  });

  test('the one that waits is served when another ends', async () => {
    const endpoint = (await published()).get(name(7));
    await world.pods.setPhase(name(7), 'Succeeded');
    await eventually(async () => assert.equal((await published()).get('room-101'), endpoint), 20_000);
    await eventually(async () => assert.equal(await world.ask(endpoint!), 'room-101'), 10_000);
    await eventually(async () => assert.equal((await published()).has(name(7)), false), 10_000);
  });

  test('a changed pod IP is followed: the old target goes before the new one comes', async () => {
    const endpoint = (await published()).get(name(1))!;
    await world.aws.resetCalls();
    const moved = await world.serve(`${name(1)} moved`, world.ip(202));
    await world.pods.setIP(name(1), world.ip(202));
    await eventually(async () => assert.equal(await world.ask(endpoint), moved.name), 20_000);
    const { actions } = await world.aws.calls();
    assert.deepEqual([actions.DeregisterTargets?.calls, actions.RegisterTargets?.calls], [1, 1]);
    assert.equal((await published()).get(name(1)), endpoint);
  });

  test('when all are deleted every port is free, and AWS holds what is kept warm', async () => {
    await eachOf([...rooms, 101], 50, number => world.pods.remove(name(number)));
    await eventually(
      async () => {
        const ports = await world.ports();
        assert.deepEqual(
          ports.filter(port => port.spec.claim),
          [],
        );
        const groups = await world.aws.targetGroups();
        assert.equal(groups.length, 3);
        assert.deepEqual(
          groups.flatMap(group => group.targets),
          [],
        );
        const listeners = await Promise.all(world.loadBalancers.map(({ arn }) => world.aws.listeners(arn)));
        assert.equal(listeners.flat().length, 3);
      },
      60_000,
      500,
    );
  });
});
