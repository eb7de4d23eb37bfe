import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import {
  CreateListenerCommand,
  CreateLoadBalancerCommand,
  CreateTargetGroupCommand,
} from '@aws-sdk/client-elastic-load-balancing-v2';
import { eventually } from './eventually.ts';
import type { PodOptions } from './pods.ts';
import type { AnyObject } from './rest.ts';
import { startWorld, type World } from './world.ts';

/** What a user has to see, and how fast. */
const withinMs = 5_000;

describe('bad input', () => {
  let world: World;
  before(async () => {
    world = await startWorld({ loadBalancers: ['game-1'] });
    await world.operator();
    await world.pool('game', { ports: { min: 30000, max: 30009 } });
    await world.pool('closed', { ports: { min: 31000, max: 31009 }, access: { namespaces: ['games-*', 'lobby'] } });
    await world.room('witness', world.ip(1));
    // It is published before it is registered.
    const served = async () => world.ask(world.endpointOf(await world.pods.get('witness'))!);
    await eventually(async () => assert.equal(await served(), 'witness'), 20_000);
  });
  after(() => world?.stop());

  /** A Warning Event whose reason is CamelCase and whose note begins with a code and fits. */
  const warning = async (kind: string, name: string, reason: string): Promise<string> => {
    const events = await world.cluster.rest.list('/apis/events.k8s.io/v1/events');
    const event = events.find(
      ({ regarding, ...rest }) => regarding.kind === kind && regarding.name === name && rest.reason === reason,
    );
    assert.equal(event?.type, 'Warning', `${kind} ${name}: ${JSON.stringify(events.map(({ reason: r }) => r))}`);
    assert.match(event!.reason, /^([A-Z][a-z0-9]*)+$/);
    assert.match(event!.note, /^NLBP-\d{4}: /);
    assert.ok(Buffer.byteLength(event!.note) <= 1024);
    return event!.note;
  };
  const conditionOf = (object: AnyObject, type: string): AnyObject | undefined =>
    object.status?.conditions?.find((condition: AnyObject) => condition.type === type);
  const unharmed = async () =>
    assert.equal(await world.ask(world.endpointOf(await world.pods.get('witness'))!, 10_000), 'witness');

  const refuses = (title: string, reason: string, options: Partial<PodOptions>) =>
    test(`a pod with ${title} is told ${reason}`, async () => {
      const name = `bad-${title.toLowerCase().replaceAll(/[^a-z0-9]+/g, '-')}`.slice(0, 60).replace(/-$/, '');
      await world.pods.run({
        name,
        ip: world.ip(100),
        labels: { 'nlbports.dev/pool': 'game' },
        annotations: { 'nlbports.dev/ports': '7777/UDP' },
        ...options,
      });
      await eventually(async () => {
        const condition = conditionOf(await world.pods.get(name), 'nlbports.dev/ready');
        assert.deepEqual([condition?.status, condition?.reason], ['False', reason]);
        assert.match(condition!.message, /^NLBP-\d{4}: /);
        await warning('Pod', name, reason);
      }, withinMs);
      await unharmed();
      await world.pods.remove(name);
    });
  const asks = (ports: string): Partial<PodOptions> => ({ annotations: { 'nlbports.dev/ports': ports } });

  refuses('an unknown pool', 'PoolNotFound', { labels: { 'nlbports.dev/pool': 'nowhere' } });
  refuses('a pool closed to its namespace', 'AccessDenied', { labels: { 'nlbports.dev/pool': 'closed' } });
  refuses('malformed ports', 'MalformedPorts', asks('7777'));
  refuses('an empty annotation', 'MalformedPorts', asks(''));
  refuses('port 0', 'InvalidPortNumber', asks('0/UDP'));
  refuses('port 65536', 'InvalidPortNumber', asks('65536/UDP'));
  refuses('a protocol that the pool lacks', 'ProtocolNotInPool', asks('7777/TCP'));
  refuses(
    'too many ports',
    'TooManyPorts',
    asks(Array.from({ length: 51 }, (_, at) => `port-${at}=${7000 + at}/UDP`).join()),
  );
  refuses('a 200 KB annotation', 'PortsTooLong', asks('7'.repeat(200 * 1024)));
  refuses('neither annotation nor containerPort', 'NoSinglePort', { annotations: {} });
  refuses('the host network', 'HostNetwork', { spec: { hostNetwork: true } });
  refuses('the mark of a mirror pod', 'MirrorPod', {
    annotations: { 'nlbports.dev/ports': '7777/UDP', 'kubernetes.io/config.mirror': 'abc' },
    nodeName: 'node-1',
  });

  const poolIsTold = (title: string, reason: string, arn: () => Promise<string> | string) =>
    test(`a pool with ${title} is told ${reason}`, async () => {
      const name = title.toLowerCase().replaceAll(/[^a-z0-9]+/g, '-');
      await world.pool(name, { loadBalancers: [{ arn: await arn() }], ports: { min: 32000, max: 32009 } });
      await eventually(async () => {
        const pool = await world.cluster.rest.get(`/apis/nlbports.dev/v1alpha1/nlbportpools/${name}`);
        const ready = conditionOf(pool, 'Ready');
        assert.deepEqual([ready?.status, ready?.reason], ['False', reason]);
        assert.equal(ready?.observedGeneration, pool.metadata.generation);
        await warning('NLBPortPool', name, reason);
      }, withinMs);
      await unharmed();
    });
  const arnOf = (path: string) => `arn:aws:elasticloadbalancing:us-east-1:123456789012:loadbalancer/${path}`;

  poolIsTold('a missing load balancer', 'LoadBalancerNotFound', () => arnOf('net/gone/0123456789abcdef'));
  poolIsTold('no ARN at all', 'LoadBalancerNotFound', () => 'game-1');
  poolIsTold('an ALB', 'NotANetworkLoadBalancer', async () => {
    const { LoadBalancers = [] } = await world.aws.client.send(
      new CreateLoadBalancerCommand({ Name: 'web', Type: 'application', Subnets: ['subnet-a', 'subnet-b'] }),
    );
    return LoadBalancers[0]!.LoadBalancerArn!;
  });

  test('the later of two pools that overlap on a load balancer is told PoolOverlap', async () => {
    await world.pool('overlap', { ports: { min: 30005, max: 30014 } });
    await eventually(async () => {
      const pool = await world.cluster.rest.get('/apis/nlbports.dev/v1alpha1/nlbportpools/overlap');
      assert.equal(conditionOf(pool, 'Ready')?.reason, 'PoolOverlap');
      await warning('NLBPortPool', 'overlap', 'PoolOverlap');
    }, withinMs);
    // The status is written before the ports are made.
    await eventually(async () => {
      const own = (await world.ports()).filter(port => port.spec.pool === 'overlap').map(port => port.spec.port);
      assert.deepEqual(own.toSorted(), [30010, 30011, 30012, 30013, 30014]);
    }, withinMs);
  });

  test('a listener of someone else is shown as Conflict, and left alone', async () => {
    const [loadBalancer] = world.loadBalancers;
    const { TargetGroups = [] } = await world.aws.client.send(
      new CreateTargetGroupCommand({ Name: 'theirs', Protocol: 'UDP', Port: 53, VpcId: 'vpc-1', TargetType: 'ip' }),
    );
    await world.aws.client.send(
      new CreateListenerCommand({
        LoadBalancerArn: loadBalancer!.arn,
        Port: 33001,
        Protocol: 'UDP',
        DefaultActions: [{ Type: 'forward', TargetGroupArn: TargetGroups[0]!.TargetGroupArn }],
      }),
    );
    await world.pool('neighbour', { ports: { min: 33000, max: 33002 }, warm: 3 });
    await eventually(async () => {
      const phases = (await world.ports())
        .filter(port => port.spec.pool === 'neighbour')
        .map(port => [port.spec.port, port.status?.phase]);
      assert.deepEqual(phases, [
        [33000, 'Available'],
        [33001, 'Conflict'],
        [33002, 'Available'],
      ]);
    }, 20_000);
    const listener = (await world.aws.listeners(loadBalancer!.arn)).find(({ Port }) => Port === 33001);
    assert.deepEqual(listener?.tags, {});
  });

  test('AccessDenied shows AWS’s code and request id on the port, and on the pod that waits for it', async () => {
    await world.aws.setFaults([{ kind: 'error', status: 403, code: 'AccessDenied', actions: ['RegisterTargets'] }]);
    await world.room('denied', world.ip(7));
    await eventually(async () => {
      const condition = conditionOf(await world.pods.get('denied'), 'nlbports.dev/ready');
      assert.equal(condition?.reason, 'AwsAccessDenied');
      const port = (await world.ports()).find(({ spec }) => spec.claim?.name === 'denied');
      assert.match(conditionOf(port!, 'TargetsRegistered')?.message, /^NLBP-4001: .*AccessDenied \(request \S+\)/);
      await warning('NLBPort', port!.metadata.name, 'AwsAccessDenied');
      await warning('Pod', 'denied', 'AwsAccessDenied');
    }, withinMs);
    await unharmed();
    await world.aws.setFaults([]);
  });
});

describe('an operator without AWS credentials', () => {
  let world: World;
  before(async () => {
    world = await startWorld();
    await world.operator([], { AWS_ACCESS_KEY_ID: undefined, AWS_SECRET_ACCESS_KEY: undefined });
  });
  after(() => world?.stop());

  test('says AwsNoCredentials on the pool within 5 s', async () => {
    await world.pool('game');
    await eventually(async () => {
      const pool = await world.cluster.rest.get('/apis/nlbports.dev/v1alpha1/nlbportpools/game');
      const ready = pool.status?.conditions?.find((condition: AnyObject) => condition.type === 'Ready');
      assert.equal(ready?.reason, 'AwsNoCredentials');
      const events = await world.cluster.rest.list('/apis/events.k8s.io/v1/events');
      assert.ok(events.some(({ type, reason }) => type === 'Warning' && reason === 'AwsNoCredentials'));
    }, withinMs);
  });
});
