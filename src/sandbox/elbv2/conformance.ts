import assert from 'node:assert/strict';
import * as elb from '@aws-sdk/client-elastic-load-balancing-v2';

/** Where the cases run: against an emulator, or, when a person asks for it, an account of AWS. */
export interface ConformanceSetup {
  readonly client: elb.ElasticLoadBalancingV2Client;
  readonly vpcId: string;
  /** One subnet of that VPC; the suite makes internal load balancers in it. */
  readonly subnet: string;
  /** Begins the name of everything that the suite makes; at most 10 letters, digits and hyphens. */
  readonly prefix: string;
  /** An address of the VPC where nothing answers. */
  readonly silentAddress: string;
  /** How long to wait for what AWS does in its own time, milliseconds. */
  readonly patienceMs: number;
  /** Waits between two looks. */
  pause(): Promise<void>;
}

/** One claim about the API. */
export interface ConformanceCase {
  readonly title: string;
  /** The page of AWS that says so, or, in brackets, who saw it. */
  readonly fact: string;
  run(bench: Bench): Promise<void>;
}

/** What a case works with. It makes things through it, and all of them are removed after the case. */
export interface Bench extends ConformanceSetup {
  name(): string;
  loadBalancer(input?: Partial<elb.CreateLoadBalancerCommandInput>): Promise<elb.LoadBalancer>;
  /** One load balancer for all cases that only need listeners on it: AWS takes minutes for each. */
  sharedLoadBalancer(): Promise<elb.LoadBalancer>;
  port(): number;
  targetGroup(input?: Partial<elb.CreateTargetGroupCommandInput>): Promise<elb.TargetGroup>;
  listener(
    loadBalancer: elb.LoadBalancer,
    group: elb.TargetGroup,
    input?: Partial<elb.CreateListenerCommandInput>,
  ): Promise<elb.Listener>;
  /** The code of the error that the call must end in. */
  refusal(call: Promise<unknown>): Promise<string>;
  eventually<T>(look: () => Promise<T>, isRight: (value: T) => boolean): Promise<T>;
}

/** Registers every case with `test` (that of node:test will do). The shared load balancer goes with the last. */
export function registerConformance(
  test: (title: string, run: () => Promise<void>) => unknown,
  setup: ConformanceSetup,
): { count: number; cleanUp(): Promise<void> } {
  const shared: { loadBalancer: Promise<elb.LoadBalancer> | undefined } = { loadBalancer: undefined };
  const counter = { value: 0 };
  for (const single of conformanceCases) {
    test(`${single.title} (${single.fact})`, async () => {
      const { bench, cleanUp } = createBench(setup, shared, counter);
      try {
        await single.run(bench);
      } finally {
        await cleanUp();
      }
    });
  }
  return {
    count: conformanceCases.length,
    async cleanUp() {
      const loadBalancer = await shared.loadBalancer;
      if (loadBalancer)
        await setup.client.send(new elb.DeleteLoadBalancerCommand({ LoadBalancerArn: loadBalancer.LoadBalancerArn }));
    },
  };
}

function createBench(
  setup: ConformanceSetup,
  shared: { loadBalancer: Promise<elb.LoadBalancer> | undefined },
  counter: { value: number },
): { bench: Bench; cleanUp(): Promise<void> } {
  const { client } = setup;
  const listeners: string[] = [];
  const groups: string[] = [];
  const loadBalancers: string[] = [];
  const name = () => `${setup.prefix}-${++counter.value}`;

  async function createLoadBalancer(
    input: Partial<elb.CreateLoadBalancerCommandInput> = {},
  ): Promise<elb.LoadBalancer> {
    const { LoadBalancers } = await client.send(
      new elb.CreateLoadBalancerCommand({
        Name: name(),
        Type: 'network',
        Scheme: 'internal',
        Subnets: [setup.subnet],
        ...input,
      }),
    );
    return LoadBalancers![0]!;
  }

  const bench: Bench = {
    ...setup,
    name,
    async loadBalancer(input) {
      const loadBalancer = await createLoadBalancer(input);
      loadBalancers.push(loadBalancer.LoadBalancerArn!);
      return loadBalancer;
    },
    sharedLoadBalancer() {
      shared.loadBalancer ??= createLoadBalancer();
      return shared.loadBalancer;
    },
    port: () => 20_000 + ++counter.value,
    async targetGroup(input = {}) {
      const { TargetGroups } = await client.send(
        new elb.CreateTargetGroupCommand({
          Name: name(),
          Protocol: 'TCP',
          Port: 7777,
          VpcId: setup.vpcId,
          TargetType: 'ip',
          ...input,
        }),
      );
      groups.push(TargetGroups![0]!.TargetGroupArn!);
      return TargetGroups![0]!;
    },
    async listener(loadBalancer, group, input = {}) {
      const { Listeners } = await client.send(
        new elb.CreateListenerCommand(listenerInput(loadBalancer, group, { Port: bench.port(), ...input })),
      );
      listeners.push(Listeners![0]!.ListenerArn!);
      return Listeners![0]!;
    },
    async refusal(call) {
      try {
        await call;
      } catch (error) {
        return (error as { Code?: string; name: string }).Code ?? (error as Error).name.replace(/Exception$/, '');
      }
      return assert.fail('The call was not refused');
    },
    async eventually(look, isRight) {
      const endMs = performance.now() + setup.patienceMs;
      for (;;) {
        const value = await look();
        if (isRight(value)) return value;
        if (performance.now() > endMs) assert.fail(`Not in ${setup.patienceMs} ms: ${JSON.stringify(value)}`);
        await setup.pause();
      }
    },
  };

  /** In the order that AWS needs; what the case removed itself is no error. */
  async function cleanUp(): Promise<void> {
    for (const ListenerArn of listeners)
      await client.send(new elb.DeleteListenerCommand({ ListenerArn })).catch(() => {});
    for (const LoadBalancerArn of loadBalancers)
      await client.send(new elb.DeleteLoadBalancerCommand({ LoadBalancerArn })).catch(() => {});
    for (const TargetGroupArn of groups) {
      await bench.eventually(
        () =>
          client.send(new elb.DeleteTargetGroupCommand({ TargetGroupArn })).then(
            () => 'gone',
            (error: Error) => error.name,
          ),
        answer => answer === 'gone',
      );
    }
  }
  return { bench, cleanUp };
}

