import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { silentLog } from '../../runtime/log.ts';
import { seededRandom } from '../../runtime/random.ts';
import { virtualNetwork } from '../virtual-network.ts';
import type { Loose } from './conformance/api.ts';
import { pod } from './conformance/samples.ts';
import { gameServers } from './game-server.ts';
import { createKubelet, type StartContainer } from './kubelet.ts';
import { testCluster } from './test-cluster.fixture.ts';

async function setUp(startContainer?: StartContainer) {
  const { cluster, clock, api } = testCluster();
  const network = virtualNetwork({ clock });
  const log = silentLog();
  const kubelet = createKubelet({
    transport: cluster.transport,
    clock,
    random: seededRandom(1),
    log,
    startContainer: startContainer ?? gameServers({ network, log }),
  });
  const started = kubelet.start();
  await clock.advance(100);
  await started;
  const path = (name: string) => api.at('pods', name);
  const settle = () => clock.advance(50);
  const read = async (name: string): Promise<Loose> => (await api.get(path(name))).body;
  const condition = (object: Loose, type: string): Loose =>
    object.status.conditions.find((item: Loose) => item.type === type);
  return { cluster, clock, api, network, kubelet, path, settle, read, condition };
}

const room = (name: string, extra: Loose = {}) =>
  pod(name, {
    containers: [
      { name: 'game', image: 'x', ports: [{ containerPort: 7777, protocol: 'UDP' }, { containerPort: 80 }] },
    ],
    ...extra,
  });

