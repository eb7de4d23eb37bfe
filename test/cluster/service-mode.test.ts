import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import { type Address, askTcp } from './ask.ts';
import { eventually } from './eventually.ts';
import { startKubelet } from './kubelet.ts';
import type { AnyObject } from './rest.ts';
import { pause, startWorld, type World } from './world.ts';

const deployments = '/apis/apps/v1/namespaces/default/deployments';
const servicePath = '/api/v1/namespaces/default/services';

describe('a Service in front of a Deployment, with kube-controller-manager', () => {
  let world: World;
  let kubelet: Awaited<ReturnType<typeof startKubelet>>;
  let address: Address;
  before(async () => {
    world = await startWorld({ controllerManager: true });
    kubelet = await startKubelet(world.cluster, { firstIp: world.ip(0), lingerMs: 6_000 });
    await world.operator();
    await world.pool('game', { protocol: 'TCP', targets: { deregistrationDelay: '1s' }, warm: 2 });
    await world.cluster.rest.create(deployments, deployment(3));
    await world.cluster.rest.create(servicePath, service('web', { 'nlbports.dev/pool': 'game' }));
  });
  after(async () => {
    await kubelet?.stop();
    await world?.stop();
  });

  const read = (name = 'web') => world.cluster.rest.get(`${servicePath}/${name}`);
  const readyOf = ({ status }: AnyObject) =>
    status.conditions?.find(({ type }: AnyObject) => type === 'nlbports.dev/ready');
  const scale = (replicas: number) => world.cluster.rest.patch(`${deployments}/web`, 'merge', { spec: { replicas } });
  const isRegistered = (count: number) =>
    eventually(async () => {
      const groups = await world.aws.targetGroups();
      const states = groups.flatMap(group => group.targets).filter(({ state }) => state !== 'draining');
      assert.deepEqual(
        states.map(({ state }) => state),
        Array<string>(count).fill('healthy'),
      );
    }, 60_000);
  /** How often each pod answered so many connections, one after the other. */
  const answers = async (connections: number): Promise<Map<string, number>> => {
    const counts = new Map<string, number>();
    for (let at = 0; at < connections; at++) {
      const name = await askTcp(address);
      counts.set(name, (counts.get(name) ?? 0) + 1);
    }
    return counts;
  };

  test('it gets a port whose bytes are spread over its three pods, registered in one call', async t => {
    const found = await eventually(async () => {
      const service = await read();
      assert.equal(readyOf(service)?.status, 'True', JSON.stringify(service.status));
      return service;
    }, 60_000);
    await isRegistered(3);
    const [host = '', port = ''] = found.metadata.annotations['nlbports.dev/endpoint'].split(':');
    assert.equal(host, world.loadBalancers[0]!.dnsName);
    address = { host: world.loadBalancers[0]!.address, port: Number(port) };
    const counts = await answers(300);
    t.diagnostic(`300 connections: ${[...counts.values()].toSorted().join(', ')} answers of ${counts.size} pods`);
    assert.equal(counts.size, 3);
    for (const [name, count] of counts) assert.ok(count > 50, `${name} answered ${count} of 300`);
  });

  test('it follows to ten pods, with several targets in one RegisterTargets call', async t => {
    await world.aws.resetCalls();
    await scale(10);
    await isRegistered(10);
    const calls = await registrations(world);
    t.diagnostic(`7 more pods in ${calls.length} calls, with ${calls.join(', ')} targets`);
    assert.equal(
      calls.reduce((sum, count) => sum + count, 0),
      7,
    );
    assert.ok(calls.some(count => count > 1));
    assert.equal((await answers(400)).size, 10);
    assert.equal(readyOf(await read())?.status, 'True');
  });

  test('it follows to none and back, and keeps its endpoint', async () => {
    const before = (await read()).metadata.annotations['nlbports.dev/endpoint'];
    await scale(0);
    await isRegistered(0);
    await eventually(async () => assert.equal(readyOf(await read())?.reason, 'NoEndpoints'), 20_000);
    await assert.rejects(askTcp(address));
    await scale(3);
    await isRegistered(3);
    assert.equal((await read()).metadata.annotations['nlbports.dev/endpoint'], before);
    await eventually(async () => assert.equal((await answers(60)).size, 3), 20_000);
  });

  test('a rolling replacement of all pods loses no connection that tries twice', async t => {
    const old = new Set(kubelet.servers.keys());
    const seen = { attempts: 0, second: 0, lost: [] as string[], answers: new Set<string>() };
    let isOver = false;
    const client = async () => {
      while (!isOver) {
        seen.attempts++;
        const first = await askTcp(address).catch(() => undefined);
        const answer = first ?? (await askTcp(address).catch((error: Error) => error));
        if (first === undefined) seen.second++;
        if (answer instanceof Error) seen.lost.push(answer.message);
        else seen.answers.add(answer);
        await pause(10);
      }
    };
    const clients = Array.from({ length: 4 }, client);
    const template = { metadata: { annotations: { 'example.com/rolled': 'yes' } } };
    await world.cluster.rest.patch(`${deployments}/web`, 'merge', { spec: { template } });
    await eventually(async () => {
      const { status, spec } = await world.cluster.rest.get(`${deployments}/web`);
      assert.equal(status.updatedReplicas, spec.replicas);
      assert.equal(
        status.readyReplicas,
        spec.replicas,
        'each pod that replaces another is called healthy by AWS first',
      );
      assert.deepEqual(
        [...kubelet.servers.keys()].filter(name => old.has(name)),
        [],
      );
    }, 90_000);
    await isRegistered(3);
    isOver = true;
    await Promise.all(clients);
    t.diagnostic(
      `${seen.attempts} attempts while 3 pods were replaced: ${seen.second} tried twice, ${seen.lost.length} lost`,
    );
    assert.ok(seen.attempts > 200);
    assert.deepEqual(seen.lost, []);
    const fresh = [...seen.answers].filter(name => !old.has(name));
    assert.equal(fresh.length, 3);
  });

  test('a load balancer of our class gets its number, its ingress, and gives it back with its type', async () => {
    await world.cluster.rest.patch('/apis/nlbports.dev/v1alpha1/nlbportpools/game', 'merge', {
      spec: { default: true },
    });
    const spec = {
      type: 'LoadBalancer',
      loadBalancerClass: 'nlbports.dev/nlb',
      ports: [{ name: 'game', port: 30033, targetPort: 7777, protocol: 'TCP' }],
    };
    await world.cluster.rest.create(servicePath, service('balanced', {}, spec));
    const { status } = await eventually(async () => {
      const found = await read('balanced');
      assert.equal(readyOf(found)?.status, 'True', JSON.stringify(found.status));
      return found;
    }, 30_000);
    assert.deepEqual(status.loadBalancer.ingress, [
      { hostname: world.loadBalancers[0]!.dnsName, ports: [{ port: 30033, protocol: 'TCP' }] },
    ]);
    await askTcp({ ...address, port: 30033 });
    const change = { spec: { type: 'ClusterIP', loadBalancerClass: null } };
    await world.cluster.rest.patch(`${servicePath}/balanced`, 'merge', change);
    await isFree(30033);
    assert.equal(readyOf(await read('balanced'))?.reason, 'Released');
    assert.equal((await read('balanced')).metadata.annotations?.['nlbports.dev/endpoint'], undefined);
  });

  /** Waits for the reason of a Service's condition, and gives the Service. */
  const isReason = (name: string, reason: string) =>
    eventually(async () => {
      const found = await read(name);
      assert.equal(readyOf(found)?.reason, reason, JSON.stringify(found.status));
      return found;
    }, 30_000);
  const endpointsOf = ({ metadata }: AnyObject): AnyObject[] =>
    JSON.parse(metadata.annotations['nlbports.dev/endpoints']);
  const editPool = (spec: AnyObject) =>
    world.cluster.rest.patch('/apis/nlbports.dev/v1alpha1/nlbportpools/game', 'merge', { spec });
  const labels = { 'nlbports.dev/pool': 'game' };

  test('two ports of a Service are two listeners of one load balancer, and each leads to its pods', async () => {
    const ports = ['one', 'two'].map((name, at) => ({ name, port: 80 + at, targetPort: 7777, protocol: 'TCP' }));
    await world.cluster.rest.create(servicePath, service('several', labels, { ports }));
    const endpoints = endpointsOf(await isReason('several', 'Healthy'));
    assert.deepEqual(
      endpoints.map(({ name, host }) => [name, host]),
      ['one', 'two'].map(name => [name, world.loadBalancers[0]!.dnsName]),
    );
    assert.notEqual(endpoints[0]!.port, endpoints[1]!.port);
    for (const { port } of endpoints) assert.ok(kubelet.servers.has(await askTcp({ ...address, port })));
    await world.cluster.rest.remove(`${servicePath}/several`);
  });

  test("externalTrafficPolicy Local is refused where the client's address is lost, and served once it is kept", async () => {
    const spec = { type: 'LoadBalancer', loadBalancerClass: 'nlbports.dev/nlb', externalTrafficPolicy: 'Local' };
    const ports = [{ name: 'game', port: 30034, targetPort: 7777, protocol: 'TCP' }];
    await world.cluster.rest.create(servicePath, service('local', labels, { ...spec, ports }));
    const { status } = await isReason('local', 'ServiceNotSupported');
    assert.match(readyOf({ status })?.message, /^NLBP-\d+: .*externalTrafficPolicy is Local/);
    assert.deepEqual(status.loadBalancer, {});
    await editPool({ targets: { preserveClientIP: true } });
    await isReason('local', 'Healthy');
    assert.ok(kubelet.servers.has(await askTcp({ ...address, port: 30034 })));
    await world.cluster.rest.remove(`${servicePath}/local`);
    await editPool({ targets: { preserveClientIP: false } });
  });

  test('a Service without a selector is served by a hand-made slice where the pool allows it, at addresses of its pods alone', async () => {
    await world.cluster.rest.create(servicePath, service('by-hand', labels, { selector: null }));
    await isReason('by-hand', 'NoSelector');
    const [pod] = await world.cluster.rest.list('/api/v1/namespaces/default/pods?labelSelector=app%3Dweb');
    const { name, namespace, uid } = pod!.metadata;
    const targetRef = { kind: 'Pod', namespace, name, uid };
    await world.cluster.rest.create('/apis/discovery.k8s.io/v1/namespaces/default/endpointslices', {
      apiVersion: 'discovery.k8s.io/v1',
      kind: 'EndpointSlice',
      metadata: { name: 'by-hand-1', labels: { ...labels, 'kubernetes.io/service-name': 'by-hand' } },
      addressType: 'IPv4',
      endpoints: [
        { addresses: [pod!.status.podIP], targetRef },
        { addresses: ['10.99.99.99'], targetRef },
        { addresses: ['10.99.99.98'] },
      ],
      ports: [{ name: 'game', port: 7777, protocol: 'TCP' }],
    });
    await editPool({ access: { namespaces: ['*'], selectorlessServices: true } });
    const [endpoint] = endpointsOf(await isReason('by-hand', 'Healthy'));
    assert.equal(await askTcp({ ...address, port: endpoint!.port }), name);
    const [port] = (await world.ports()).filter(({ spec }) => spec.claim?.name === 'by-hand');
    assert.deepEqual(port!.spec.targets, [{ ip: pod!.status.podIP, port: 7777 }]);
    await eventually(async () => {
      const { items } = await world.cluster.rest.get('/apis/events.k8s.io/v1/namespaces/default/events');
      const said = items.filter(({ regarding }: AnyObject) => regarding.name === 'by-hand');
      assert.ok(said.some(({ reason }: AnyObject) => reason === 'AddressRefused'));
    }, 10_000);
    await world.cluster.rest.remove(`${servicePath}/by-hand`);
  });

  test('a Service that is deleted is not held up, and its port is free again', async () => {
    const [port] = (await world.ports()).filter(({ spec }) => spec.claim?.name === 'web');
    await world.cluster.rest.remove(`${servicePath}/web`);
    assert.equal(await world.cluster.rest.find(`${servicePath}/web`), undefined);
    await isFree(port!.spec.port);
    await eventually(async () => {
      const groups = await world.aws.targetGroups();
      assert.ok(groups.every(({ targets }) => targets.length === 0));
    }, 20_000);
  });

  const isFree = (number: number) =>
    eventually(async () => {
      const port = (await world.ports()).find(({ spec }) => spec.port === number);
      assert.equal(port?.spec.claim, undefined);
    }, 30_000);
});