function listenerInput(
  loadBalancer: elb.LoadBalancer,
  group: elb.TargetGroup,
  input: Partial<elb.CreateListenerCommandInput>,
): elb.CreateListenerCommandInput {
  return {
    LoadBalancerArn: loadBalancer.LoadBalancerArn,
    Protocol: group.Protocol,
    DefaultActions: [{ Type: 'forward', TargetGroupArn: group.TargetGroupArn }],
    ...input,
  };
}

const attribute = (
  attributes: readonly { Key?: string | undefined; Value?: string | undefined }[] | undefined,
  key: string,
) => attributes?.find(({ Key }) => Key === key)?.Value;

const api = 'ELBv2 API reference';
const guide = 'NLB user guide';

/** All cases. They hold for AWS as documented; those that nobody has seen documented say who saw it. */
export const conformanceCases: readonly ConformanceCase[] = [
  {
    title: 'CreateLoadBalancer answers with an ARN, a DNS name and a state',
    fact: `${api}, CreateLoadBalancer`,
    async run({ loadBalancer }) {
      const made = await loadBalancer();
      assert.match(
        made.LoadBalancerArn!,
        /^arn:aws[a-z-]*:elasticloadbalancing:[a-z0-9-]+:\d{12}:loadbalancer\/net\/[A-Za-z0-9-]+\/[0-9a-f]{16}$/,
      );
      const id = made.LoadBalancerArn!.split('/').at(-1)!;
      assert.ok(made.DNSName!.startsWith(`${made.LoadBalancerName}-${id}.elb.`), made.DNSName);
      assert.ok(made.State?.Code === 'provisioning' || made.State?.Code === 'active');
      assert.equal(made.Type, 'network');
    },
  },
  {
    title: 'CreateLoadBalancer with the same settings again answers with the same load balancer',
    fact: `${api}, CreateLoadBalancer: "idempotent"`,
    async run({ loadBalancer }) {
      const first = await loadBalancer();
      const second = await loadBalancer({ Name: first.LoadBalancerName });
      assert.equal(second.LoadBalancerArn, first.LoadBalancerArn);
    },
  },
  {
    title: 'CreateLoadBalancer with the same name and other settings is DuplicateLoadBalancerName',
    fact: `${api}, CreateLoadBalancer, Errors`,
    async run({ loadBalancer, refusal }) {
      const first = await loadBalancer();
      assert.equal(
        await refusal(loadBalancer({ Name: first.LoadBalancerName, Scheme: 'internet-facing' })),
        'DuplicateLoadBalancerName',
      );
    },
  },
  {
    title: 'DescribeLoadBalancers of a missing name is LoadBalancerNotFound',
    fact: `${api}, DescribeLoadBalancers, Errors`,
    async run({ client, refusal, name }) {
      assert.equal(
        await refusal(client.send(new elb.DescribeLoadBalancersCommand({ Names: [name()] }))),
        'LoadBalancerNotFound',
      );
    },
  },
  {
    title: 'DeleteLoadBalancer of a missing one succeeds',
    fact: `${api}, DeleteLoadBalancer: "the call succeeds"`,
    async run({ client, loadBalancer }) {
      const { LoadBalancerArn } = await loadBalancer();
      await client.send(new elb.DeleteLoadBalancerCommand({ LoadBalancerArn }));
      await client.send(new elb.DeleteLoadBalancerCommand({ LoadBalancerArn }));
    },
  },
  {
    title: 'DeleteLoadBalancer with deletion protection is OperationNotPermitted',
    fact: `${api}, DeleteLoadBalancer, Errors`,
    async run({ client, loadBalancer, refusal }) {
      const { LoadBalancerArn } = await loadBalancer();
      const protect = (Value: string) =>
        client.send(
          new elb.ModifyLoadBalancerAttributesCommand({
            LoadBalancerArn,
            Attributes: [{ Key: 'deletion_protection.enabled', Value }],
          }),
        );
      await protect('true');
      assert.equal(
        await refusal(client.send(new elb.DeleteLoadBalancerCommand({ LoadBalancerArn }))),
        'OperationNotPermitted',
      );
      await protect('false');
    },
  },
  {
    title: 'SetSecurityGroups on a network load balancer made without any is refused',
    fact: `${api}, SetSecurityGroups`,
    async run({ client, sharedLoadBalancer, refusal }) {
      const { LoadBalancerArn } = await sharedLoadBalancer();
      const call = client.send(
        new elb.SetSecurityGroupsCommand({ LoadBalancerArn, SecurityGroups: ['sg-0123456789abcdef0'] }),
      );
      assert.equal(await refusal(call), 'InvalidConfigurationRequest');
    },
  },
  {
    title: 'CreateTargetGroup fills in the documented health check',
    fact: `${api}, CreateTargetGroup`,
    async run({ targetGroup }) {
      const group = await targetGroup({ Protocol: 'UDP' });
      assert.equal(group.HealthCheckProtocol, 'TCP');
      assert.equal(group.HealthCheckPort, 'traffic-port');
      assert.equal(group.HealthCheckIntervalSeconds, 30);
      assert.equal(group.HealthyThresholdCount, 5);
      assert.equal(group.UnhealthyThresholdCount, 2);
      assert.deepEqual(group.LoadBalancerArns, []);
    },
  },
  {
    title: 'CreateTargetGroup with the same settings again answers with the same group',
    fact: `${api}, CreateTargetGroup: "idempotent"`,
    async run({ targetGroup }) {
      const first = await targetGroup();
      assert.equal((await targetGroup({ Name: first.TargetGroupName })).TargetGroupArn, first.TargetGroupArn);
    },
  },
  {
    title: 'CreateTargetGroup with the same name and other settings is DuplicateTargetGroupName',
    fact: `${api}, CreateTargetGroup, Errors`,
    async run({ targetGroup, refusal }) {
      const first = await targetGroup();
      assert.equal(await refusal(targetGroup({ Name: first.TargetGroupName, Port: 8888 })), 'DuplicateTargetGroupName');
    },
  },
  {
    title: 'CreateTargetGroup refuses names that are too long or end in a hyphen',
    fact: `${api}, CreateTargetGroup, Name`,
    async run({ targetGroup, refusal }) {
      assert.equal(await refusal(targetGroup({ Name: 'a'.repeat(33) })), 'ValidationError');
      assert.equal(await refusal(targetGroup({ Name: 'room-' })), 'ValidationError');
      assert.equal(await refusal(targetGroup({ Name: 'room_1' })), 'ValidationError');
    },
  },
  {
    title: 'CreateTargetGroup refuses a UDP health check',
    fact: `${api}, CreateTargetGroup, HealthCheckProtocol`,
    async run({ targetGroup, refusal }) {
      assert.equal(
        await refusal(targetGroup({ Protocol: 'UDP', HealthCheckProtocol: 'UDP' })),
        'InvalidConfigurationRequest',
      );
    },
  },
  {
    title: 'CreateTargetGroup refuses an interval below 5 s',
    fact: `${api}, CreateTargetGroup, HealthCheckIntervalSeconds`,
    async run({ targetGroup, refusal }) {
      assert.equal(await refusal(targetGroup({ HealthCheckIntervalSeconds: 4 })), 'ValidationError');
    },
  },
  {
    title: 'DeleteTargetGroup while a listener uses it is ResourceInUse',
    fact: `${api}, DeleteTargetGroup, Errors`,
    async run({ client, sharedLoadBalancer, targetGroup, listener, refusal }) {
      const group = await targetGroup();
      await listener(await sharedLoadBalancer(), group);
      assert.equal(
        await refusal(client.send(new elb.DeleteTargetGroupCommand({ TargetGroupArn: group.TargetGroupArn }))),
        'ResourceInUse',
      );
    },
  },
  {
    title: 'DeleteTargetGroup of a missing one succeeds',
    fact: 'seen by cloud controllers',
    async run({ client, targetGroup }) {
      const { TargetGroupArn } = await targetGroup();
      await client.send(new elb.DeleteTargetGroupCommand({ TargetGroupArn }));
      await client.send(new elb.DeleteTargetGroupCommand({ TargetGroupArn }));
    },
  },
  {
    title: 'DescribeTargetGroups of a missing one is TargetGroupNotFound',
    fact: `${api}, DescribeTargetGroups, Errors`,
    async run({ client, refusal, name }) {
      assert.equal(
        await refusal(client.send(new elb.DescribeTargetGroupsCommand({ Names: [name()] }))),
        'TargetGroupNotFound',
      );
    },
  },
  {
    title: 'DescribeTargetGroups names at most 20 groups',
    fact: 'ELBv2 API, request limits',
    async run({ client, refusal, name }) {
      const Names = Array.from({ length: 21 }, name);
      assert.equal(await refusal(client.send(new elb.DescribeTargetGroupsCommand({ Names }))), 'ValidationError');
    },
  },
  {
    title: 'DescribeTargetGroups pages by marker without losing or repeating a group',
    fact: `${api}, DescribeTargetGroups, Marker and PageSize`,
    async run({ client, targetGroup }) {
      const made = [await targetGroup(), await targetGroup(), await targetGroup()].map(group => group.TargetGroupArn!);
      const seen: string[] = [];
      for await (const page of elb.paginateDescribeTargetGroups({ client }, { PageSize: 1 })) {
        assert.ok(page.TargetGroups!.length <= 1);
        seen.push(...page.TargetGroups!.map(group => group.TargetGroupArn!));
      }
      assert.equal(new Set(seen).size, seen.length);
      assert.deepEqual(
        made.filter(arn => !seen.includes(arn)),
        [],
      );
    },
  },
  {
    title: 'PageSize above 400 is a validation error',
    fact: `${api}, DescribeTargetGroups, PageSize`,
    async run({ client, refusal }) {
      assert.equal(
        await refusal(client.send(new elb.DescribeTargetGroupsCommand({ PageSize: 401 }))),
        'ValidationError',
      );
    },
  },
  {
    title: 'ModifyTargetGroup changes the health check',
    fact: `${api}, ModifyTargetGroup`,
    async run({ client, targetGroup }) {
      const { TargetGroupArn } = await targetGroup();
      const { TargetGroups } = await client.send(
        new elb.ModifyTargetGroupCommand({
          TargetGroupArn,
          HealthCheckPort: '8080',
          HealthyThresholdCount: 2,
          HealthCheckIntervalSeconds: 10,
        }),
      );
      assert.equal(TargetGroups![0]!.HealthCheckPort, '8080');
      assert.equal(TargetGroups![0]!.HealthyThresholdCount, 2);
      assert.equal(TargetGroups![0]!.HealthCheckIntervalSeconds, 10);
    },
  },
  {
    title: 'TCP groups terminate connections of unhealthy targets, UDP groups those of deregistered ones',
    fact: `${api}, TargetGroupAttribute`,
    async run({ client, targetGroup }) {
      const attributesOf = async (Protocol: 'TCP' | 'UDP') => {
        const { TargetGroupArn } = await targetGroup({ Protocol });
        return (await client.send(new elb.DescribeTargetGroupAttributesCommand({ TargetGroupArn }))).Attributes;
      };
      const tcp = await attributesOf('TCP');
      const udp = await attributesOf('UDP');
      const unhealthy = 'target_health_state.unhealthy.connection_termination.enabled';
      const deregistered = 'deregistration_delay.connection_termination.enabled';
      assert.deepEqual([attribute(tcp, unhealthy), attribute(tcp, deregistered)], ['true', 'false']);
      assert.deepEqual([attribute(udp, unhealthy), attribute(udp, deregistered)], ['false', 'true']);
      assert.deepEqual(
        [attribute(tcp, 'preserve_client_ip.enabled'), attribute(udp, 'preserve_client_ip.enabled')],
        ['false', 'true'],
      );
      assert.equal(attribute(tcp, 'deregistration_delay.timeout_seconds'), '300');
    },
  },
  {
    title: 'ModifyTargetGroupAttributes keeps the client address of UDP groups',
    fact: `${api}, TargetGroupAttribute, preserve_client_ip.enabled`,
    async run({ client, targetGroup, refusal }) {
      const { TargetGroupArn } = await targetGroup({ Protocol: 'TCP_UDP' });
      const set = (Key: string, Value: string) =>
        client.send(new elb.ModifyTargetGroupAttributesCommand({ TargetGroupArn, Attributes: [{ Key, Value }] }));
      assert.equal(await refusal(set('preserve_client_ip.enabled', 'false')), 'InvalidConfigurationRequest');
      assert.equal(
        await refusal(set('target_health_state.unhealthy.connection_termination.enabled', 'true')),
        'InvalidConfigurationRequest',
      );
      await set('preserve_client_ip.enabled', 'true');
    },
  },
  {
    title: 'ModifyTargetGroupAttributes refuses keys that it does not know, and sets nothing then',
    fact: 'seen by Terraform users',
    async run({ client, targetGroup, refusal }) {
      const { TargetGroupArn } = await targetGroup();
      const Attributes = [
        { Key: 'deregistration_delay.timeout_seconds', Value: '30' },
        { Key: 'no_such.key', Value: 'true' },
      ];
      assert.equal(
        await refusal(client.send(new elb.ModifyTargetGroupAttributesCommand({ TargetGroupArn, Attributes }))),
        'ValidationError',
      );
      const after = await client.send(new elb.DescribeTargetGroupAttributesCommand({ TargetGroupArn }));
      assert.equal(attribute(after.Attributes, 'deregistration_delay.timeout_seconds'), '300');
    },
  },
  {
    title: 'CreateListener works while the load balancer is provisioning',
    fact: 'seen by cloud controllers',
    async run({ loadBalancer, targetGroup, listener }) {
      const made = await listener(await loadBalancer(), await targetGroup());
      assert.match(made.ListenerArn!, /:listener\/net\/[^/]+\/[0-9a-f]{16}\/[0-9a-f]{16}$/);
    },
  },
  {
    title: 'CreateListener with the same settings again answers with the same listener',
    fact: `${api}, CreateListener: "idempotent"`,
    async run({ sharedLoadBalancer, targetGroup, listener }) {
      const loadBalancer = await sharedLoadBalancer();
      const group = await targetGroup();
      const first = await listener(loadBalancer, group);
      assert.equal((await listener(loadBalancer, group, { Port: first.Port })).ListenerArn, first.ListenerArn);
    },
  },
  {
    title: 'CreateListener on a used port with another target group is DuplicateListener',
    fact: `${api}, CreateListener, Errors`,
    async run({ sharedLoadBalancer, targetGroup, listener, refusal }) {
      const loadBalancer = await sharedLoadBalancer();
      const first = await listener(loadBalancer, await targetGroup());
      assert.equal(
        await refusal(listener(loadBalancer, await targetGroup(), { Port: first.Port })),
        'DuplicateListener',
      );
    },
  },
  {
    title: 'A TCP and a UDP listener on one port are DuplicateListener',
    fact: `${guide}, Listeners: TCP_UDP`,
    async run({ sharedLoadBalancer, targetGroup, listener, refusal }) {
      const loadBalancer = await sharedLoadBalancer();
      const first = await listener(loadBalancer, await targetGroup({ Protocol: 'TCP' }));
      assert.equal(
        await refusal(listener(loadBalancer, await targetGroup({ Protocol: 'UDP' }), { Port: first.Port })),
        'DuplicateListener',
      );
    },
  },
  {
    title: 'A UDP listener beside a TCP listener is DuplicateListener even with the same TCP_UDP target group',
    fact: `${guide}, Listeners: TCP_UDP`,
    async run({ sharedLoadBalancer, targetGroup, listener, refusal }) {
      const loadBalancer = await sharedLoadBalancer();
      const group = await targetGroup({ Protocol: 'TCP_UDP' });
      const first = await listener(loadBalancer, group, { Protocol: 'TCP' });
      assert.equal(
        await refusal(listener(loadBalancer, group, { Protocol: 'UDP', Port: first.Port })),
        'DuplicateListener',
      );
    },
  },
  {
    title: 'A TCP_UDP listener needs a TCP_UDP target group',
    fact: `${api}, CreateTargetGroup, Protocol`,
    async run({ sharedLoadBalancer, targetGroup, listener, refusal }) {
      const code = await refusal(
        listener(await sharedLoadBalancer(), await targetGroup({ Protocol: 'TCP' }), { Protocol: 'TCP_UDP' }),
      );
      assert.ok(['IncompatibleProtocols', 'InvalidConfigurationRequest'].includes(code), code);
    },
  },
  {
    title: 'CreateListener with protocol HTTP on a network load balancer is refused',
    fact: `${api}, CreateListener, Protocol`,
    async run({ sharedLoadBalancer, targetGroup, listener, refusal }) {
      const code = await refusal(listener(await sharedLoadBalancer(), await targetGroup(), { Protocol: 'HTTP' }));
      assert.ok(['UnsupportedProtocol', 'ValidationError', 'InvalidConfigurationRequest'].includes(code), code);
    },
  },
  {
    title: 'CreateListener for a missing target group is TargetGroupNotFound',
    fact: `${api}, CreateListener, Errors`,
    async run({ client, sharedLoadBalancer, targetGroup, listener, refusal }) {
      const group = await targetGroup();
      await client.send(new elb.DeleteTargetGroupCommand({ TargetGroupArn: group.TargetGroupArn }));
      assert.equal(await refusal(listener(await sharedLoadBalancer(), group)), 'TargetGroupNotFound');
    },
  },
  {
    title: 'CreateListener on a missing load balancer is LoadBalancerNotFound',
    fact: `${api}, CreateListener, Errors`,
    async run({ client, loadBalancer, targetGroup, listener, refusal }) {
      const gone = await loadBalancer();
      await client.send(new elb.DeleteLoadBalancerCommand({ LoadBalancerArn: gone.LoadBalancerArn }));
      assert.equal(await refusal(listener(gone, await targetGroup())), 'LoadBalancerNotFound');
    },
  },
  {
    title: 'A target group serves one load balancer only',
    fact: `${guide}, Quotas; ${api}, CreateListener, Errors`,
    async run({ sharedLoadBalancer, loadBalancer, targetGroup, listener, refusal }) {
      const group = await targetGroup();
      await listener(await sharedLoadBalancer(), group);
      assert.equal(await refusal(listener(await loadBalancer(), group)), 'TargetGroupAssociationLimit');
    },
  },
  {
    title: 'An IPv6 target group goes with a dualstack load balancer alone',
    fact: `${guide}, Target groups, IP address type: "IPv6 target groups can only be associated with dualstack Network Load Balancers"`,
    async run({ sharedLoadBalancer, targetGroup, listener, refusal }) {
      const group = await targetGroup({ IpAddressType: 'ipv6' });
      const code = await refusal(listener(await sharedLoadBalancer(), group));
      assert.ok(['InvalidConfigurationRequest', 'ValidationError'].includes(code), code);
    },
  },
  {
    title: 'One target group may have two listeners of one load balancer',
    fact: `${guide}, Target groups`,
    async run({ client, sharedLoadBalancer, targetGroup, listener }) {
      const loadBalancer = await sharedLoadBalancer();
      const group = await targetGroup();
      await listener(loadBalancer, group);
      await listener(loadBalancer, group);
      const { TargetGroups } = await client.send(
        new elb.DescribeTargetGroupsCommand({ TargetGroupArns: [group.TargetGroupArn!] }),
      );
      assert.deepEqual(TargetGroups![0]!.LoadBalancerArns, [loadBalancer.LoadBalancerArn]);
    },
  },
  {
    title: 'ModifyListener onto a used port is refused',
    fact: `${api}, ModifyListener, Errors; seen as ValidationError by Terraform users`,
    async run({ client, sharedLoadBalancer, targetGroup, listener, refusal }) {
      const loadBalancer = await sharedLoadBalancer();
      const first = await listener(loadBalancer, await targetGroup());
      const second = await listener(loadBalancer, await targetGroup());
      const code = await refusal(
        client.send(new elb.ModifyListenerCommand({ ListenerArn: second.ListenerArn, Port: first.Port })),
      );
      assert.ok(['DuplicateListener', 'ValidationError'].includes(code), code);
    },
  },
  {
    title: 'ModifyListener moves a listener to another target group',
    fact: `${api}, ModifyListener`,
    async run({ client, sharedLoadBalancer, targetGroup, listener }) {
      const before = await targetGroup();
      const after = await targetGroup();
      const { ListenerArn } = await listener(await sharedLoadBalancer(), before);
      const { Listeners } = await client.send(
        new elb.ModifyListenerCommand({
          ListenerArn,
          DefaultActions: [{ Type: 'forward', TargetGroupArn: after.TargetGroupArn }],
        }),
      );
      assert.equal(Listeners![0]!.DefaultActions![0]!.TargetGroupArn, after.TargetGroupArn);
    },
  },
  {
    title: 'DescribeListeners shows the listeners of one load balancer',
    fact: `${api}, DescribeListeners`,
    async run({ client, loadBalancer, targetGroup, listener }) {
      const made = await loadBalancer();
      const group = await targetGroup();
      const arns = [await listener(made, group), await listener(made, group)].map(({ ListenerArn }) => ListenerArn);
      const { Listeners } = await client.send(
        new elb.DescribeListenersCommand({ LoadBalancerArn: made.LoadBalancerArn }),
      );
      assert.deepEqual(Listeners!.map(({ ListenerArn }) => ListenerArn).sort(), arns.sort());
    },
  },
  {
    title: 'DeleteListener of a missing one is ListenerNotFound',
    fact: `${api}, DeleteListener, Errors`,
    async run({ client, sharedLoadBalancer, targetGroup, listener, refusal }) {
      const { ListenerArn } = await listener(await sharedLoadBalancer(), await targetGroup());
      await client.send(new elb.DeleteListenerCommand({ ListenerArn }));
      assert.equal(await refusal(client.send(new elb.DeleteListenerCommand({ ListenerArn }))), 'ListenerNotFound');
    },
  },
  {
    title: 'TCP listeners have an idle time-out of 60 to 6000 s',
    fact: `${api}, ListenerAttribute`,
    async run({ client, sharedLoadBalancer, targetGroup, listener, refusal }) {
      const { ListenerArn } = await listener(await sharedLoadBalancer(), await targetGroup());
      const key = 'tcp.idle_timeout.seconds';
      const before = await client.send(new elb.DescribeListenerAttributesCommand({ ListenerArn }));
      assert.equal(attribute(before.Attributes, key), '350');
      const set = (Value: string) =>
        client.send(new elb.ModifyListenerAttributesCommand({ ListenerArn, Attributes: [{ Key: key, Value }] }));
      await set('60');
      const code = await refusal(set('59'));
      assert.ok(['InvalidConfigurationRequest', 'ValidationError'].includes(code), code);
    },
  },
  {
    title: 'A target in a group without a listener is unused',
    fact: `${api}, TargetHealth: Target.NotInUse`,
    async run({ client, targetGroup, silentAddress }) {
      const { TargetGroupArn } = await targetGroup();
      await client.send(new elb.RegisterTargetsCommand({ TargetGroupArn, Targets: [{ Id: silentAddress }] }));
      const { TargetHealthDescriptions } = await client.send(new elb.DescribeTargetHealthCommand({ TargetGroupArn }));
      assert.equal(TargetHealthDescriptions![0]!.TargetHealth!.State, 'unused');
      assert.equal(TargetHealthDescriptions![0]!.TargetHealth!.Reason, 'Target.NotInUse');
      assert.equal(TargetHealthDescriptions![0]!.Target!.Port, 7777);
    },
  },
  {
    title: 'A target where nothing answers becomes unhealthy',
    fact: `${guide}, Health checks`,
    async run({ client, sharedLoadBalancer, targetGroup, listener, silentAddress, eventually }) {
      const group = await targetGroup({ HealthCheckIntervalSeconds: 5, HealthCheckTimeoutSeconds: 2 });
      const { TargetGroupArn } = group;
      await listener(await sharedLoadBalancer(), group);
      await client.send(new elb.RegisterTargetsCommand({ TargetGroupArn, Targets: [{ Id: silentAddress }] }));
      const health = await eventually(
        async () =>
          (await client.send(new elb.DescribeTargetHealthCommand({ TargetGroupArn }))).TargetHealthDescriptions![0]!
            .TargetHealth!,
        ({ State }) => State !== 'initial',
      );
      assert.equal(health.State, 'unhealthy');
      assert.ok(['Target.FailedHealthChecks', 'Target.Timeout'].includes(health.Reason!), health.Reason);
    },
  },
  {
    title: 'One address may be registered with several ports, and each is a target of its own',
    fact: `${api}, RegisterTargets: "multiple times using different ports"`,
    async run({ client, targetGroup, silentAddress }) {
      const { TargetGroupArn } = await targetGroup();
      const ports = async () =>
        (await client.send(new elb.DescribeTargetHealthCommand({ TargetGroupArn })))
          .TargetHealthDescriptions!.map(({ Target }) => Target!.Port)
          .sort();
      const target = (Port: number) => [{ Id: silentAddress, Port }];
      await client.send(
        new elb.RegisterTargetsCommand({ TargetGroupArn, Targets: [...target(7001), ...target(7002)] }),
      );
      assert.deepEqual(await ports(), [7001, 7002]);
      await client.send(new elb.DeregisterTargetsCommand({ TargetGroupArn, Targets: target(7001) }));
      assert.deepEqual(await ports(), [7002]);
    },
  },
  {
    title: 'Registering a target again changes nothing',
    fact: 'seen by cloud controllers',
    async run({ client, targetGroup, silentAddress }) {
      const { TargetGroupArn } = await targetGroup();
      const Targets = [{ Id: silentAddress, Port: 7001 }];
      await client.send(new elb.RegisterTargetsCommand({ TargetGroupArn, Targets }));
      await client.send(new elb.RegisterTargetsCommand({ TargetGroupArn, Targets }));
      const { TargetHealthDescriptions } = await client.send(new elb.DescribeTargetHealthCommand({ TargetGroupArn }));
      assert.equal(TargetHealthDescriptions!.length, 1);
    },
  },
  {
    title: 'Deregistering an unknown target succeeds',
    fact: `${api}, DeregisterTargets: "the action returns successfully"`,
    async run({ client, targetGroup, silentAddress }) {
      const { TargetGroupArn } = await targetGroup();
      await client.send(
        new elb.DeregisterTargetsCommand({ TargetGroupArn, Targets: [{ Id: silentAddress, Port: 7009 }] }),
      );
    },
  },
  {
    title: 'A deregistered target of a group in use drains',
    fact: `${guide}, Deregistration delay`,
    async run({ client, sharedLoadBalancer, targetGroup, listener, silentAddress }) {
      const group = await targetGroup();
      const { TargetGroupArn } = group;
      await listener(await sharedLoadBalancer(), group);
      const Targets = [{ Id: silentAddress }];
      await client.send(new elb.RegisterTargetsCommand({ TargetGroupArn, Targets }));
      await client.send(new elb.DeregisterTargetsCommand({ TargetGroupArn, Targets }));
      const { TargetHealthDescriptions } = await client.send(new elb.DescribeTargetHealthCommand({ TargetGroupArn }));
      assert.equal(TargetHealthDescriptions![0]!.TargetHealth!.State, 'draining');
      assert.equal(TargetHealthDescriptions![0]!.TargetHealth!.Reason, 'Target.DeregistrationInProgress');
    },
  },
  {
    title: 'A registered target without deregistration delay is gone after deregistering',
    fact: `${api}, TargetGroupAttribute, deregistration_delay.timeout_seconds`,
    async run({ client, sharedLoadBalancer, targetGroup, listener, silentAddress, eventually }) {
      const group = await targetGroup();
      const { TargetGroupArn } = group;
      const Attributes = [{ Key: 'deregistration_delay.timeout_seconds', Value: '0' }];
      await client.send(new elb.ModifyTargetGroupAttributesCommand({ TargetGroupArn, Attributes }));
      await listener(await sharedLoadBalancer(), group);
      const Targets = [{ Id: silentAddress }];
      await client.send(new elb.RegisterTargetsCommand({ TargetGroupArn, Targets }));
      await client.send(new elb.DeregisterTargetsCommand({ TargetGroupArn, Targets }));
      await eventually(
        async () =>
          (await client.send(new elb.DescribeTargetHealthCommand({ TargetGroupArn }))).TargetHealthDescriptions!.length,
        count => count === 0,
      );
    },
  },
  {
    title: 'Asking for the health of a target that is not registered answers unused, Target.NotRegistered',
    fact: `${api}, TargetHealth: Target.NotRegistered`,
    async run({ client, targetGroup, silentAddress }) {
      const { TargetGroupArn } = await targetGroup();
      const { TargetHealthDescriptions } = await client.send(
        new elb.DescribeTargetHealthCommand({ TargetGroupArn, Targets: [{ Id: silentAddress, Port: 7001 }] }),
      );
      assert.equal(TargetHealthDescriptions![0]!.TargetHealth!.Reason, 'Target.NotRegistered');
    },
  },
  {
    title: 'RegisterTargets refuses public addresses',
    fact: `${api}, CreateTargetGroup, TargetType: "You can't specify publicly routable IP addresses"`,
    async run({ client, targetGroup, refusal }) {
      const { TargetGroupArn } = await targetGroup();
      const code = await refusal(
        client.send(new elb.RegisterTargetsCommand({ TargetGroupArn, Targets: [{ Id: '8.8.8.8' }] })),
      );
      assert.ok(['InvalidTarget', 'ValidationError'].includes(code), code);
    },
  },
  {
    title: 'A target group takes addresses of its own family alone',
    fact: `${guide}, Target groups, IP address type: "All IP addresses within a target group must have the same IP address type"`,
    async run({ client, targetGroup, refusal }) {
      for (const [IpAddressType, Id] of [
        ['ipv6', '10.0.0.1'],
        ['ipv4', 'fd00::1'],
      ] as const) {
        const { TargetGroupArn, IpAddressType: made } = await targetGroup({ IpAddressType });
        assert.equal(made, IpAddressType);
        const code = await refusal(client.send(new elb.RegisterTargetsCommand({ TargetGroupArn, Targets: [{ Id }] })));
        assert.ok(['InvalidTarget', 'ValidationError'].includes(code), code);
      }
    },
  },
  {
    title: 'RegisterTargets refuses what is no address',
    fact: `${api}, RegisterTargets, Errors`,
    async run({ client, targetGroup, refusal }) {
      const { TargetGroupArn } = await targetGroup();
      assert.equal(
        await refusal(client.send(new elb.RegisterTargetsCommand({ TargetGroupArn, Targets: [{ Id: 'room-1' }] }))),
        'ValidationError',
      );
    },
  },
  {
    title: 'RegisterTargets in a missing group is TargetGroupNotFound',
    fact: `${api}, RegisterTargets, Errors`,
    async run({ client, targetGroup, refusal, silentAddress }) {
      const { TargetGroupArn } = await targetGroup();
      await client.send(new elb.DeleteTargetGroupCommand({ TargetGroupArn }));
      const call = client.send(new elb.RegisterTargetsCommand({ TargetGroupArn, Targets: [{ Id: silentAddress }] }));
      assert.equal(await refusal(call), 'TargetGroupNotFound');
    },
  },
  {
    title: 'Tags are set on creation, changed and removed',
    fact: `${api}, AddTags, RemoveTags, DescribeTags`,
    async run({ client, targetGroup }) {
      const { TargetGroupArn } = await targetGroup({ Tags: [{ Key: 'team', Value: 'game' }] });
      const ResourceArns = [TargetGroupArn!];
      await client.send(
        new elb.AddTagsCommand({
          ResourceArns,
          Tags: [
            { Key: 'team', Value: 'chess' },
            { Key: 'stage', Value: 'test' },
          ],
        }),
      );
      await client.send(new elb.RemoveTagsCommand({ ResourceArns, TagKeys: ['stage', 'never-there'] }));
      const { TagDescriptions } = await client.send(new elb.DescribeTagsCommand({ ResourceArns }));
      assert.deepEqual(TagDescriptions, [{ ResourceArn: TargetGroupArn, Tags: [{ Key: 'team', Value: 'chess' }] }]);
    },
  },
  {
    title: 'The same tag key twice is DuplicateTagKeys',
    fact: `${api}, AddTags, Errors`,
    async run({ client, targetGroup, refusal }) {
      const { TargetGroupArn } = await targetGroup();
      const Tags = [
        { Key: 'team', Value: 'a' },
        { Key: 'team', Value: 'b' },
      ];
      assert.equal(
        await refusal(client.send(new elb.AddTagsCommand({ ResourceArns: [TargetGroupArn!], Tags }))),
        'DuplicateTagKeys',
      );
    },
  },
  {
    title: 'A resource has at most 50 tags, however they came',
    fact: `${guide}, Quotas; ${api}, AddTags, Errors`,
    async run({ client, targetGroup, refusal }) {
      const { TargetGroupArn } = await targetGroup();
      const add = (from: number, to: number) => {
        const Tags = Array.from({ length: to - from }, (_, index) => ({ Key: `tag-${from + index}`, Value: '' }));
        return client.send(new elb.AddTagsCommand({ ResourceArns: [TargetGroupArn!], Tags }));
      };
      assert.equal(await refusal(add(0, 51)), 'TooManyTags');
      await add(0, 50);
      await add(20, 50);
      assert.equal(await refusal(add(50, 51)), 'TooManyTags');
    },
  },
  {
    title: 'DescribeTags takes at most 20 ARNs',
    fact: `${api}, DescribeTags`,
    async run({ client, targetGroup, refusal }) {
      const { TargetGroupArn } = await targetGroup();
      const ResourceArns = Array.from({ length: 21 }, () => TargetGroupArn!);
      assert.equal(await refusal(client.send(new elb.DescribeTagsCommand({ ResourceArns }))), 'ValidationError');
    },
  },
  {
    title: 'What is no ARN is a validation error, not a not-found',
    fact: 'seen by Terraform users',
    async run({ client, refusal }) {
      assert.equal(
        await refusal(client.send(new elb.DescribeTargetHealthCommand({ TargetGroupArn: 'room-1' }))),
        'ValidationError',
      );
      assert.equal(
        await refusal(client.send(new elb.DeleteListenerCommand({ ListenerArn: 'room-1' }))),
        'ValidationError',
      );
    },
  },
  {
    title: 'DescribeAccountLimits tells the quota of listeners',
    fact: `${guide}, Quotas`,
    async run({ client }) {
      const { Limits } = await client.send(new elb.DescribeAccountLimitsCommand({}));
      assert.equal(Limits!.find(({ Name }) => Name === 'listeners-per-network-load-balancer')?.Max, '50');
    },
  },
];
