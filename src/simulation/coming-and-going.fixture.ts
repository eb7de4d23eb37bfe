import assert from 'node:assert/strict';
import { endpointAnnotation, loadBalancerClass, poolLabel, portsAnnotation } from '../api/names.ts';
import { nlbPortPools } from '../api/pool.ts';
import { nlbPorts } from '../api/port.ts';
import type { Service } from '../kube/objects.ts';
import { endpointSlices, namespaces, pods as podResource, services as serviceResource } from '../kube/resource.ts';
import { silentLog } from '../runtime/log.ts';
import { seededRandom } from '../runtime/random.ts';
import { createEndpointSliceMaker } from '../sandbox/cluster/endpoint-slice-maker.ts';
import { gameServerPod } from './agones-stub.fixture.ts';
import { createWorld } from './world.ts';

/** A leader, a standby, and people whose rooms, Services and pools come and go. */
export interface ComingAndGoing {
  /** Some rooms, Services and a pool come, meet trouble, and go: none of their names was there before. */
  round(): Promise<void>;
  /** Nothing happens for a quarter of an hour: longer than any wait, of the simulated API for the end of a watch too. */
  rest(): Promise<void>;
  end(): Promise<void>;
}

const quick = { targets: { deregistrationDelay: '0s' }, release: { on: 'Ended', quarantine: '2s' } };
const namespace = 'default';
const probe = { send: 'who', expect: '-' };
const restMs = 900_000;

/** Starts them on six ports. */
export async function startComingAndGoing(): Promise<ComingAndGoing> {
  const world = await createWorld({ moreRoles: ['deploy/agones.yaml'] });
  const { kube, clock, cluster } = world;
  const slices = createEndpointSliceMaker({
    clock,
    transport: cluster.transport,
    random: seededRandom(77),
    log: silentLog(),
  });
  const started = slices.start();
  await clock.advance(50);
  await started;
  await kube.create(namespaces, { metadata: { name: 'nlbports-system' } });
  for (let replica = 0; replica < 2; replica++) {
    world.startOperator({ 'leader-elect': 'true', 'audit-interval': '60s', agones: 'true' });
  }
  await world.pool('game', { ...quick, default: true, ports: { min: 30000, max: 30005 } });
  let rounds = 0;

  const patchPod = (name: string, body: object) =>
    kube.patch(podResource, { namespace, name }, { type: 'merge', body });
  const patchStatus = (name: string, status: object) =>
    kube.patch(podResource, { namespace, name }, { type: 'strategic', body: { status } }, { subresource: 'status' });

  async function addService(name: string, labels: Record<string, string>, spec: object): Promise<void> {
    await kube.create(serviceResource, {
      metadata: { name, namespace, labels },
      spec: {
        selector: { app: name },
        ports: [{ name: 'game', port: 30005, targetPort: 7777, protocol: 'UDP' }],
        ...spec,
      },
    } as unknown as Service);
    await world.room(`${name}-0`, { ports: null });
    await patchPod(`${name}-0`, { metadata: { labels: { [poolLabel]: null, app: name } } });
    await patchStatus(`${name}-0`, { conditions: [{ type: 'Ready', status: 'True' }] });
  }

  async function removeService(name: string): Promise<void> {
    await kube.delete(serviceResource, { namespace, name });
    await world.removeRoom(`${name}-0`);
    // The garbage collector.
    const { items } = await kube.list(endpointSlices, {
      namespace,
      labelSelector: `kubernetes.io/service-name=${name}`,
    });
    for (const { metadata } of items) await kube.delete(endpointSlices, { namespace, name: metadata.name });
  }

  return {
    async round() {
      const name = (what: string) => `${what}-${rounds}`;
      rounds += 1;
      const own = name('pool');
      const [one, two, set, alone, deaf] = [name('one'), name('two'), name('set'), name('alone'), name('deaf')];
      const [late, odd, astray] = [name('late'), name('odd'), name('astray')];
      const [labelled, ofOurClass] = [name('labelled'), name('of-our-class')];
      const min = 31_000 + 2 * rounds;
      await world.pool(own, { ...quick, ports: { min, max: min + 1 }, readiness: { settle: '0s', probe } });
      world.awsFaults.set([{ kind: 'error', probability: 0.5 }]);
      world.kubeFaults.set([{ kind: 'error', probability: 0.2 }]);
      await addService(labelled, { [poolLabel]: 'game' }, {});
      await addService(ofOurClass, {}, { type: 'LoadBalancer', loadBalancerClass });
      await world.room(one);
      await world.room(two);
      await world.room(set, { ports: 'game=7777/UDP,voice=7778/UDP' });
      await world.room(odd, { ports: 'nonsense' });
      await world.room(astray, { pool: 'nowhere' });
      await world.room(alone, { pool: own });
      await world.room(deaf, { pool: own, ip: null });
      await patchStatus(deaf, { podIP: '10.7.1.1', podIPs: [{ ip: '10.7.1.1' }] });
      await clock.advance(5_000);
      world.awsFaults.set([]);
      world.kubeFaults.set([]);
      const isTold = async (told: string) => assert.ok(world.endpointOf(await world.pod(told)), told);
      await world.eventually(async () => {
        for (const told of [one, two, set, alone, deaf]) await isTold(told);
        for (const service of [labelled, ofOurClass]) {
          const { annotations } = (await kube.get(serviceResource, { namespace, name: service })).metadata;
          assert.ok(annotations?.[endpointAnnotation], service);
        }
      }, 180_000);
      // None is left for it until somebody ends.
      await world.room(late);
      await patchPod(two, { metadata: { annotations: { [portsAnnotation]: 'other=7777/UDP' } } });
      // Agones is not installed.
      await patchPod(one, { metadata: gameServerPod({ metadata: { name: one, uid: one } }) });
      await clock.advance(2_000);
      await world.setIP(one, '10.7.0.1');
      await world.setPhase(set, 'Succeeded');
      await world.eventually(() => isTold(late), 60_000);
      for (const service of [labelled, ofOurClass]) await removeService(service);
      // Nobody makes this one again, and the audit keeps what it has in AWS once its pool is gone.
      await world.editPool(own, { ports: { min, max: min } });
      await clock.advance(2_000);
      const outside = await world.port(min + 1);
      const key = { name: outside.metadata.name };
      await kube.delete(nlbPorts, key);
      await kube.patch(nlbPorts, key, { type: 'merge', body: { metadata: { finalizers: null } } });
      await world.aws('DeleteListener', { ListenerArn: outside.status?.listenerArn ?? '' });
      await world.aws('DeleteTargetGroup', { TargetGroupArn: outside.status?.targetGroupArn ?? '' });
      for (const room of [one, two, set, alone, deaf, late, odd, astray]) await world.removeRoom(room);
      await kube.delete(nlbPortPools, { name: own });
      await world.eventually(async () => {
        assert.deepEqual([...new Set((await world.ports()).map(({ status }) => status?.phase))], ['Cold']);
        assert.equal((await world.ports()).length, 6);
      }, 180_000);
    },
    rest: () => clock.advance(restMs),
    async end() {
      await slices.stop();
      await world.end();
    },
  };
}
