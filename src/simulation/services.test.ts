import assert from 'node:assert/strict';
import { test } from 'node:test';
import { boundAnnotation, endpointAnnotation, endpointsAnnotation, poolLabel, readyCondition } from '../api/names.ts';
import { nlbPorts, type Target } from '../api/port.ts';
import { createInformer } from '../kube/informer.ts';
import type { EndpointSlice, Service } from '../kube/objects.ts';
import { endpointSlices, namespaces, pods as podResource, services as serviceResource } from '../kube/resource.ts';
import type { WrittenOptions } from '../operator/options.ts';
import { silentLog } from '../runtime/log.ts';
import { seededRandom } from '../runtime/random.ts';
import { createEndpointSliceMaker } from '../sandbox/cluster/endpoint-slice-maker.ts';
import { assertAwsMatches } from './assert-settled.ts';
import { watchPromises } from './watch-promises.ts';
import { createWorld, type RoomOptions, type World, type WorldOptions } from './world.ts';

const quick = { targets: { deregistrationDelay: '0s' }, release: { on: 'Ended', quarantine: '2s' } };
const game = { name: 'game', port: 7777, protocol: 'UDP' };
const ofOurClass = { type: 'LoadBalancer', loadBalancerClass: 'nlbports.dev/nlb' };

async function running(
  options: WorldOptions = {},
  pool: Record<string, unknown> = {},
  written: WrittenOptions = {},
): Promise<World> {
  const world = await createWorld(options);
  const { clock, cluster } = world;
  const maker = createEndpointSliceMaker({
    clock,
    transport: cluster.transport,
    random: seededRandom(77),
    log: silentLog(),
  });
  const started = maker.start();
  await clock.advance(50);
  await started;
  const end = world.end;
  world.end = async () => {
    await maker.stop();
    await end();
  };
  world.startOperator(written);
  await world.pool('game', { ...quick, ...pool });
  return world;
}

/** A Service in front of the pods with the label `app` of its name. */
function service(world: World, name: string, spec: object = {}, labels: object = { [poolLabel]: 'game' }) {
  return world.kube.create(serviceResource, {
    metadata: { name, namespace: 'default', labels },
    spec: { selector: { app: name }, ports: [game], ...spec },
  } as Service);
}

const read = (world: World, name: string) => world.kube.get(serviceResource, { namespace: 'default', name });
const edit = (world: World, name: string, body: object) =>
  world.kube.patch(serviceResource, { namespace: 'default', name }, { type: 'merge', body });
const remove = (world: World, name: string) => world.kube.delete(serviceResource, { namespace: 'default', name });
const readyOf = (found: Service) => found.status?.conditions?.find(({ type }) => type === readyCondition);
const endpointOf = (found: Service) => found.metadata.annotations?.[endpointAnnotation];

/** A pod behind the Service `app`, without our label; ready unless told. Its address. */
async function pod(world: World, name: string, app: string, options: RoomOptions & { ready?: string } = {}) {
  const key = { namespace: 'default', name };
  await world.room(name, { ports: null, ...options });
  await world.kube.patch(podResource, key, {
    type: 'merge',
    body: { metadata: { labels: { [poolLabel]: null, app } } },
  });
  const status = options.ready ?? 'True';
  const conditions = [
    { type: 'ContainersReady', status: 'True' },
    { type: 'Ready', status },
  ];
  await world.kube.patch(
    podResource,
    key,
    { type: 'strategic', body: { status: { conditions } } },
    { subresource: 'status' },
  );
  return (await world.pod(name)).status?.podIP ?? '';
}

async function heldBy(world: World, name: string) {
  const held = (await world.ports()).filter(({ spec }) => spec.claim?.name === name && !spec.claim.releasedAt);
  return held.map(({ spec }) => spec.port);
}

async function targetsOf(world: World, name: string): Promise<Target[]> {
  return (await world.ports()).find(({ spec }) => spec.claim?.name === name)?.spec.targets ?? [];
}

const isServed = (world: World, name: string, ips: readonly string[]) =>
  world.eventually(async () => {
    assert.deepEqual((await targetsOf(world, name)).map(({ ip }) => ip).toSorted(), ips.toSorted());
    await assertAwsMatches(world, await world.ports());
    if (ips.length > 0) assert.equal(readyOf(await read(world, name))?.status, 'True');
  });

const isReason = (world: World, name: string, reason: string) =>
  world.eventually(async () => assert.equal(readyOf(await read(world, name))?.reason, reason));

test('a labelled Service gets a free port, and its ready pods behind it in one call', async () => {
  const world = await running();
  const ips = await Promise.all(['a', 'b', 'c'].map(name => pod(world, name, 'web')));
  await service(world, 'web');
  await isServed(world, 'web', ips);
  const found = await read(world, 'web');
  const { dnsName } = world.loadBalancers[0]!;
  assert.equal(endpointOf(found), `${dnsName}:30000`);
  assert.deepEqual(JSON.parse(found.metadata.annotations?.[endpointsAnnotation] ?? ''), [
    { name: 'game', protocol: 'UDP', host: dnsName, port: 30000, targetPort: 7777, state: 'Healthy' },
  ]);
  assert.match(found.metadata.annotations?.[boundAnnotation] ?? '', /^nlb-[0-9a-f]{16}-30000$/);
  assert.equal(found.status?.loadBalancer?.ingress, undefined);
  const registered = world.emulator.callLog.entries.filter(({ action }) => action === 'RegisterTargets');
  assert.equal(registered.length, 1);
  assert.ok(['a', 'b', 'c'].includes(await world.ask(endpointOf(found)!)));
  await world.end();
});

test('targets follow the pods to ten and to none and back, and the endpoint stays', async () => {
  const world = await running();
  const names = Array.from({ length: 10 }, (_, at) => `p${at}`);
  await service(world, 'web');
  await isReason(world, 'web', 'NoEndpoints');
  const endpoint = endpointOf(await read(world, 'web'));
  assert.ok(endpoint);
  const ips = [];
  for (const name of names) ips.push(await pod(world, name, 'web'));
  await isServed(world, 'web', ips);
  for (const name of names) await world.removeRoom(name);
  await isServed(world, 'web', []);
  await isReason(world, 'web', 'NoEndpoints');
  const ip = await pod(world, 'late', 'web');
  await isServed(world, 'web', [ip]);
  assert.equal(endpointOf(await read(world, 'web')), endpoint);
  assert.equal(await world.ask(endpoint), 'late');
  await world.end();
});

