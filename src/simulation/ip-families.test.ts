import assert from 'node:assert/strict';
import { test } from 'node:test';
import { findCondition } from '../api/conditions.ts';
import { endpointAnnotation, poolLabel, readyCondition } from '../api/names.ts';
import { nlbPortPools } from '../api/pool.ts';
import type { KubeObject, PodCondition, Service } from '../kube/objects.ts';
import { pods as podResource, services as serviceResource } from '../kube/resource.ts';
import { silentLog } from '../runtime/log.ts';
import { seededRandom } from '../runtime/random.ts';
import { createEndpointSliceMaker } from '../sandbox/cluster/endpoint-slice-maker.ts';
import { assertAwsMatches } from './assert-settled.ts';
import { createWorld, type World } from './world.ts';

const quick = { targets: { deregistrationDelay: '0s' }, release: { on: 'Ended', quarantine: '2s' } };
const dualStack = { IpAddressType: 'dualstack', EnablePrefixForIpv6SourceNat: 'on' };

/** A world with one load balancer, dualstack unless told. */
async function running(loadBalancer: Record<string, string> = dualStack, pool: object = {}): Promise<World> {
  const world = await createWorld({ loadBalancers: [] });
  await world.addLoadBalancer('game-1', loadBalancer);
  world.startOperator();
  await world.pool('game', { ...quick, ...pool });
  return world;
}

const readyOf = ({ status }: KubeObject & { status?: { conditions?: PodCondition[] } }) =>
  status?.conditions?.find(({ type }) => type === readyCondition);

/** Waits until the pod is healthy behind a group of its family, and answers. */
async function isServed(world: World, name: string, ip: string): Promise<void> {
  await world.eventually(async () => {
    const pod = await world.pod(name);
    assert.equal(readyOf(pod)?.reason, 'Healthy');
    const port = (await world.ports()).find(({ spec }) => spec.claim?.name === name);
    assert.deepEqual(port?.spec.targets, [{ ip, port: 7777 }]);
    await assertAwsMatches(world, await world.ports());
  }, 120_000);
  assert.equal(await world.ask(world.endpointOf(await world.pod(name))!), name);
}

async function groupTypes(world: World): Promise<string[]> {
  return (await world.aws('DescribeTargetGroups')).texts('IpAddressType').toSorted();
}

/** Gives a pod several addresses; the server behind it listens on `ip`. */
async function setAddresses(world: World, name: string, ip: string, others: string[]): Promise<void> {
  await world.setIP(name, ip);
  const status = { podIP: others[0] ?? ip, podIPs: others.map(each => ({ ip: each })) };
  const key = { name, namespace: 'default' };
  await world.kube.patch(podResource, key, { type: 'merge', body: { status } }, { subresource: 'status' });
}

/** The part of a cluster that keeps Services' EndpointSlices. */
async function runServices({ clock, cluster }: World): Promise<{ stop(): Promise<void> }> {
  const maker = createEndpointSliceMaker({
    clock,
    transport: cluster.transport,
    random: seededRandom(3),
    log: silentLog(),
  });
  const started = maker.start();
  await clock.advance(50);
  await started;
  return maker;
}

/** A pod behind the Service "web", which listens on `ip`. */
async function addEndpoint(world: World, name: string, ip: string, addresses: string[]): Promise<void> {
  await world.room(name, { ip: null, ports: null });
  const labels = { [poolLabel]: null, app: 'web' };
  const key = { name, namespace: 'default' };
  await world.kube.patch(podResource, key, { type: 'merge', body: { metadata: { labels } } });
  await setAddresses(world, name, ip, addresses);
  const conditions = [{ type: 'Ready', status: 'True' }];
  await world.kube.patch(
    podResource,
    key,
    { type: 'strategic', body: { status: { conditions } } },
    { subresource: 'status' },
  );
}

async function addService(world: World, ipFamilies: readonly string[]): Promise<void> {
  await world.kube.create(serviceResource, {
    metadata: { name: 'web', namespace: 'default', labels: { [poolLabel]: 'game' } },
    spec: { selector: { app: 'web' }, ipFamilies, ports: [{ name: 'game', port: 7777, protocol: 'UDP' }] },
  } as unknown as Service);
}

