import assert from 'node:assert/strict';
import { test } from 'node:test';
import { assertSettled } from '../../simulation/assert-settled.ts';
import { createWorld, type World } from '../../simulation/world.ts';
import { drainPool } from './drain.ts';

async function worldWithRoom(): Promise<World> {
  const world = await createWorld();
  world.startOperator();
  await world.pool('game', {
    ...{ ports: { min: 30000, max: 30002 }, warm: 1, targets: { deregistrationDelay: '0s' } },
    release: { on: 'Ended', quarantine: '0s' },
  });
  await world.room('room-1');
  await world.eventually(() => assertSettled(world));
  return world;
}

function drain(world: World, pool: string, more: { timeoutMs?: number; dryRun?: boolean } = {}) {
  const said: string[] = [];
  const deps = { client: world.kube, clock: world.clock, say: (line: string) => void said.push(line) };
  const outcome = drainPool(deps, { pool, timeoutMs: 60_000, dryRun: false, ...more });
  return { said, outcome };
}

test('drainPool() waits for the rooms of a pool, and ends when nothing of it is left in AWS', async () => {
  const world = await worldWithRoom();
  const { said, outcome } = drain(world, 'game');
  await world.clock.advance(10_000);
  assert.equal(world.endpointOf(await world.pod('room-1'))?.split(':')[1], '30000');
  assert.match(said.join('\n'), /1 held by Pod default\/room-1/);
  await world.removeRoom('room-1');
  await world.clock.advance(40_000);
  assert.equal(await outcome, 'drained');
  assert.deepEqual(await world.ports(), []);
  assert.equal((await world.aws('DescribeTargetGroups')).text('TargetGroupArn'), undefined);
  const listeners = await world.aws('DescribeListeners', { LoadBalancerArn: world.loadBalancers[0]!.arn });
  assert.equal(listeners.text('ListenerArn'), undefined);
  await world.end();
});

test('drainPool() gives up waiting in time, says who holds the pool, and can be asked again', async () => {
  const world = await worldWithRoom();
  const { said, outcome } = drain(world, 'game', { timeoutMs: 5_000 });
  await world.clock.advance(10_000);
  assert.equal(await outcome, 'waiting');
  assert.match(said.at(-1) ?? '', /Not drained yet: 1 port, 1 held by Pod default\/room-1/);
  await world.removeRoom('room-1');
  const again = drain(world, 'game');
  await world.clock.advance(40_000);
  assert.equal(await again.outcome, 'drained');
  await world.end();
});

test('drainPool() changes nothing in a dry run, and calls a pool that is not there drained', async () => {
  const world = await worldWithRoom();
  const dry = drain(world, 'game', { dryRun: true });
  assert.equal(await dry.outcome, 'would-drain');
  assert.match(dry.said[0] ?? '', /3 ports, 1 held/);
  assert.equal((await world.ports()).length, 3);
  assert.equal(await drain(world, 'none').outcome, 'drained');
  await world.end();
});