test('a load balancer of our class gets the number it names, and its status shows host and ports', async () => {
  const world = await running({}, { default: true });
  const ip = await pod(world, 'a', 'web');
  await service(world, 'web', { ...ofOurClass, ports: [{ ...game, port: 30007, targetPort: 7777 }] }, {});
  await isServed(world, 'web', [ip]);
  const { dnsName } = world.loadBalancers[0]!;
  const found = await read(world, 'web');
  assert.deepEqual(found.status?.loadBalancer?.ingress, [
    { hostname: dnsName, ports: [{ port: 30007, protocol: 'UDP' }] },
  ]);
  assert.equal(await world.ask(`${dnsName}:30007`), 'a');
  // Another number: the old one serves until the new one is committed, and is then released.
  await edit(world, 'web', { spec: { ports: [{ ...game, port: 30009, targetPort: 7777 }] } });
  await world.eventually(async () => {
    assert.deepEqual(await heldBy(world, 'web'), [30009]);
    assert.equal(endpointOf(await read(world, 'web')), `${dnsName}:30009`);
  });
  await isServed(world, 'web', [ip]);
  await world.eventually(async () => assert.equal((await world.port(30007)).spec.claim, undefined));
  await world.end();
});

test('several ports are had together or not at all, on one load balancer', async () => {
  const world = await running({ loadBalancers: ['one', 'two'] }, { ports: { min: 30000, max: 30002 } });
  await pod(world, 'a', 'web');
  for (const name of ['x', 'y']) await service(world, name);
  await world.eventually(async () => assert.equal((await heldBy(world, 'y')).length, 1));
  const ports = ['a', 'b', 'c'].map((name, at) => ({ ...game, name, port: 7000 + at, targetPort: 7777 }));
  await service(world, 'web', { ports });
  await world.eventually(async () => assert.equal((await heldBy(world, 'web')).length, 3));
  const held = (await world.ports()).filter(({ spec }) => spec.claim?.name === 'web');
  assert.deepEqual(new Set(held.map(({ spec }) => spec.loadBalancer.arn)).size, 1);
  await isReason(world, 'web', 'Healthy');
  const told = JSON.parse((await read(world, 'web')).metadata.annotations?.[endpointsAnnotation] ?? '[]');
  assert.deepEqual(
    told.map(({ name }: { name: string }) => name),
    ['a', 'b', 'c'],
  );
  // No second load balancer has three left: it waits whole, and one port is still given to others.
  await service(world, 'more', { ports });
  await isReason(world, 'more', 'PoolFull');
  assert.deepEqual(await heldBy(world, 'more'), []);
  await service(world, 'single');
  await world.eventually(async () => assert.equal((await heldBy(world, 'single')).length, 1));
  await world.end();
});

test('one number for TCP and UDP is one listener', async () => {
  const world = await running({}, { protocol: 'TCP_UDP', default: true });
  const ip = await pod(world, 'a', 'web');
  const both = ['TCP', 'UDP'].map(protocol => ({
    name: protocol.toLowerCase(),
    port: 30001,
    targetPort: 7777,
    protocol,
  }));
  await service(world, 'web', { ...ofOurClass, ports: both }, {});
  await isServed(world, 'web', [ip]);
  assert.deepEqual(await heldBy(world, 'web'), [30001]);
  const { ingress = [] } = (await read(world, 'web')).status?.loadBalancer ?? {};
  assert.deepEqual(
    ingress[0]?.ports?.map(({ port, protocol }) => `${port}/${protocol}`),
    ['30001/TCP', '30001/UDP'],
  );
  await world.end();
});

test('what a Service can not have is refused with its code, in the condition and an Event', async () => {
  const world = await running();
  const port = { ...game, port: 30001, targetPort: 7777 };
  const cases: [string, string, object, object?][] = [
    ['range', 'PortNotInRange', { ...ofOurClass, ports: [{ ...port, port: 31000 }] }],
    ['nopool', 'NoDefaultPool', { ...ofOurClass, ports: [port] }, {}],
    ['wrongpool', 'PoolNotFound', {}, { [poolLabel]: 'nowhere' }],
    ['affinity', 'ServiceNotSupported', { sessionAffinity: 'ClientIP' }],
    ['protocol', 'ProtocolNotInPool', { ports: [{ ...game, protocol: 'TCP' }] }],
    ['selector', 'NoSelector', { selector: {} }],
    ['external', 'ServiceNotSupported', { type: 'ExternalName', externalName: 'example.com' }],
    ['portless', 'ServicePorts', { clusterIP: 'None', ports: [] }],
  ];
  for (const [name, , spec, labels] of cases) await service(world, name, spec, labels);
  for (const [name, reason] of cases) {
    await isReason(world, name, reason);
    assert.match(readyOf(await read(world, name))?.message ?? '', /^NLBP-\d{4}: /);
    const [event] = await world.eventsOf('Service', name);
    assert.deepEqual([event?.reason, event?.type], [reason, 'Warning']);
    assert.deepEqual(await heldBy(world, name), []);
  }
  await world.end();
});

test('a number that another has is waited for', async () => {
  const world = await running();
  const spec = { ...ofOurClass, ports: [{ ...game, port: 30000, targetPort: 7777 }] };
  await service(world, 'first', spec);
  await isReason(world, 'first', 'NoEndpoints');
  await service(world, 'second', spec);
  await isReason(world, 'second', 'PortTaken');
  await remove(world, 'first');
  await isReason(world, 'second', 'NoEndpoints');
  assert.deepEqual(await heldBy(world, 'second'), [30000]);
  await world.end();
});

