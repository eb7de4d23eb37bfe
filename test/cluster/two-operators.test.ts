import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import { eventually } from './eventually.ts';
import type { OperatorProcess } from './operator-process.ts';
import { eachOf, pause, startWorld, type World } from './world.ts';

const name = (number: number) => `room-${String(number).padStart(3, '0')}`;

/** What the API server says about who has which port: one port a pod, one pod a port, and both sides agree. */
async function judge(world: World, count: number): Promise<void> {
  const ports = (await world.ports()).filter(port => port.spec.claim);
  const pods = await world.cluster.rest.list('/api/v1/namespaces/default/pods');
  const held = ports.filter(port => !port.spec.claim.releasedAt);
  assert.equal(held.length, count);
  assert.equal(new Set(held.map(port => port.spec.claim.uid)).size, count, 'no pod has two ports');
  for (const port of held) {
    const pod = pods.find(({ metadata }) => metadata.uid === port.spec.claim.uid);
    assert.equal(pod?.metadata.annotations?.['nlbports.dev/bound'], port.metadata.name);
    assert.equal(world.endpointOf(pod), port.status?.endpoint);
    assert.ok(port.status?.endpoint);
  }
}

/** Every listener and target group of AWS belongs to an NLBPort that knows it. */
async function judgeAws(world: World): Promise<void> {
  const ports = await world.ports();
  const listenerArns = new Set(ports.map(port => port.status?.listenerArn));
  const groupArns = new Set(ports.map(port => port.status?.targetGroupArn));
  for (const { arn } of world.loadBalancers) {
    for (const listener of await world.aws.listeners(arn)) assert.ok(listenerArns.has(listener.ListenerArn));
  }
  for (const group of await world.aws.targetGroups()) assert.ok(groupArns.has(group.TargetGroupArn));
}

describe('two operators with election off', () => {
  let world: World;
  const rooms = Array.from({ length: 100 }, (_, at) => at + 1);
  before(async () => {
    world = await startWorld({ loadBalancers: ['game-1', 'game-2'] });
    await world.pool('game');
    await Promise.all([world.operator(), world.operator()]);
  });
  after(() => world?.stop());

  test('give 100 pods one port each, and leave none unserved', async () => {
    await eachOf(rooms, 50, number => world.room(name(number), world.ip(number)));
    await eventually(() => judge(world, 100), 90_000, 500);
    for (const pod of await world.cluster.rest.list('/api/v1/namespaces/default/pods')) {
      await eventually(async () => assert.equal(await world.ask(world.endpointOf(pod)!), pod.metadata.name), 10_000);
    }
    await eventually(() => judgeAws(world), 20_000, 500);
  });
});

describe('kill -9', () => {
  let world: World;
  let operator: OperatorProcess;
  before(async () => {
    world = await startWorld({ loadBalancers: ['game-1', 'game-2'] });
    await world.pool('game');
    operator = await world.operator();
  });
  after(() => world?.stop());

  test('six times in a burst of 60 rooms: all are served, and AWS holds nothing without an owner', async () => {
    const burst = eachOf(
      Array.from({ length: 60 }, (_, at) => at + 1),
      10,
      number => world.room(name(number), world.ip(number)),
    );
    for (let kills = 0; kills < 6; kills++) {
      await pause(700 + 150 * kills);
      await operator.kill();
      operator = await world.operator();
    }
    await burst;
    await eventually(() => judge(world, 60), 90_000, 500);
    for (const pod of await world.cluster.rest.list('/api/v1/namespaces/default/pods')) {
      await eventually(async () => assert.equal(await world.ask(world.endpointOf(pod)!), pod.metadata.name), 10_000);
    }
    await eventually(() => judgeAws(world), 20_000, 500);
  });

  test('while no operator runs pods delete freely, and their ports come back after the start', async () => {
    await operator.kill();
    await eachOf(
      Array.from({ length: 60 }, (_, at) => at + 1),
      20,
      number => world.pods.remove(name(number)),
    );
    assert.deepEqual(await world.cluster.rest.list('/api/v1/namespaces/default/pods'), []);
    operator = await world.operator();
    await eventually(
      async () => {
        const phases = new Set((await world.ports()).map(port => port.status?.phase));
        assert.deepEqual([...phases], ['Cold']);
        assert.deepEqual(await world.aws.targetGroups(), []);
      },
      60_000,
      500,
    );
  });
});