/** How many targets each successful RegisterTargets call had since the log was reset. */
async function registrations(world: World): Promise<number[]> {
  const answer = await fetch(new URL('/_emulator/calls', world.emulator.endpoint));
  const { entries } = (await answer.json()) as {
    entries: { action: string; status: number; parameters: Record<string, string> }[];
  };
  return entries
    .filter(({ action, status }) => action === 'RegisterTargets' && status === 200)
    .map(({ parameters }) => (parameters.Targets ?? '').split(',').length);
}

function service(name: string, labels: object, spec: object = {}): AnyObject {
  return {
    apiVersion: 'v1',
    kind: 'Service',
    metadata: { name, labels },
    spec: { selector: { app: 'web' }, ports: [{ name: 'game', port: 7777, protocol: 'TCP' }], ...spec },
  };
}

function deployment(replicas: number): AnyObject {
  const labels = { app: 'web' };
  return {
    apiVersion: 'apps/v1',
    kind: 'Deployment',
    metadata: { name: 'web' },
    spec: {
      replicas,
      selector: { matchLabels: labels },
      template: {
        metadata: { labels },
        spec: {
          readinessGates: [{ conditionType: 'nlbports.dev/ready' }],
          containers: [{ name: 'web', image: 'web', ports: [{ containerPort: 7777 }] }],
        },
      },
    },
  };
}