test('a load balancer that names a number that it can not have goes on with the one it has', async () => {
  const world = await running();
  const at = (number: number) => ({ ...ofOurClass, ports: [{ ...game, port: number, targetPort: 7777 }] });
  const ip = await pod(world, 'a', 'web');
  await service(world, 'web', at(30001));
  await isServed(world, 'web', [ip]);
  const endpoint = endpointOf(await read(world, 'web'));
  await service(world, 'other', at(30002));
  await isReason(world, 'other', 'NoEndpoints');
  for (const [number, reason] of [
    [39999, 'PortNotInRange'],
    [30002, 'PortTaken'],
  ] as const) {
    await edit(world, 'web', { spec: at(number) });
    await isReason(world, 'web', reason);
    await world.clock.advance(10_000);
    const found = await read(world, 'web');
    assert.deepEqual([endpointOf(found), found.status?.loadBalancer?.ingress?.length], [endpoint, 1]);
    assert.equal(await world.ask(endpoint!), 'a');
  }
  await remove(world, 'other');
  await world.eventually(async () => assert.deepEqual(await heldBy(world, 'web'), [30002]));
  await isServed(world, 'web', [ip]);
  await world.end();
});

test('a Service that waits for a number gets another one as soon as it names that', async () => {
  const world = await running();
  const at = (number: number) => ({ ...ofOurClass, ports: [{ ...game, port: number, targetPort: 7777 }] });
  await service(world, 'first', at(30000));
  await isReason(world, 'first', 'NoEndpoints');
  await service(world, 'second', at(30000));
  await isReason(world, 'second', 'PortTaken');
  await world.clock.advance(20_000);
  await edit(world, 'second', { spec: at(30001) });
  await world.eventually(async () => assert.deepEqual(await heldBy(world, 'second'), [30001]), 2_000);
  await world.end();
});

test('a Service that is deleted, loses its label, its type or its pool gives its ports back', async () => {
  const world = await running();
  await world.pool('other', { ...quick, ports: { min: 31000, max: 31009 } });
  await service(world, 'deleted');
  await service(world, 'unlabelled');
  await service(world, 'moved');
  await service(world, 'typed', { ...ofOurClass, ports: [{ ...game, port: 30040, targetPort: 7777 }] });
  await edit(world, 'typed', { metadata: { labels: { [poolLabel]: 'game' } } });
  for (const name of ['deleted', 'unlabelled', 'moved', 'typed']) await isReason(world, name, 'NoEndpoints');
  await remove(world, 'deleted');
  await edit(world, 'unlabelled', { metadata: { labels: { [poolLabel]: null } } });
  await edit(world, 'moved', { metadata: { labels: { [poolLabel]: 'other' } } });
  await edit(world, 'typed', {
    metadata: { labels: { [poolLabel]: null } },
    spec: { type: 'ClusterIP', loadBalancerClass: null },
  });
  await world.eventually(async () => {
    for (const name of ['deleted', 'unlabelled', 'typed']) assert.deepEqual(await heldBy(world, name), []);
    const [moved = 0] = await heldBy(world, 'moved');
    assert.ok(moved >= 31000);
  });
  assert.equal(endpointOf(await read(world, 'unlabelled')), undefined);
  assert.equal(readyOf(await read(world, 'typed'))?.reason, 'Released');
  await world.eventually(async () => {
    const ports = await world.ports();
    assert.equal(ports.filter(({ spec }) => spec.claim).length, 1);
    await assertAwsMatches(world, ports);
  });
  await world.end();
});

test('a Service that more pods have left than can be written down still gets its new ones registered', async () => {
  const world = await running({}, { release: { on: 'Ended', quarantine: '1h' } });
  const ip = await pod(world, 'a', 'web');
  await service(world, 'web');
  await isServed(world, 'web', [ip]);
  const port = await world.port(30000);
  const since = new Date(world.clock.nowMs()).toISOString();
  const left = Array.from({ length: 1_999 }, (_, at) => {
    return { ip: `10.9.${at >> 8}.${at & 255}`, port: 7777, state: 'Draining' as const, since };
  });
  const status = { ...port.status, targets: [...(port.status?.targets ?? []), ...left] };
  await world.kube.update(nlbPorts, { ...port, status }, { subresource: 'status' });
  const next = await pod(world, 'b', 'web');
  await world.removeRoom('a');
  await isServed(world, 'web', [next]);
  assert.equal((await world.port(30000)).status?.targets?.length, 2_000);
  await world.end();
});

test('a pod that ends leaves the targets; one that still serves is kept only while nobody else is ready', async () => {
  const world = await running();
  const spec = { nodeName: 'node-1' } as never;
  const a = await pod(world, 'a', 'web', { spec });
  const b = await pod(world, 'b', 'web', { spec });
  await service(world, 'web');
  await isServed(world, 'web', [a, b]);
  await world.kube.delete(podResource, { namespace: 'default', name: 'a' });
  await isServed(world, 'web', [b]);
  await world.kube.delete(podResource, { namespace: 'default', name: 'b' });
  await world.clock.advance(5_000);
  assert.deepEqual((await targetsOf(world, 'web')).map(({ ip }) => ip).toSorted(), [a, b].toSorted());
  const c = await pod(world, 'c', 'web');
  await isServed(world, 'web', [c]);
  await world.end();
});

test('a pod that lacks only our own gate is a target, one that lacks another is not', async () => {
  const world = await running();
  const gates = (...types: string[]) => ({ readinessGates: types.map(conditionType => ({ conditionType })) });
  const ours = await pod(world, 'ours', 'web', { ready: 'False', spec: gates(readyCondition) });
  await pod(world, 'both', 'web', { ready: 'False', spec: gates(readyCondition, 'example.com/gate') });
  await pod(world, 'none', 'web', { ready: 'False' });
  await service(world, 'web');
  await isServed(world, 'web', [ours]);
  await world.end();
});

test('the gate of each pod behind a Service opens when its own target was healthy for the settle time', async () => {
  const world = await running({}, { readiness: { settle: '20s' } });
  const gates = { readinessGates: [{ conditionType: readyCondition }] };
  const isOpen = async (name: string) =>
    (await world.pod(name)).status?.conditions?.find(({ type }) => type === readyCondition)?.status;
  await service(world, 'web');
  const startMs = world.clock.nowMs();
  await pod(world, 'good', 'web', { ready: 'False', spec: gates });
  // Nobody listens behind it: its health check fails, and it keeps no other from its gate.
  const bad = { name: 'bad', namespace: 'default' };
  await pod(world, 'bad', 'web', { ready: 'False', spec: gates, ip: null });
  const status = { phase: 'Running', podIP: '10.9.9.9', podIPs: [{ ip: '10.9.9.9' }] };
  await world.kube.patch(podResource, bad, { type: 'merge', body: { status } }, { subresource: 'status' });
  await world.eventually(async () => assert.equal((await targetsOf(world, 'web')).length, 2));
  await world.eventually(async () => assert.equal(await isOpen('good'), 'True'), 120_000);
  assert.ok(world.clock.nowMs() - startMs >= 20_000, 'not before the settle time is over');
  await world.clock.advance(60_000);
  assert.equal(await isOpen('bad'), undefined);
  await world.end();
});

