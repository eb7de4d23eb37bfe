import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import { eventually } from './eventually.ts';
import type { AnyObject } from './rest.ts';
import { startWorld, type World } from './world.ts';

const replicas = 20;
const setPath = '/apis/apps/v1/namespaces/default/statefulsets';

describe(`a StatefulSet of ${replicas} rooms in a pool that retains`, () => {
  let world: World;
  let addresses = 0;
  /** The uids of the pods that were given an address. */
  const running = new Set<string>();

  before(async () => {
    world = await startWorld({ controllerManager: true });
    await world.operator();
    await world.pool('game', { release: { on: 'Ended', quarantine: '1s', retain: '30s' } });
    await world.cluster.rest.create(setPath, {
      apiVersion: 'apps/v1',
      kind: 'StatefulSet',
      metadata: { name: 'room', namespace: 'default' },
      spec: {
        replicas,
        serviceName: 'room',
        podManagementPolicy: 'Parallel',
        selector: { matchLabels: { app: 'room' } },
        template: {
          metadata: {
            labels: { app: 'room', 'nlbports.dev/pool': 'game' },
            annotations: { 'nlbports.dev/ports': '7777/UDP' },
          },
          spec: { containers: [{ name: 'game', image: 'game-server' }] },
        },
      },
    });
  });
  after(() => world?.stop());

  const pods = (): Promise<AnyObject[]> => world.cluster.rest.list('/api/v1/namespaces/default/pods');

  /** What kubelets do: every new pod runs, at an address that no pod had before. Gives endpoints by name. */
  const served = async (): Promise<Map<string, string>> =>
    await eventually(async () => {
      const endpoints = new Map<string, string>();
      for (const pod of await pods()) {
        const { name, uid } = pod.metadata;
        if (!running.has(uid)) {
          const ip = world.ip(addresses++);
          await world.serve(name, ip);
          await world.pods.setIP(name, ip);
          await world.pods.setPhase(name, 'Running');
          running.add(uid);
        }
        const endpoint = world.endpointOf(pod);
        if (endpoint) endpoints.set(name, endpoint);
      }
      assert.equal(endpoints.size, replicas);
      for (const [name, endpoint] of endpoints) assert.equal(await world.ask(endpoint), name);
      return endpoints;
    }, 60_000);

  const scale = (count: number) => world.cluster.rest.patch(`${setPath}/room`, 'merge', { spec: { replicas: count } });

  test('its pods keep their endpoints when all of them are deleted and made again elsewhere', async () => {
    const before = await served();
    const uids = new Set((await pods()).map(pod => pod.metadata.uid));
    for (const name of before.keys()) await world.pods.remove(name);
    await eventually(async () => {
      const now = await pods();
      assert.equal(now.length, replicas);
      assert.ok(now.every(pod => !uids.has(pod.metadata.uid)));
    }, 30_000);
    assert.deepEqual(await served(), before);
  });

  test('their ports are reserved while it is scaled to none, and free when the retention is over', async () => {
    await served();
    await scale(0);
    await eventually(async () => {
      const phases = (await world.ports()).map(port => port.status?.phase);
      assert.equal(phases.filter(phase => phase === 'Reserved').length, replicas);
    }, 28_000);
    await eventually(async () => {
      assert.equal((await world.ports()).filter(port => port.spec.claim).length, 0);
    }, 60_000);
    await scale(replicas);
    await served();
  });
});
