import assert from 'node:assert/strict';
import { after, afterEach, before, beforeEach, describe, test } from 'node:test';
import { sleep, systemClock } from '../../src/runtime/clock.ts';
import { applyFiles } from './apply.ts';
import { eventually } from './eventually.ts';
import type { AnyObject } from './rest.ts';
import { pause, startWorld, type World } from './world.ts';

const portsPath = '/apis/nlbports.dev/v1alpha1/nlbports';
const poolPath = '/apis/nlbports.dev/v1alpha1/nlbportpools/game';
const definitions = '/apis/apiextensions.k8s.io/v1/customresourcedefinitions';

/** Longest time for what the operator does on its own: pools are looked at again within seconds. */
const settledMs = 40_000;

// No admission policy is installed here: what holds is in the objects themselves.
describe('without any policy', () => {
  let world: World;
  let watched: Watched | undefined;
  before(async () => {
    world = await startWorld({ controllerManager: true, loadBalancers: ['game-1', 'game-2'] });
    await world.operator(['--pool-resync=2s']);
  });
  after(() => world?.stop());
  beforeEach(async () => {
    await world.pool('game', { ports: { min: 30000, max: 30001 } });
    await portCount(world, 4);
  });
  afterEach(async () => {
    await watched?.end();
    watched = undefined;
    for (const { metadata } of await world.cluster.rest.list('/api/v1/namespaces/default/pods')) {
      await world.pods.remove(metadata.name);
    }
    await world.cluster.rest.remove(poolPath);
    await eventually(async () => assert.equal(await world.cluster.rest.find(poolPath), undefined), settledMs);
    assert.deepEqual(
      (await world.aws.targetGroups()).map(({ tags }) => tags['nlbports.dev/port']),
      [],
      'nothing is left in AWS',
    );
  });

  const kubectl = async (...args: string[]) => {
    const { code, stderr } = await world.cluster.kubectl(args);
    assert.equal(code, 0, stderr);
  };
  /** A room that serves, and someone who asks it all the time. */
  const servedRoom = async (name: string, ip: string): Promise<Watched> => {
    await world.room(name, ip);
    watched = await watch(world, name);
    return watched;
  };
  const heldBy = async (name: string) => {
    const held = (await world.ports()).find(({ spec }) => spec.claim?.name === name);
    assert.ok(held, `${name} holds no port`);
    return held;
  };

  const deletions: [string, string[]][] = [
    ['in the background', []],
    ['by force', ['--force', '--grace-period=0']],
    ['by foreground cascade', ['--cascade=foreground']],
  ];
  for (const [at, [how, flags]] of deletions.entries()) {
    test(`a bound NLBPort that is deleted ${how} serves its room to the end, and is made again then`, async () => {
      const room = await servedRoom(`room-${at}`, world.ip(1 + at));
      const port = await heldBy(`room-${at}`);
      await kubectl('delete', 'nlbport', port.metadata.name, '--wait=false', ...flags);
      await pause(2_000);
      await room.judge();
      assert.ok((await heldBy(`room-${at}`)).metadata.deletionTimestamp);
      assert.equal(world.endpointOf(await world.pods.get(`room-${at}`)), port.status.endpoint);
      await room.end();
      await world.pods.remove(`room-${at}`);
      await eventually(async () => {
        const again = await world.cluster.rest.get(`${portsPath}/${port.metadata.name}`);
        assert.notEqual(again.metadata.uid, port.metadata.uid);
        assert.equal(again.status?.phase, 'Cold');
      }, settledMs);
    });
  }

  test('NLBPorts that are all deleted at once: rooms play on, free ones are made again', async () => {
    const room = await servedRoom('room-all', world.ip(10));
    await kubectl('delete', 'nlbports', '--all', '--wait=false');
    await portCount(world, 4);
    await pause(2_000);
    await room.judge();
  });

  test('the definition of NLBPorts that is deleted waits for the rooms, and nothing is lost when it is back', async () => {
    const room = await servedRoom('room-crd', world.ip(11));
    const { endpoint } = (await heldBy('room-crd')).status;
    await kubectl('delete', 'crd', 'nlbports.nlbports.dev', '--wait=false');
    await pause(2_000);
    // It finds no port to take while no NLBPort can be made.
    await world.room('room-late', world.ip(12));
    await pause(2_000);
    await room.judge();
    assert.equal(world.endpointOf(await world.pods.get('room-crd')), endpoint);
    assert.equal(world.endpointOf(await world.pods.get('room-late')), undefined);
    await room.end();
    await world.pods.remove('room-crd');
    await eventually(
      async () => assert.equal(await world.cluster.rest.find(`${definitions}/nlbports.nlbports.dev`), undefined),
      settledMs,
    );
    await applyFiles(world.cluster.rest, 'deploy/crds');
    await portCount(world, 4);
    await eventually(async () => {
      const late = world.endpointOf(await world.pods.get('room-late'));
      assert.equal(await world.ask(late!), 'room-late');
    }, settledMs);
  });

  test('the definition of pools that is deleted under a room takes no bytes from it', async () => {
    const room = await servedRoom('room-pools', world.ip(13));
    await kubectl('delete', 'crd', 'nlbportpools.nlbports.dev', '--wait=false');
    await pause(2_000);
    await room.judge();
    await room.end();
    await world.pods.remove('room-pools');
    await eventually(async () => {
      assert.deepEqual(await world.ports(), []);
      assert.equal(await world.cluster.rest.find(`${definitions}/nlbportpools.nlbports.dev`), undefined);
    }, settledMs);
    await applyFiles(world.cluster.rest, 'deploy/crds');
  });

  for (const [at, cascade] of ['background', 'foreground'].entries()) {
    test(`a pool that is deleted (${cascade} cascade) waits for its room and says who holds it`, async () => {
      const room = await servedRoom(`room-${cascade}`, world.ip(20 + at));
      await kubectl('delete', 'nlbportpool', 'game', '--wait=false', `--cascade=${cascade}`);
      await eventually(async () => {
        const { status } = await world.cluster.rest.get(poolPath);
        const ready = status.conditions.find(({ type }: AnyObject) => type === 'Ready');
        assert.equal(ready.reason, 'Deleting');
        assert.match(ready.message, new RegExp(`held by default/room-${cascade}`));
        // Those that nobody holds are gone.
        assert.equal((await world.ports()).length, 1);
      }, settledMs);
      await pause(2_000);
      await room.judge();
      await room.end();
      await world.pods.remove(`room-${cascade}`);
      await eventually(async () => assert.equal(await world.cluster.rest.find(poolPath), undefined), settledMs);
    });
  }

  test('a pool that shrinks retires the ports outside of it as their rooms end', async () => {
    await world.room('room-in', world.ip(15));
    await eventually(() => heldBy('room-in'), settledMs);
    const room = await servedRoom('room-out', world.ip(16));
    const port = await heldBy('room-out');
    assert.equal(port.spec.port, 30001);
    await world.cluster.rest.patch(poolPath, 'merge', { spec: { ports: { min: 30000, max: 30000 } } });
    await eventually(async () => assert.equal((await heldBy('room-out')).spec.retire, true), settledMs);
    await portCount(world, 3);
    await pause(2_000);
    await room.judge();
    await room.end();
    await world.pods.remove('room-out');
    await portCount(world, 2);
    await eventually(async () => assert.equal((await world.aws.targetGroups()).length, 1), settledMs);
  });

  test('a load balancer that is taken out of a pool retires its ports as their rooms end', async () => {
    const room = await servedRoom('room-lb', world.ip(17));
    const { arn } = (await heldBy('room-lb')).spec.loadBalancer;
    const others = world.loadBalancers.filter(loadBalancer => loadBalancer.arn !== arn);
    const body = { spec: { loadBalancers: others.map(other => ({ arn: other.arn })) } };
    await world.cluster.rest.patch(poolPath, 'merge', body);
    await portCount(world, 3);
    assert.equal((await heldBy('room-lb')).spec.retire, true);
    await pause(2_000);
    await room.judge();
    await room.end();
    await world.pods.remove('room-lb');
    await portCount(world, 2);
    await eventually(async () => assert.deepEqual(await world.aws.targetGroups(), []), settledMs);
  });
});