describe('createKubelet()', () => {
  it('binds a pod, gives it an address and reports it Running and Ready', async () => {
    const { api, settle, read, condition, kubelet } = await setUp();
    await api.post(api.at('pods'), room('a'));
    await settle();
    const found = await read('a');
    assert.equal(found.spec.nodeName, 'node-1');
    assert.equal(found.status.phase, 'Running');
    assert.equal(found.status.podIP, '10.0.1.5');
    assert.deepEqual(found.status.podIPs, [{ ip: '10.0.1.5' }]);
    for (const type of ['PodScheduled', 'Initialized', 'ContainersReady', 'Ready']) {
      assert.equal(condition(found, type).status, 'True', type);
    }
    assert.equal(found.status.containerStatuses[0].ready, true);
    assert.equal(kubelet.addressOf('default', 'a'), '10.0.1.5');
  });

  it('writes nothing more once all is said', async () => {
    const { api, settle, cluster, clock } = await setUp();
    await api.post(api.at('pods'), room('a'));
    await settle();
    const { version } = cluster;
    await clock.advance(600_000);
    assert.equal(cluster.version, version);
  });

  it('holds Ready back until every readiness gate is True', async () => {
    const { api, settle, read, condition, path } = await setUp();
    await api.post(api.at('pods'), room('a', { readinessGates: [{ conditionType: 'nlbports.dev/ready' }] }));
    await settle();
    const before = await read('a');
    assert.equal(condition(before, 'ContainersReady').status, 'True');
    assert.equal(condition(before, 'Ready').status, 'False');
    assert.equal(condition(before, 'Ready').reason, 'ReadinessGatesNotReady');
    await api.strategic(`${path('a')}/status`, {
      status: { conditions: [{ type: 'nlbports.dev/ready', status: 'True' }] },
    });
    await settle();
    const after = await read('a');
    assert.equal(condition(after, 'Ready').status, 'True');
    assert.equal(condition(after, 'Ready').reason, undefined);
    assert.equal(condition(after, 'nlbports.dev/ready').status, 'True');
  });

  it("leaves other nodes' pods alone", async () => {
    const { api, settle, read } = await setUp();
    await api.post(api.at('pods'), room('a', { nodeName: 'node-2' }));
    await settle();
    assert.equal((await read('a')).status.phase, 'Pending');
  });

  it('stops the container of a deleted pod, then deletes the pod with no grace', async () => {
    const { api, settle, path, network, kubelet } = await setUp();
    await api.post(api.at('pods'), room('a'));
    await settle();
    const marked = await api.remove(path('a'));
    assert.equal(marked.body.metadata.deletionGracePeriodSeconds, 30);
    await settle();
    assert.equal((await api.get(path('a'))).status, 404);
    assert.equal(kubelet.addressOf('default', 'a'), undefined);
    await assert.rejects(network.dialTcp({ host: '10.0.1.5', port: 7777 }, { timeoutMs: 10 }), {
      code: 'ECONNREFUSED',
    });
  });

  it('waits for a container that drains, but no longer than the grace', async () => {
    const { api, clock, settle, path } = await setUp(async () => ({ stop: () => new Promise(() => {}) }));
    await api.post(api.at('pods'), room('a', { terminationGracePeriodSeconds: 10 }));
    await settle();
    await api.remove(path('a'));
    await clock.advance(8_000);
    assert.equal((await api.get(path('a'))).status, 200);
  });

  it('gives an address again only 30 s after its pod has gone', async () => {
    const { api, clock, settle, path, read } = await setUp();
    await api.post(api.at('pods'), room('a'));
    await settle();
    await api.remove(path('a'));
    await settle();
    await api.post(api.at('pods'), room('b'));
    await settle();
    assert.equal((await read('b')).status.podIP, '10.0.1.6');
    await clock.advance(30_000);
    await api.post(api.at('pods'), room('c'));
    await settle();
    assert.equal((await read('c')).status.podIP, '10.0.1.5');
  });

  it('gives a pod that is made anew under an old name an address of its own', async () => {
    const { api, settle, path, read } = await setUp();
    await api.post(api.at('pods'), room('a'));
    await settle();
    await api.remove(path('a'), { gracePeriodSeconds: 0 });
    await api.post(api.at('pods'), room('a'));
    await settle();
    assert.equal((await read('a')).status.phase, 'Running');
    assert.equal((await read('a')).status.podIP, '10.0.1.6');
  });

  it('moves a pod to another address, with its container', async () => {
    const { api, settle, read, kubelet, network, clock } = await setUp();
    await api.post(api.at('pods'), room('a'));
    await settle();
    const moved = kubelet.moveAddress('default', 'a');
    await clock.advance(50);
    assert.equal(await moved, '10.0.1.6');
    assert.deepEqual((await read('a')).status.podIPs, [{ ip: '10.0.1.6' }]);
    await network.dialTcp({ host: '10.0.1.6', port: 7777 }, { timeoutMs: 10 });
    await assert.rejects(network.dialTcp({ host: '10.0.1.5', port: 7777 }, { timeoutMs: 10 }), {
      code: 'ECONNREFUSED',
    });
  });

  it('leaves a pod where it runs when it can not be started at another address', async () => {
    const stopped: string[] = [];
    const { api, settle, read, kubelet } = await setUp(async (_pod, ip) => {
      if (ip !== '10.0.1.5') throw new Error('The port is taken.');
      return { stop: async () => void stopped.push(ip) };
    });
    await api.post(api.at('pods'), room('a'));
    await settle();
    await assert.rejects(kubelet.moveAddress('default', 'a'), { message: 'The port is taken.' });
    assert.equal(kubelet.addressOf('default', 'a'), '10.0.1.5');
    assert.equal((await read('a')).status.podIP, '10.0.1.5');
    assert.deepEqual(stopped, []);
  });

  it('ends both containers of a pod that is deleted while it moves', async () => {
    const stopped: string[] = [];
    let letGo = () => {};
    const { api, settle, kubelet, path } = await setUp(async (_pod, ip) => {
      if (ip !== '10.0.1.5') await new Promise<void>(resolve => (letGo = resolve));
      return { stop: async () => void stopped.push(ip) };
    });
    await api.post(api.at('pods'), room('a'));
    await settle();
    const moved = kubelet.moveAddress('default', 'a');
    await api.remove(path('a'), { gracePeriodSeconds: 0 });
    await settle();
    letGo();
    await assert.rejects(moved, /ended while it moved/);
    assert.deepEqual([...new Set(stopped)], ['10.0.1.5', '10.0.1.6']);
  });

  it('ends a pod as Succeeded, with its container, and does not start it again', async () => {
    const { api, clock, settle, read, condition, kubelet } = await setUp();
    await api.post(api.at('pods'), room('a'));
    await settle();
    const finished = kubelet.finish('default', 'a', 'Succeeded');
    await clock.advance(1000);
    await finished;
    const found = await read('a');
    assert.equal(found.status.phase, 'Succeeded');
    assert.equal(condition(found, 'Ready').status, 'False');
    assert.equal(condition(found, 'Ready').reason, 'PodCompleted');
    assert.equal(found.status.containerStatuses[0].state.terminated.exitCode, 0);
    assert.equal(kubelet.addressOf('default', 'a'), undefined);
  });

  it('does nothing more once it has vanished', async () => {
    const { api, settle, read, kubelet, path } = await setUp();
    await api.post(api.at('pods'), room('a'));
    await settle();
    kubelet.vanish();
    await api.remove(path('a'));
    await api.post(api.at('pods'), room('b'));
    await settle();
    assert.ok((await read('a')).metadata.deletionTimestamp);
    assert.equal((await read('b')).status.phase, 'Pending');
  });

  it('starts again what could not be started', async () => {
    let tries = 0;
    const { api, clock, read } = await setUp(async () => {
      if (++tries < 3) throw new Error('The port is taken.');
      return { stop: async () => {} };
    });
    await api.post(api.at('pods'), room('a'));
    await clock.advance(5_000);
    assert.equal((await read('a')).status.phase, 'Running');
    assert.equal((await read('a')).status.podIP, '10.0.1.7', 'each try has an address of its own');
    assert.equal(tries, 3);
  });
});
