import assert from 'node:assert/strict';
import { test } from 'node:test';
import { endpointAnnotation, endpointsAnnotation, poolLabel, readyCondition } from '../api/names.ts';
import { nlbPortPools } from '../api/pool.ts';
import { nlbPorts } from '../api/port.ts';
import type { Service } from '../kube/objects.ts';
import { services as serviceResource } from '../kube/resource.ts';
import { assertAwsMatches } from './assert-settled.ts';
import { createWorld, type World } from './world.ts';

const quick = { targets: { deregistrationDelay: '0s' }, release: { on: 'Ended', quarantine: '2s' } };
const threePorts = ['a', 'b', 'c'].map((name, at) => ({ name, port: 7000 + at, targetPort: 7777, protocol: 'UDP' }));

const serve = (world: World, name: string, ports: object[]) =>
  world.kube.create(serviceResource, {
    metadata: { name, namespace: 'default', labels: { [poolLabel]: 'game' } },
    spec: { selector: { app: name }, ports },
  } as Service);

const read = (world: World, name: string) => world.kube.get(serviceResource, { namespace: 'default', name });

/** What the Service publishes, as `host:port`. */
async function published(world: World, name: string): Promise<string[]> {
  const text = (await read(world, name)).metadata.annotations?.[endpointsAnnotation] ?? '[]';
  return JSON.parse(text).map(({ host, port }: { host: string; port: number }) => `${host}:${port}`);
}

async function heldNumbers(world: World): Promise<number[]> {
  const held = (await world.ports()).filter(({ spec }) => spec.claim && !spec.claim.releasedAt);
  return held.map(({ spec }) => spec.port).toSorted();
}

/** Makes a stranger's listener on the first load balancer. */
async function strangerAt(world: World, number: number): Promise<void> {
  const group = { Name: `stranger-${number}`, Protocol: 'UDP', Port: 1, VpcId: 'vpc-1', TargetType: 'ip' };
  const TargetGroupArn = (await world.aws('CreateTargetGroup', group)).text('TargetGroupArn') ?? '';
  await world.aws('CreateListener', {
    LoadBalancerArn: world.loadBalancers[0]!.arn,
    Protocol: 'UDP',
    Port: number,
    DefaultActions: [{ Type: 'forward', TargetGroupArn }],
  });
}

test('a Service moves off a port whose load balancer left the pool before its listener was made', async () => {
  const world = await createWorld({ loadBalancers: ['one', 'two'] });
  world.startOperator(
    {},
    {
      fault: ({ side, what }) =>
        side === 'aws' && /Action=CreateListener&/.test(what) && what.includes('one') ? 'unsent' : undefined,
    },
  );
  await world.pool('game', quick);
  await serve(world, 'web', threePorts.slice(0, 1));
  await world.eventually(async () => assert.deepEqual(await heldNumbers(world), [30000]));
  assert.deepEqual(await published(world, 'web'), []);
  await world.editPool('game', { loadBalancers: [{ arn: world.loadBalancers[1]!.arn }] });
  await world.eventually(async () => {
    const { annotations = {} } = (await read(world, 'web')).metadata;
    assert.equal(annotations[endpointAnnotation], `${world.loadBalancers[1]!.dnsName}:30000`);
    assert.deepEqual(await heldNumbers(world), [30000]);
  }, 120_000);
  await world.end();
});

test("a stranger's listener on one of a Service's numbers moves that number alone, before anything is published", async () => {
  const world = await createWorld();
  await world.pool('game', quick);
  world.startOperator();
  await world.eventually(async () => assert.equal((await world.ports()).length, 50));
  await strangerAt(world, 30001);
  const before = world.emulator.callLog.entries.length;
  await serve(world, 'web', threePorts);
  const { dnsName } = world.loadBalancers[0]!;
  await world.eventually(async () => {
    assert.deepEqual(
      (await published(world, 'web')).toSorted(),
      [30000, 30002, 30003].map(at => `${dnsName}:${at}`),
    );
    await assertAwsMatches(world, await world.ports());
  }, 60_000);
  // Those that it kept were not made anew.
  const made = world.emulator.callLog.entries.slice(before).filter(({ action }) => action === 'DeleteListener');
  assert.deepEqual(made, []);
  await world.end();
});