/** Someone who asks a room for its name all the time. */
interface Watched {
  /** Throws where one answer was missing or wrong; asks for some first. */
  judge(): Promise<void>;
  end(): Promise<void>;
}

/** Waits until the room answers at its published endpoint, and asks from then on. */
async function watch(world: World, name: string): Promise<Watched> {
  const endpoint = await eventually(async () => {
    const published = world.endpointOf(await world.pods.get(name));
    assert.equal(await world.ask(published!), name);
    return published!;
  }, settledMs);
  const clock = systemClock();
  const wrong: string[] = [];
  let right = 0;
  let isOver = false;
  const asking = (async () => {
    while (!isOver) {
      const answer = await world.ask(endpoint, 10_000).catch(error => String(error));
      if (answer === name) right++;
      else wrong.push(answer);
      await sleep(clock, 20);
    }
  })();
  return {
    async judge() {
      await eventually(() => assert.ok(right + wrong.length > 30, `${right} answers`), 30_000);
      assert.deepEqual(wrong, []);
    },
    async end() {
      isOver = true;
      await asking;
    },
  };
}

async function portCount(world: World, count: number): Promise<void> {
  await eventually(async () => {
    const ports = await world.ports();
    const alive = ports.filter(({ metadata, spec }) => !metadata.deletionTimestamp || spec.claim);
    assert.equal(alive.length, count, alive.map(({ metadata }) => metadata.name).join());
  }, settledMs);
}