test('a pod whose gate may not be written keeps nobody else waiting, and the Service is told of it once', async () => {
  for (const status of [403, 422, 500]) {
    const world = await running();
    const spec = { readinessGates: [{ conditionType: readyCondition }] };
    for (const name of ['a', 'b']) await pod(world, name, 'web', { ready: 'False', spec });
    const isOpen = async (name: string) =>
      (await world.pod(name)).status?.conditions?.find(({ type }) => type === readyCondition)?.status === 'True';
    world.kubeFaults.set([{ kind: 'error', status, methods: ['PATCH'], contains: '/pods/a/status' }]);
    await service(world, 'web');
    await isReason(world, 'web', 'Healthy');
    await world.eventually(async () => assert.ok(await isOpen('b'), `${status}`));
    await world.clock.advance(120_000);
    const told = (await world.eventsOf('Service', 'web')).filter(({ reason }) => reason === 'ReadinessGateRefused');
    assert.deepEqual([told.length, told[0]?.type, told[0]?.series], [1, 'Warning', undefined]);
    assert.match(told[0]?.note ?? '', /^NLBP-1108: Cannot open the readiness gate of pod "a"/);
    world.kubeFaults.set([]);
    await world.eventually(async () => assert.ok(await isOpen('a'), `${status}`), 60_000);
    await world.end();
  }
});

test('a Service of which one pod fails its health check is Healthy, and says how many are', async () => {
  const world = await running();
  await service(world, 'web');
  for (const name of ['a', 'b']) await pod(world, name, 'web');
  // Nobody listens behind it.
  await world.kube.create(podResource, {
    metadata: { name: 'bad', namespace: 'default', labels: { app: 'web' } },
    spec: { containers: [{ name: 'game', image: 'game' }] } as never,
  });
  const conditions = [{ type: 'Ready', status: 'True' }];
  const status = { phase: 'Running', podIP: '10.9.9.9', podIPs: [{ ip: '10.9.9.9' }], conditions };
  const key = { name: 'bad', namespace: 'default' };
  await world.kube.patch(podResource, key, { type: 'merge', body: { status } }, { subresource: 'status' });
  const ready = await world.eventually(async () => {
    const found = readyOf(await read(world, 'web'));
    assert.match(found?.message ?? '', /10\.9\.9\.9:7777 fails/);
    return found;
  }, 120_000);
  assert.deepEqual([ready?.status, ready?.reason], ['True', 'Healthy']);
  assert.match(ready?.message ?? '', /^Reachable at \S+:30000; 2 of 3 targets healthy: /);
  for (const name of ['a', 'b']) await world.removeRoom(name);
  await isReason(world, 'web', 'TargetUnhealthy');
  assert.equal(readyOf(await read(world, 'web'))?.status, 'False');
  await world.end();
});

test('publishNotReadyAddresses makes targets of pods that are not ready, and a name the number of each pod', async () => {
  const world = await running();
  const named = (containerPort: number) => ({
    containers: [{ name: 'game', image: 'game', ports: [{ name: 'play', containerPort, protocol: 'UDP' }] }],
  });
  const a = await pod(world, 'a', 'web', { ready: 'False', spec: named(7777) });
  const b = await pod(world, 'b', 'web', { ready: 'False', spec: named(8888) });
  await service(world, 'web', {
    publishNotReadyAddresses: true,
    clusterIP: 'None',
    ports: [{ ...game, targetPort: 'play' }],
  });
  await world.eventually(async () =>
    assert.deepEqual(await targetsOf(world, 'web'), [
      { ip: a, port: 7777 },
      { ip: b, port: 8888 },
    ]),
  );
  await world.end();
});

/** A slice that a person wrote. */
function slice(name: string, endpoints: EndpointSlice['endpoints']): EndpointSlice {
  return {
    metadata: {
      name: `${name}-by-hand`,
      namespace: 'default',
      labels: { 'kubernetes.io/service-name': name, [poolLabel]: 'game' },
    },
    addressType: 'IPv4',
    endpoints: endpoints ?? [],
    ports: [{ name: 'game', protocol: 'UDP', port: 7777 }],
  };
}

test('a hand-made slice exposes nothing but the address of the live pod that it names', async () => {
  const world = await running({}, { access: { namespaces: ['*'], selectorlessServices: true } });
  const own = await pod(world, 'own', 'elsewhere');
  await service(world, 'web', { selector: null });
  const ref = (name: string) => ({ kind: 'Pod', namespace: 'default', name });
  await world.kube.create(
    endpointSlices,
    slice('web', [
      { addresses: ['10.9.9.9'] },
      { addresses: ['10.9.9.8'], targetRef: ref('own') },
      { addresses: [own], targetRef: ref('own') },
      { addresses: ['10.9.9.7'], targetRef: ref('nobody') },
    ]),
  );
  await isServed(world, 'web', [own]);
  await world.eventually(async () =>
    assert.ok((await world.eventsOf('Service', 'web')).some(({ reason }) => reason === 'AddressRefused')),
  );
  // No slice changes when its pod goes: the next look finds it gone.
  await world.removeRoom('own');
  await world.eventually(async () => assert.deepEqual(await targetsOf(world, 'web'), []), 30_000);
  await isReason(world, 'web', 'AddressRefused');
  await world.end();
});

test('slices that lost their label are looked for before the last target goes', async () => {
  const world = await running();
  const ip = await pod(world, 'a', 'web');
  await service(world, 'web', ofOurClass, { [poolLabel]: 'game' });
  await edit(world, 'web', { spec: { ports: [{ ...game, port: 30000, targetPort: 7777 }] } });
  await isServed(world, 'web', [ip]);
  const { items } = await world.kube.list(endpointSlices, { namespace: 'default' });
  world.cluster.cutWatches();
  for (const { metadata } of items) {
    await world.kube.patch(
      endpointSlices,
      { namespace: 'default', name: metadata.name },
      { type: 'merge', body: { metadata: { labels: { [poolLabel]: null } } } },
    );
  }
  await world.clock.advance(3_000);
  assert.deepEqual(
    (await targetsOf(world, 'web')).map(target => target.ip),
    [ip],
  );
  await world.end();
});

