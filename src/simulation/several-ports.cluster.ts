import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { after, before, describe, test } from 'node:test';
import { eventually } from '../../test/cluster/eventually.ts';
import { eachOf, pause, startWorld, type World } from '../../test/cluster/world.ts';
import type { Pod } from '../kube/objects.ts';
import { createUndiciTransport } from '../kube/undici-transport.ts';
import { systemClock } from '../runtime/clock.ts';
import { committedBy, publishedBy, watchSets } from './watch-sets.ts';

const ports = 'game=7777/UDP,voice=7778/UDP,query=7779/UDP';
const waitMs = 90_000;

describe('40 pods with three ports each on three load balancers', () => {
  let world: World;
  before(async () => {
    world = await startWorld({ loadBalancers: ['game-1', 'game-2', 'game-3'] });
    await world.operator();
    await world.pool('game');
    await eventually(async () => assert.equal((await world.ports()).length, 150), 30_000);
  });
  after(() => world?.stop());

  const numbers = (from: number, to: number) => Array.from({ length: to - from }, (_, at) => from + at);
  const trio = (number: number) =>
    world.room(`room-${number}`, world.ip(number), { annotations: { 'nlbports.dev/ports': ports } });
  const find = async (name: string) => (await world.pods.get(name)) as Pod;

  test('each is on one load balancer, no part of a set is ever seen, and one that does not fit waits whole', async () => {
    const { cluster } = world;
    const ca = readFileSync(cluster.caFile, 'utf8');
    const transport = createUndiciTransport(
      {
        server: cluster.url,
        source: 'the test',
        namespace: undefined,
        insecureSkipTlsVerify: false,
        tlsServerName: undefined,
        credentials: async () => ({ ca, headers: { authorization: `Bearer ${cluster.adminToken}` } }),
      },
      { userAgent: 'onlooker' },
    );
    const sets = await watchSets({ transport, clock: systemClock(), graceMs: 10_000 });
    const whole = (rooms: readonly number[]) =>
      eventually(async () => {
        for (const number of rooms) {
          const pod = await find(`room-${number}`);
          const published = publishedBy(pod);
          assert.deepEqual(
            published.map(({ name, targetPort }) => [name, targetPort]),
            [
              ['game', 7777],
              ['voice', 7778],
              ['query', 7779],
            ],
          );
          assert.equal(new Set(published.map(({ host }) => host)).size, 1);
          assert.equal(committedBy(pod).length, 3);
        }
      }, waitMs);

    await eachOf(numbers(0, 40), 40, trio);
    await whole(numbers(0, 40));
    assert.equal(await world.ask(world.endpointOf(await world.pods.get('room-7')) ?? ''), 'room-7');
    // 16 fit on each; the 49th finds two ports on each, which are for others meanwhile.
    await eachOf(numbers(40, 48), 8, trio);
    await whole(numbers(40, 48));
    await trio(48);
    await eventually(async () => {
      const { status } = await find('room-48');
      assert.equal(status?.conditions?.find(({ type }) => type === 'nlbports.dev/ready')?.reason, 'PoolFull');
    }, 20_000);
    for (const number of numbers(0, 6)) await world.room(`one-${number}`, world.ip(100 + number));
    await eventually(async () => {
      for (const number of numbers(0, 6)) assert.equal(publishedBy(await find(`one-${number}`)).length, 1);
    }, 20_000);
    const held = (await world.ports()).filter(port => port.spec.claim);
    assert.equal(held.length, 150);
    assert.ok(held.every(port => port.spec.claim.name !== 'room-48'));
    await world.pods.remove('room-3');
    await whole([48]);

    await pause(10_000);
    sets.stop();
    await transport.close();
    assert.ok(sets.events() > 200, `${sets.events()} events of pods`);
    assert.deepEqual(sets.broken, []);
  });
});