test('an IPv6 pod gets a target group of its family, warm or not, and the next pod on its port one of its own', async () => {
  const world = await running(dualStack, { warm: 1, ports: { min: 30000, max: 30000 } });
  await world.eventually(async () => assert.equal((await world.port(30000)).status?.phase, 'Available'));
  assert.deepEqual(await groupTypes(world), ['ipv4']);
  await world.room('six', { ip: 'fd00::1' });
  await isServed(world, 'six', 'fd00::1');
  assert.deepEqual(await groupTypes(world), ['ipv6']);
  const endpoint = world.endpointOf(await world.pod('six'));
  await world.removeRoom('six');
  await world.room('four', { ip: '10.0.0.4' });
  await isServed(world, 'four', '10.0.0.4');
  assert.deepEqual(await groupTypes(world), ['ipv4']);
  assert.equal(world.endpointOf(await world.pod('four')), endpoint);
  await world.end();
});

test('a pod whose address comes late keeps its endpoint while its target group is made anew', async () => {
  const world = await running();
  await world.room('late', { ip: null });
  await world.eventually(async () => assert.ok(world.endpointOf(await world.pod('late'))));
  const endpoint = world.endpointOf(await world.pod('late'));
  await world.setIP('late', 'fd00::7');
  await isServed(world, 'late', 'fd00::7');
  assert.equal(world.endpointOf(await world.pod('late')), endpoint);
  // Nobody knows any more what the load balancer can, once it has left the pool; the room plays on.
  const other = await world.addLoadBalancer('game-2');
  await world.editPool('game', { loadBalancers: [{ arn: other.arn }] });
  await world.clock.advance(120_000);
  assert.equal(readyOf(await world.pod('late'))?.status, 'True');
  assert.equal(world.endpointOf(await world.pod('late')), endpoint);
  assert.equal(await world.ask(endpoint ?? ''), 'late');
  await world.end();
});

test("of a dual-stack pod the address of the pool's family is sent to, where the load balancer can", async () => {
  const both = ['10.0.0.5', 'fd00::5'];
  for (const [loadBalancer, ipFamily, ip] of [
    [dualStack, 'IPv4', '10.0.0.5'],
    [dualStack, 'IPv6', 'fd00::5'],
    [{}, 'IPv6', '10.0.0.5'],
  ] as const) {
    const world = await running(loadBalancer, { targets: { deregistrationDelay: '0s', ipFamily }, warm: 1 });
    await world.eventually(async () => assert.equal((await world.port(30000)).status?.phase, 'Available'));
    const made = world.emulator.callLog.entries.length;
    await world.room('room', { ip: null });
    await setAddresses(world, 'room', ip, [...both]);
    await isServed(world, 'room', ip);
    // The warm group was of the right family.
    const calls = world.emulator.callLog.entries.slice(made).map(({ action }) => action);
    assert.ok(!calls.includes('DeleteTargetGroup'), calls.join());
    await world.end();
  }
});

test('a pod of IPv6 alone waits with a code where no load balancer can send to it, and is served once one can', async () => {
  for (const [loadBalancer, expected, message] of [
    [{}, 'AddressFamily', /^NLBP-1014: .*dualstack/],
    [{ IpAddressType: 'dualstack' }, 'PoolNotReady', /^NLBP-1012: .*NLBP-2009: .*EnablePrefixForIpv6SourceNat/],
  ] as const) {
    const world = await running(loadBalancer);
    await world.room('six', { ip: 'fd00::1' });
    await world.eventually(async () => {
      const told = readyOf(await world.pod('six'));
      assert.equal(told?.reason, expected);
      assert.match(told?.message ?? '', message);
      const told1 = (await world.eventsOf('Pod', 'six')).map(({ reason }) => reason);
      assert.ok(told1.includes(expected));
    });
    assert.deepEqual(
      (await world.ports()).filter(({ spec }) => spec.claim),
      [],
    );
    await world.aws('SetSubnets', {
      LoadBalancerArn: world.loadBalancers[0]!.arn,
      Subnets: ['subnet-1'],
      ...dualStack,
    });
    await isServed(world, 'six', 'fd00::1');
    await world.end();
  }
});