test('a claim of a Service that is gone is swept, and one of a kind that is not ours is left alone', async () => {
  const world = await running();
  await world.eventually(async () => assert.equal((await world.ports()).length, 50));
  const claim = (kind: string, number: number, name: string) =>
    world.port(number).then(port =>
      world.kube.patch(
        nlbPorts,
        { name: port.metadata.name },
        {
          type: 'merge',
          body: { spec: { claim: { kind, namespace: 'default', name, uid: 'of-nobody', exposed: true } } },
        },
      ),
    );
  await claim('Service', 30010, 'ghost');
  await claim('Squad', 30011, 'guest');
  await world.eventually(async () => assert.ok((await world.port(30010)).spec.claim?.releasedAt));
  await world.clock.advance(60_000);
  assert.equal((await world.port(30011)).spec.claim?.releasedAt, undefined);
  await world.end();
});

test('a Service made anew within the time of retention gets the same numbers, by label and by number', async () => {
  const world = await running({}, { ...quick, release: { on: 'Ended', quarantine: '5m', retain: '10m' } });
  const byNumber = { ...ofOurClass, ports: [{ ...game, port: 30020, targetPort: 7777 }] };
  await service(world, 'first');
  await service(world, 'web');
  await service(world, 'fixed', byNumber);
  for (const name of ['web', 'fixed']) await isReason(world, name, 'NoEndpoints');
  const [number] = await heldBy(world, 'web');
  for (const name of ['web', 'fixed']) await remove(world, name);
  await world.eventually(async () => assert.deepEqual(await heldBy(world, 'web'), []));
  await service(world, 'third');
  await service(world, 'web');
  await service(world, 'fixed', byNumber);
  for (const name of ['third', 'web', 'fixed']) await isReason(world, name, 'NoEndpoints');
  assert.deepEqual([await heldBy(world, 'web'), await heldBy(world, 'fixed')], [[number], [30020]]);
  await world.end();
});

test('a set of ports that was bound in part when the operator died is given back, and had whole', async () => {
  const ports = ['a', 'b', 'c'].map((name, at) => ({ ...game, name, port: 7000 + at, targetPort: 7777 }));
  for (let dieAt = 1; dieAt <= 40; dieAt += 3) {
    const world = await createWorld({ seed: dieAt });
    const first = world.startOperator();
    await world.pool('game', quick);
    await world.eventually(async () => assert.equal((await world.ports()).length, 50));
    await first.stop();
    let writes = 0;
    world.startOperator(
      {},
      { fault: io => (io.side === 'kubernetes' && io.mutating && ++writes === dieAt ? 'dies after' : undefined) },
    );
    await service(world, 'web', { ports });
    await world.clock.advance(5_000);
    world.startOperator();
    await world.eventually(async () => {
      const held = (await world.ports()).filter(({ spec }) => spec.claim);
      assert.deepEqual(held.map(({ spec }) => spec.claim?.portName).toSorted(), ['a', 'b', 'c'], `died at ${dieAt}`);
      const names = held.map(({ metadata }) => metadata.name).toSorted();
      const { annotations = {} } = (await read(world, 'web')).metadata;
      assert.deepEqual(annotations[boundAnnotation]?.split(',').toSorted(), names);
      assert.equal(JSON.parse(annotations[endpointsAnnotation] ?? '[]').length, 3);
      await assertAwsMatches(world, await world.ports());
    }, 60_000);
    await world.end();
  }
});

test('an edited list of ports is followed, and no partial set is ever committed', async () => {
  const world = await running();
  const port = (name: string, at: number) => ({ ...game, name, port: 7000 + at, targetPort: 7777 });
  await service(world, 'web', { ports: [port('a', 0), port('b', 1)] });
  await isReason(world, 'web', 'NoEndpoints');
  const told = async () =>
    JSON.parse((await read(world, 'web')).metadata.annotations?.[endpointsAnnotation] ?? '[]').map(
      (entry: { name: string; port: number }) => `${entry.name} ${entry.port}`,
    );
  assert.deepEqual(await told(), ['a 30000', 'b 30001']);
  await edit(world, 'web', { spec: { ports: [port('b', 1), port('c', 2)] } });
  await world.eventually(async () => assert.deepEqual(await told(), ['b 30001', 'c 30002']));
  await world.eventually(async () => assert.equal((await heldBy(world, 'web')).length, 2));
  await world.end();
});

test('a number that gets another name is served under it, beside a number bound under the former one', async () => {
  const world = await running();
  const port = (name: string, at: number) => ({ ...game, name, port: at, targetPort: 7777 });
  await service(world, 'web', { ...ofOurClass, ports: [port('game', 30001), port('voice', 30002)] });
  await isReason(world, 'web', 'NoEndpoints');
  const told = async () =>
    JSON.parse((await read(world, 'web')).metadata.annotations?.[endpointsAnnotation] ?? '[]').map(
      (entry: { name: string; port: number }) => `${entry.name} ${entry.port}`,
    );
  await edit(world, 'web', { spec: { ports: [port('game', 30000), port('voice', 30001)] } });
  await world.eventually(async () => assert.deepEqual(await told(), ['game 30000', 'voice 30001']));
  await world.eventually(async () => assert.deepEqual(await heldBy(world, 'web'), [30000, 30001]));
  await edit(world, 'web', { spec: { ports: [port('voice', 30000)] } });
  await world.eventually(async () => assert.deepEqual(await told(), ['voice 30000']));
  await world.eventually(async () => assert.deepEqual(await heldBy(world, 'web'), [30000]));
  await world.end();
});

