import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import { SetSubnetsCommand } from '@aws-sdk/client-elastic-load-balancing-v2';
import { eventually } from './eventually.ts';
import { startWorld, type World } from './world.ts';

describe('one room on a real API server', () => {
  let world: World;
  before(async () => {
    world = await startWorld();
    await world.operator();
    await world.pool('game', { ports: { min: 30000, max: 30002 }, protocol: 'UDP' });
    // The pool makes its ports side by side: a room that comes meanwhile gets one that is there already.
    await eventually(async () => {
      const phases = (await world.ports()).map(({ status }) => status?.phase);
      assert.deepEqual(phases, ['Cold', 'Cold', 'Cold']);
    }, 20_000);
  });
  after(() => world?.stop());

  test('a packet sent to the published endpoint comes back from the pod', async () => {
    await world.room('game-room-1', world.ip(5));
    const endpoint = await eventually(async () => {
      const published = world.endpointOf(await world.pods.get('game-room-1'));
      assert.ok(published);
      return published;
    }, 20_000);
    assert.match(endpoint, /:30000$/);
    await eventually(async () => assert.equal(await world.ask(endpoint), 'game-room-1'), 10_000);
  });

  test('the pod is told that it is healthy', async () => {
    await eventually(async () => {
      const { status } = await world.pods.get('game-room-1');
      const ready = status.conditions.find((condition: { type: string }) => condition.type === 'nlbports.dev/ready');
      assert.deepEqual([ready?.status, ready?.reason], ['True', 'Healthy']);
    }, 20_000);
  });

  test('kubectl get nlbports is the port map', async () => {
    const { stdout } = await world.cluster.kubectl(['get', 'nlbports']);
    const [head = '', first = ''] = stdout.split('\n');
    assert.match(head, /NAME +POOL +ENDPOINT +PHASE +CLAIMANT +TARGET +HEALTHY +AGE/);
    assert.match(
      first,
      /nlb-[0-9a-f]{16}-30000 +game +\S+:30000 +Bound +default\/game-room-1 +10\.\d+\.1\.6:7777 +True/,
    );
  });

  test('a pod that is gone gives its port back, and AWS is as before', async () => {
    await world.pods.remove('game-room-1');
    await eventually(async () => {
      const ports = await world.ports();
      assert.deepEqual(
        ports.map(port => port.status?.phase),
        ['Cold', 'Cold', 'Cold'],
      );
      assert.deepEqual(await world.aws.targetGroups(), []);
      assert.deepEqual(await world.aws.listeners(world.loadBalancers[0]!.arn), []);
    }, 20_000);
  });

  test('a pod with IPv6 alone waits with a reason, and a packet reaches it once the load balancer is dualstack', async () => {
    const ip = world.ip(6);
    const [, a, b, c] = ip.split('.').map(Number) as [number, number, number, number];
    await world.serve('six', ip);
    const labels = { 'nlbports.dev/pool': 'game' };
    const annotations = { 'nlbports.dev/ports': '7777/UDP' };
    const six = `fd00::${a.toString(16)}:${(b * 256 + c).toString(16)}`;
    await world.pods.run({ name: 'six', ip: six, labels, annotations });
    await eventually(async () => {
      const told = (await world.pods.events('six')).find(({ reason }) => reason === 'AddressFamily');
      assert.match(told?.note ?? '', /^NLBP-1014: .*dualstack and EnablePrefixForIpv6SourceNat on/);
    }, 20_000);
    const [{ arn } = { arn: '' }] = world.loadBalancers;
    const [found] = await world.aws.loadBalancers();
    const Subnets = (found?.AvailabilityZones ?? []).flatMap(({ SubnetId }) => SubnetId ?? []);
    const dualStack = { IpAddressType: 'dualstack', EnablePrefixForIpv6SourceNat: 'on' } as const;
    await world.aws.client.send(new SetSubnetsCommand({ LoadBalancerArn: arn, Subnets, ...dualStack }));
    // An edit has the load balancers looked at now, and not within a minute.
    const pools = '/apis/nlbports.dev/v1alpha1/nlbportpools';
    await world.cluster.rest.patch(`${pools}/game`, 'merge', { spec: { tags: { seen: 'now' } } });
    await eventually(async () => {
      const pod = await world.pods.get('six');
      assert.equal(await world.ask(world.endpointOf(pod) ?? ''), 'six');
    }, 30_000);
    const groups = await world.aws.targetGroups();
    assert.deepEqual(
      groups.map(({ IpAddressType }) => IpAddressType),
      ['ipv6'],
    );
  });
});