test('a UDP pool uses no dualstack load balancer without the prefix, says so, and serves from the others', async () => {
  const world = await createWorld({ loadBalancers: [] });
  const without = await world.addLoadBalancer('without', { IpAddressType: 'dualstack' });
  const plain = await world.addLoadBalancer('plain');
  world.startOperator();
  await world.pool('game', { ...quick, warm: 2 });
  await world.room('four', { ip: '10.0.0.4' });
  await isServed(world, 'four', '10.0.0.4');
  assert.ok(world.endpointOf(await world.pod('four'))?.startsWith(plain.dnsName));
  const { status } = await world.kube.get(nlbPortPools, { name: 'game' });
  const { reason, message = '' } = findCondition(status?.conditions, 'Ready') ?? {};
  assert.equal(reason, 'SourceNatPrefixOff');
  assert.match(message, new RegExp(`^NLBP-2009: .*${without.arn}`));
  assert.equal(world.emulator.callLog.count('CreateListener', 'InvalidConfigurationRequest'), 0);
  // A TCP listener needs no prefix.
  await world.pool('tcp', { ...quick, protocol: 'TCP', ports: { min: 31000, max: 31000 } });
  await world.eventually(async () => assert.equal((await world.port(31000, 0)).status?.phase, 'Cold'));
  await world.end();
});

test('a Service sends to its endpoints of the family that it has, IPv6 alone where the load balancer can', async () => {
  for (const [loadBalancer, ipFamilies, ip] of [
    [dualStack, ['IPv6'], 'fd00::8'],
    [dualStack, ['IPv6', 'IPv4'], '10.0.0.8'],
    [{}, ['IPv6', 'IPv4'], '10.0.0.8'],
    [{}, ['IPv6'], undefined],
  ] as const) {
    const world = await running(loadBalancer);
    const maker = await runServices(world);
    await addEndpoint(world, 'a', ip ?? 'fd00::8', ['10.0.0.8', 'fd00::8']);
    await addService(world, ipFamilies);
    await world.eventually(async () => {
      const service = await world.kube.get(serviceResource, { namespace: 'default', name: 'web' });
      assert.equal(readyOf(service)?.reason, ip ? 'Healthy' : 'AddressFamily');
      const held = (await world.ports()).filter(({ spec }) => spec.claim);
      assert.deepEqual(
        held.flatMap(({ spec }) => spec.targets ?? []),
        ip ? [{ ip, port: 7777 }] : [],
      );
      assert.equal(service.metadata.annotations?.[endpointAnnotation] !== undefined, ip !== undefined);
    }, 120_000);
    await maker.stop();
    await world.end();
  }
});

test('who holds a port of a load balancer that does not send to IPv6 is served as soon as it does', async () => {
  const world = await running({}, { targets: { deregistrationDelay: '0s', ipFamily: 'IPv6' } });
  const maker = await runServices(world);
  await world.room('late', { ip: null });
  await world.eventually(async () => assert.ok(world.endpointOf(await world.pod('late'))));
  await world.setIP('late', 'fd00::7');
  await addEndpoint(world, 'a', 'fd00::8', ['fd00::8']);
  await addService(world, ['IPv6', 'IPv4']);
  const service = () => world.kube.get(serviceResource, { namespace: 'default', name: 'web' });
  await world.eventually(async () => {
    assert.equal(readyOf(await world.pod('late'))?.reason, 'AddressFamily');
    assert.ok((await service()).metadata.annotations?.[endpointAnnotation]);
  });
  await world.clock.advance(120_000);
  await world.aws('SetSubnets', {
    LoadBalancerArn: world.loadBalancers[0]!.arn,
    Subnets: ['subnet-1'],
    ...dualStack,
  });
  await isServed(world, 'late', 'fd00::7');
  await world.eventually(async () => assert.equal(readyOf(await service())?.reason, 'Healthy'), 10_000);
  assert.deepEqual(await groupTypes(world), ['ipv6', 'ipv6']);
  await maker.stop();
  await world.end();
});