test('numbers that a Service names no more serve as what they were last told to be, while it waits for others and writes nothing', async () => {
  const world = await running();
  const both = (first: number) => [
    { ...game, name: 'game', port: first, targetPort: 7777 },
    { ...game, name: 'voice', port: first + 1, targetPort: 7778 },
  ];
  const ip = await pod(world, 'a', 'web');
  // Healthy on both, so that only what it waits for keeps it from being ready.
  await world.network.listenTcp({ host: ip, port: 7778 }, connection => connection.end());
  await service(world, 'web', { ...ofOurClass, ports: both(30001) });
  await world.eventually(async () => assert.deepEqual(await heldBy(world, 'web'), [30001, 30002]));
  await edit(world, 'web', { spec: { ports: both(30000) } });
  await world.eventually(async () => assert.deepEqual(await heldBy(world, 'web'), [30000, 30001]));
  await service(world, 'other', { ...ofOurClass, ports: both(30003) });
  await isReason(world, 'other', 'NoEndpoints');
  await edit(world, 'web', { spec: { ports: both(30003) } });
  await isReason(world, 'web', 'PortTaken');
  await world.clock.advance(10_000);
  const before = world.trace.lines.length;
  await world.clock.advance(30_000);
  const writes = world.trace.lines.slice(before).filter(line => / PATCH .*\/nlbports\//.test(line));
  assert.deepEqual(writes, []);
  const sentTo = async (number: number) => (await world.port(number)).spec.targets?.map(({ port }) => port);
  assert.deepEqual([await sentTo(30000), await sentTo(30001)], [[7777], [7778]]);
  await remove(world, 'other');
  await world.eventually(async () => assert.deepEqual(await heldBy(world, 'web'), [30003, 30004]));
  await world.end();
});

test('a port is added to an unnamed one, which gets a name by that, and the unnamed goes on under it', async () => {
  const world = await running({}, { ports: { min: 30000, max: 30001 } });
  const { name: _, ...unnamed } = game;
  const voice = { ...game, name: 'voice', port: 7778, targetPort: 7777 };
  const ip = await pod(world, 'a', 'web');
  await service(world, 'web', { ports: [unnamed] });
  await isServed(world, 'web', [ip]);
  const endpoint = endpointOf(await read(world, 'web'))!;
  await edit(world, 'web', { spec: { ports: [game, voice] } });
  await world.eventually(async () => assert.deepEqual(await heldBy(world, 'web'), [30000, 30001]));
  await isServed(world, 'web', [ip]);
  const found = await read(world, 'web');
  assert.deepEqual([endpointOf(found), await world.ask(endpoint)], [endpoint, 'a']);
  const told = JSON.parse(found.metadata.annotations?.[endpointsAnnotation] ?? '[]') as {
    name: string;
    port: number;
  }[];
  assert.deepEqual(
    told.map(({ name, port }) => `${name} ${port}`),
    ['game 30000', 'voice 30001'],
  );
  await world.end();
});

test('a port that is renamed where there is no other goes on under its new name, and stays there when there is', async () => {
  const full = { ports: { min: 30000, max: 30001 } };
  for (const more of [full, { access: { namespaces: ['*'], quotaPerNamespace: 2 } }]) {
    const world = await running({}, more);
    const told = async () =>
      JSON.parse((await read(world, 'web')).metadata.annotations?.[endpointsAnnotation] ?? '[]').map(
        (entry: { name: string; port: number; targetPort: number }) =>
          `${entry.name} ${entry.port} ${entry.targetPort}`,
      );
    const renamed = { ...game, name: 'renamed' };
    const voice = { ...game, name: 'voice', port: 7778, targetPort: 7778 };
    const ip = await pod(world, 'a', 'web');
    await service(world, 'web');
    await isServed(world, 'web', [ip]);
    await service(world, 'other');
    await isReason(world, 'other', 'NoEndpoints');
    const endpoint = endpointOf(await read(world, 'web'))!;
    await edit(world, 'web', { spec: { ports: [voice, renamed] } });
    await world.eventually(async () => assert.deepEqual(await told(), ['renamed 30000 7777']));
    await isReason(world, 'web', more === full ? 'PortTaken' : 'QuotaExceeded');
    assert.equal(await world.ask(endpoint), 'a');
    await remove(world, 'other');
    await world.eventually(async () => assert.match((await told()).join(), /^voice 3000[12] 7778,renamed 30000 7777$/));
    assert.equal(await world.ask(endpoint), 'a');
    await edit(world, 'web', { spec: { ports: [renamed] } });
    await world.clock.advance(60_000);
    assert.deepEqual([await told(), await heldBy(world, 'web')], [['renamed 30000 7777'], [30000]]);
    await isServed(world, 'web', [ip]);
    await world.end();
  }
});

test('a load balancer that names another name and a number that it can not have goes on with its pods behind it', async () => {
  const world = await running();
  const at = (name: string, number: number) => ({
    ...ofOurClass,
    ports: [{ ...game, name, port: number, targetPort: 7777 }],
  });
  await pod(world, 'a', 'web');
  await service(world, 'web', at('game', 30001));
  await isReason(world, 'web', 'Healthy');
  await service(world, 'other', at('game', 30002));
  await isReason(world, 'other', 'NoEndpoints');
  const endpoint = endpointOf(await read(world, 'web'))!;
  await edit(world, 'web', { spec: at('renamed', 30002) });
  await isReason(world, 'web', 'PortTaken');
  const next = await pod(world, 'b', 'web');
  await world.removeRoom('a');
  await world.eventually(async () =>
    assert.deepEqual(
      (await targetsOf(world, 'web')).map(({ ip }) => ip),
      [next],
    ),
  );
  await world.eventually(async () => assert.equal(await world.ask(endpoint), 'b'));
  await world.end();
});

test('a Service of IPv6 that names another number stays on the load balancer that can send to it', async () => {
  const world = await running({ loadBalancers: ['one'] });
  await world.addLoadBalancer('two', { IpAddressType: 'dualstack', EnablePrefixForIpv6SourceNat: 'on' });
  await world.editPool('game', { loadBalancers: world.loadBalancers.map(({ arn }) => ({ arn })) });
  await world.clock.advance(5_000);
  const at = (number: number) => ({ ...ofOurClass, ports: [{ ...game, port: number, targetPort: 7777 }] });
  await pod(world, 'a', 'web', { ip: 'fd00::8' });
  await service(world, 'web', { ...at(30001), ipFamilies: ['IPv6'] });
  await isReason(world, 'web', 'Healthy');
  await edit(world, 'web', { spec: at(30002) });
  const { dnsName } = world.loadBalancers[1]!;
  await world.eventually(async () => assert.equal(endpointOf(await read(world, 'web')), `${dnsName}:30002`));
  await isReason(world, 'web', 'Healthy');
  await world.end();
});

test('a Service that names another number stays on its load balancer where that is free there, else moves', async () => {
  const world = await running({ loadBalancers: ['one', 'two'] });
  const at = (number: number) => ({ ...ofOurClass, ports: [{ ...game, port: number, targetPort: 7777 }] });
  const [one, two] = world.loadBalancers.map(({ dnsName }) => dnsName);
  const isAt = (name: string, endpoint: string) =>
    world.eventually(async () => assert.equal(endpointOf(await read(world, name)), endpoint));
  await service(world, 'first', at(30001));
  await isAt('first', `${one}:30001`);
  await service(world, 'web', at(30001));
  await isAt('web', `${two}:30001`);
  await edit(world, 'web', { spec: at(30002) });
  await isAt('web', `${two}:30002`);
  await edit(world, 'first', { spec: at(30002) });
  await isAt('first', `${one}:30002`);
  await service(world, 'third', at(30003));
  await edit(world, 'web', { spec: at(30003) });
  await isAt('web', `${two}:30003`);
  await edit(world, 'first', { spec: at(30003) });
  await isReason(world, 'first', 'PortTaken');
  await world.end();
});

test('a number that is kept for the Service that gave it up is had by it again, and by nobody else', async () => {
  const world = await running({}, { release: { on: 'Ended', quarantine: '5m', retain: '2h' } });
  const at = (number: number) => ({ ...ofOurClass, ports: [{ ...game, port: number, targetPort: 7777 }] });
  const ip = await pod(world, 'a', 'web');
  await service(world, 'web', at(30001));
  await isServed(world, 'web', [ip]);
  await edit(world, 'web', { spec: at(30002) });
  await world.eventually(async () => assert.deepEqual(await heldBy(world, 'web'), [30002]));
  await service(world, 'other', at(30003));
  await isReason(world, 'other', 'NoEndpoints');
  await edit(world, 'other', { spec: at(30001) });
  await isReason(world, 'other', 'PortTaken');
  await edit(world, 'web', { spec: at(30001) });
  await world.eventually(async () => assert.deepEqual(await heldBy(world, 'web'), [30001]));
  await world.eventually(async () => assert.equal(readyOf(await read(world, 'web'))?.status, 'True'));
  const endpoint = endpointOf(await read(world, 'web'));
  assert.equal(endpoint, `${world.loadBalancers[0]!.dnsName}:30001`);
  assert.equal(await world.ask(endpoint), 'a');
  await world.end();
});

test('a Service at its quota has another number in place of the one it has, and no more than that', async () => {
  const world = await running({}, { access: { namespaces: ['*'], quotaPerNamespace: 1 } });
  const at = (number: number) => ({ ...game, name: `n${number}`, port: number, targetPort: 7777 });
  await service(world, 'web', { ...ofOurClass, ports: [at(30001)] });
  await isReason(world, 'web', 'NoEndpoints');
  await edit(world, 'web', { spec: { ports: [at(30002)] } });
  await world.eventually(async () => assert.deepEqual(await heldBy(world, 'web'), [30002]));
  await edit(world, 'web', { spec: { ports: [at(30001), at(30003)] } });
  await isReason(world, 'web', 'QuotaExceeded');
  await world.clock.advance(10_000);
  assert.deepEqual(await heldBy(world, 'web'), [30002]);
  await world.end();
});

test('what people write on a Service or do to its ports by hand is undone, and its endpoint stays', async () => {
  const world = await running();
  const ip = await pod(world, 'a', 'web');
  await service(world, 'web');
  await isServed(world, 'web', [ip]);
  const before = await read(world, 'web');
  const annotate = (annotations: object) => edit(world, 'web', { metadata: { annotations } });
  const isAsBefore = () =>
    world.eventually(async () => {
      const { annotations } = (await read(world, 'web')).metadata;
      assert.deepEqual(annotations, before.metadata.annotations);
      assert.deepEqual(await heldBy(world, 'web'), [30000]);
      await assertAwsMatches(world, await world.ports());
    }, 60_000);
  for (const wrong of [
    null,
    'nonsense',
    `${before.metadata.annotations?.[boundAnnotation]?.replace('30000', '30007')}`,
  ]) {
    await annotate({ [boundAnnotation]: wrong });
    await isAsBefore();
  }
  await annotate({ [endpointAnnotation]: 'evil.example.com:1', [endpointsAnnotation]: null });
  await isAsBefore();
  // Deleting the object of a bound port does nothing before its claim is over.
  await world.kube.delete(nlbPorts, { name: (await world.port(30000)).metadata.name });
  await world.clock.advance(30_000);
  assert.equal(endpointOf(await read(world, 'web')), endpointOf(before));
  assert.equal(await world.ask(endpointOf(before)!), 'a');
  await world.end();
});

/** Collects every set of ports, committed or published on any change of a Service, that is not whole or not on one load balancer. */
async function watchSets(world: World, counts: Record<string, number[]>) {
  const broken: string[] = [];
  const stop = new AbortController();
  const { clock, cluster } = world;
  const deps = { transport: cluster.transport, clock, random: seededRandom(5), log: silentLog() };
  const services = createInformer<Service>({ ...deps, resource: serviceResource });
  services.onChange(({ object }) => {
    const { name = '', annotations = {} } = object?.metadata ?? {};
    const bound = annotations[boundAnnotation]?.split(',') ?? [];
    const published = JSON.parse(annotations[endpointsAnnotation] ?? '[]') as { host: string }[];
    for (const set of [bound.map(port => port.replace(/-\d+$/, '')), published.map(({ host }) => host)]) {
      const isWhole = set.length === 0 || (counts[name]?.includes(set.length) && new Set(set).size === 1);
      if (!isWhole) broken.push(`${name} has ${set.join()}`);
    }
  });
  const started = services.start(stop.signal);
  await clock.advance(50);
  await started;
  return { broken, stop: () => stop.abort() };
}

test('requests that get lost, come late or come twice leave each Service with exactly its ports', async () => {
  for (let seed = 1; seed <= 3; seed++) {
    const world = await createWorld({ seed, loadBalancers: ['one', 'two'] });
    const random = seededRandom(seed);
    const maker = createEndpointSliceMaker({
      clock: world.clock,
      transport: world.cluster.transport,
      random: seededRandom(seed + 100),
      log: silentLog(),
    });
    const started = maker.start();
    await world.clock.advance(50);
    await started;
    const kinds = ['unsent', 'unanswered', 'doubled'] as const;
    let isCalm = false;
    const fault = () => {
      if (isCalm || random.next() > 0.1) return undefined;
      return kinds[Math.floor(random.next() * kinds.length)];
    };
    const promises = await watchPromises(world);
    const partial = await watchSets(world, { a: [1], b: [2], c: [3], d: [1, 3], e: [2], f: [3] });
    // Two at once: the swap alone keeps them apart.
    for (let at = 0; at < 2; at++) world.startOperator({}, { fault });
    await world.pool('game', { ...quick, ports: { min: 30000, max: 30011 } });
    const ports = (count: number) =>
      Array.from({ length: count }, (_, at) => ({ ...game, name: `p${at}`, port: 7000 + at, targetPort: 7777 }));
    const names = ['a', 'b', 'c', 'd', 'e', 'f'];
    for (const [at, name] of names.entries()) {
      await service(world, name, { ports: ports(1 + (at % 3)) });
      await pod(world, `${name}-1`, name);
    }
    await world.clock.advance(20_000);
    await remove(world, 'b');
    await edit(world, 'd', { spec: { ports: ports(3) } });
    await edit(world, 'f', { metadata: { labels: { [poolLabel]: null } } });
    await world.clock.advance(20_000);
    isCalm = true;
    await world.eventually(async () => {
      const all = await world.ports();
      const held = Map.groupBy(
        all.filter(({ spec }) => spec.claim),
        ({ spec }) => spec.claim?.name ?? '',
      );
      const counts = Object.fromEntries([...held].map(([name, list]) => [name, list.length]));
      assert.deepEqual(counts, { a: 1, c: 3, d: 3, e: 2 }, `seed ${seed}`);
      for (const [name, list] of held) {
        assert.equal(new Set(list.map(({ spec }) => spec.loadBalancer.arn)).size, 1, name);
        const { annotations = {} } = (await read(world, name)).metadata;
        const committed = annotations[boundAnnotation]?.split(',').toSorted();
        assert.deepEqual(committed, list.map(({ metadata }) => metadata.name).toSorted(), name);
        for (const { spec } of list) assert.equal(spec.targets?.length, 1, name);
      }
      await assertAwsMatches(world, all);
    }, 300_000);
    assert.deepEqual(promises.broken, [], `seed ${seed}`);
    assert.deepEqual(partial.broken, [], `seed ${seed}`);
    promises.stop();
    partial.stop();
    await maker.stop();
    await world.end();
  }
});

test('an API server without WatchList is listed, and Services and rooms are served all the same', async () => {
  const world = await running({}, {}, { 'leader-elect': 'true' });
  world.kubeFaults.set([{ kind: 'error', contains: 'sendInitialEvents=true', status: 400 }]);
  await world.kube.create(namespaces, { metadata: { name: 'nlbports-system' } });
  await service(world, 'voice');
  await pod(world, 'voice-1', 'voice');
  await world.room('room-1');
  await world.eventually(async () => {
    assert.equal(await world.ask(endpointOf(await read(world, 'voice')) ?? ''), 'voice-1');
    assert.equal(await world.ask(world.endpointOf(await world.pod('room-1')) ?? ''), 'room-1');
  }, 60_000);
  // Pods, Services, slices, pools, ports and the Lease.
  assert.ok((world.kubeFaults.list()[0]?.struck ?? 0) >= 6);
  await world.end();
});

test('a target is in AWS that was wanted again before anybody knew whether it had been deregistered', async () => {
  const world = await running();
  const ips = [await pod(world, 'a', 'web'), await pod(world, 'b', 'web')];
  const setReady = (status: string) => {
    const conditions = ['ContainersReady', 'Ready'].map(type => ({ type, status }));
    const key = { namespace: 'default', name: 'a' };
    return world.kube.patch(
      podResource,
      key,
      { type: 'strategic', body: { status: { conditions } } },
      { subresource: 'status' },
    );
  };
  await service(world, 'web');
  await isServed(world, 'web', ips);
  world.awsFaults.set([{ kind: 'lost', actions: ['DeregisterTargets'], times: 1 }]);
  await setReady('False');
  while (world.awsFaults.list()[0]?.struck === 0) await world.clock.advance(5);
  await setReady('True');
  await isServed(world, 'web', ips);
  await world.end();
});

test('a port that was edited away serves those behind it until the one asked for in its place is there', async () => {
  const world = await running({}, { ports: { min: 30000, max: 30001 } });
  const asks = (name: string, port: number, targetPort: number) => ({
    ...ofOurClass,
    ports: [{ ...game, name, port, targetPort }],
  });
  const ip = await pod(world, 'a', 'web');
  await service(world, 'web', asks('game', 30000, 7777));
  await service(world, 'other', asks('game', 30001, 7777));
  await isServed(world, 'web', [ip]);
  await edit(world, 'web', { spec: asks('voice', 30001, 7778) });
  await isReason(world, 'web', 'PortTaken');
  await world.clock.advance(60_000);
  assert.deepEqual(await targetsOf(world, 'web'), [{ ip, port: 7777 }]);
  await remove(world, 'other');
  await world.eventually(async () => assert.deepEqual(await heldBy(world, 'web'), [30001]), 60_000);
  await world.end();
});

test('a Service that lost its label before it was committed is served by the default pool', async () => {
  const world = await running({}, { default: true });
  await world.pool('lobby', { ...quick, ports: { min: 31000, max: 31001 } });
  await world.clock.advance(5_000);
  world.kubeFaults.set([{ kind: 'error', methods: ['PATCH'], contains: '/services/web/status' }]);
  await service(world, 'web', {}, { [poolLabel]: 'lobby' });
  await world.eventually(async () => assert.equal((await heldBy(world, 'web')).length, 1));
  await edit(world, 'web', {
    metadata: { labels: { [poolLabel]: null } },
    spec: { ...ofOurClass, ports: [{ ...game, port: 30001, targetPort: 7777 }] },
  });
  await world.clock.advance(1_000);
  world.kubeFaults.set([]);
  await world.eventually(async () => {
    assert.deepEqual(await heldBy(world, 'web'), [30001]);
    assert.match(endpointOf(await read(world, 'web')) ?? '', /:30001$/);
  }, 60_000);
  await world.end();
});