test("a stranger's listener on the number that an edit adds takes no endpoint of the Service away", async () => {
  const world = await createWorld();
  await world.pool('game', { ...quick, ports: { min: 30000, max: 30002 } });
  world.startOperator();
  await serve(world, 'web', threePorts.slice(0, 2));
  const { dnsName } = world.loadBalancers[0]!;
  const wanted = [`${dnsName}:30000`, `${dnsName}:30001`];
  await world.eventually(async () => assert.deepEqual(await published(world, 'web'), wanted));
  await strangerAt(world, 30002);
  // The port that was written last is not the last of the Service's.
  const [first] = await world.ports();
  const labels = { metadata: { labels: { seen: 'yes' } } };
  await world.kube.patch(nlbPorts, { name: first!.metadata.name }, { type: 'merge', body: labels });
  const told: string[][] = [];
  world.cluster.follow((collection, { current }) => {
    if (collection !== 'services') return;
    const { annotations } = (current.object as unknown as Service).metadata;
    told.push(JSON.parse(annotations?.[endpointsAnnotation] ?? '[]').map(({ port }: { port: number }) => port));
  });
  const body = { spec: { ports: threePorts } };
  await world.kube.patch(serviceResource, { namespace: 'default', name: 'web' }, { type: 'merge', body });
  await world.eventually(async () => {
    const condition = (await read(world, 'web')).status?.conditions?.find(({ type }) => type === readyCondition);
    assert.equal(condition?.reason, 'PortTaken');
    assert.deepEqual(await heldNumbers(world), [30000, 30001]);
  }, 120_000);
  assert.ok(told.length > 0);
  for (const ports of told) assert.deepEqual(ports, [30000, 30001]);
  await world.end();
});

test('a Service keeps what it says of its ports while its pool and they are still to be restored', async () => {
  const world = await createWorld();
  const first = world.startOperator();
  await world.pool('game', { ...quick, default: true });
  await serve(world, 'labelled', threePorts);
  await world.kube.create(serviceResource, {
    metadata: { name: 'balanced', namespace: 'default' },
    spec: {
      type: 'LoadBalancer',
      loadBalancerClass: 'nlbports.dev/nlb',
      selector: { app: 'web' },
      ports: [{ name: 'game', port: 30040, targetPort: 7777, protocol: 'UDP' }],
    },
  } as Service);
  await world.eventually(async () => {
    assert.equal((await published(world, 'labelled')).length, 3);
    assert.equal((await published(world, 'balanced')).length, 1);
  });
  first.kill();
  const said = await Promise.all(['labelled', 'balanced'].map(name => read(world, name)));
  const goes = { type: 'merge', body: { metadata: { finalizers: [] } } } as const;
  for (const { metadata } of await world.ports()) {
    await world.kube.patch(nlbPorts, { name: metadata.name }, goes);
    await world.kube.delete(nlbPorts, { name: metadata.name });
  }
  await world.kube.patch(nlbPortPools, { name: 'game' }, goes);
  await world.kube.delete(nlbPortPools, { name: 'game' });
  world.startOperator();
  await world.clock.advance(30_000);
  for (const [at, reason] of ['PoolNotFound', 'NoDefaultPool'].entries()) {
    const { name } = said[at]!.metadata;
    const now = await read(world, name);
    assert.deepEqual([now.metadata.annotations, now.status], [said[at]!.metadata.annotations, said[at]!.status], name);
    assert.ok((await world.eventsOf('Service', name)).some(event => event.reason === reason));
  }
  await world.end();
});
