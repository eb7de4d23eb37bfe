import assert from 'node:assert/strict';
import { test } from 'node:test';
import { createWorld } from './world.ts';

async function oneRoom(seed: number): Promise<{ hash: string; lines: readonly string[] }> {
  const world = await createWorld({ seed });
  world.startOperator();
  await world.pool();
  await world.room('game-room-1');
  const endpoint = await world.eventually(async () => {
    const published = world.endpointOf(await world.pod('game-room-1'));
    assert.ok(published);
    return published;
  });
  assert.equal(endpoint, `${world.loadBalancers[0]!.dnsName}:30000`);
  await world.eventually(async () => assert.equal(await world.ask(endpoint), 'game-room-1'));
  await world.end();
  return { hash: world.trace.hash(), lines: world.trace.lines };
}

test('a room is served by the whole operator with no socket and no timer of the machine', async () => {
  const { lines } = await oneRoom(1);
  const mutations = lines.flatMap(line => /aws Action=([A-Z][A-Za-z]+)/.exec(line)?.[1] ?? []);
  assert.deepEqual(
    mutations.filter(action => !action.startsWith('Describe')),
    ['CreateTargetGroup', 'ModifyTargetGroupAttributes', 'CreateListener', 'RegisterTargets'],
  );
});

test('the same seed gives the same trace, another seed another one', async () => {
  const [first, again, other] = [await oneRoom(7), await oneRoom(7), await oneRoom(8)];
  assert.deepEqual(again.lines, first.lines);
  assert.equal(again.hash, first.hash);
  assert.notEqual(other.hash, first.hash);
});
