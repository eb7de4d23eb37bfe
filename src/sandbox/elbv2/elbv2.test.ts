import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { silentLog } from '../../runtime/log.ts';
import { seededRandom } from '../../runtime/random.ts';
import { type VirtualClock, virtualClock } from '../../runtime/virtual-clock.ts';
import { type VirtualNetwork, virtualNetwork } from '../virtual-network.ts';
import type { Authorize } from './authorization.ts';
import { createElbv2, type Elbv2 } from './elbv2.ts';
import { type Profile, profileSettings } from './settings.ts';
import { signatureHeaders, type TestParameters, testClient } from './test-client.ts';

interface Lab {
  clock: VirtualClock;
  network: VirtualNetwork;
  emulator: Elbv2;
  call: ReturnType<typeof testClient>;
  loadBalancer(name?: string, more?: TestParameters): Promise<string>;
  group(name?: string, more?: TestParameters): Promise<string>;
  listener(loadBalancer: string, group: string, port?: number, protocol?: string): Promise<string>;
  states(group: string): Promise<string[]>;
  reasons(group: string): Promise<string[]>;
}

function lab(profile: Profile = 'instant', set: Record<string, string> = {}, authorize?: Authorize): Lab {
  const clock = virtualClock();
  const network = virtualNetwork({ clock });
  const emulator = createElbv2({
    clock,
    random: seededRandom(7),
    network,
    log: silentLog(),
    settings: profileSettings(profile, set),
    ...(authorize ? { authorize } : {}),
  });
  const call = testClient(emulator.handle, clock);
  const made = async (
    element: string,
    answer: Promise<{ text(name: string): string | undefined; message: string | undefined }>,
  ) => {
    const { text, message } = await answer;
    return text(element) ?? assert.fail(message ?? 'no answer');
  };
  return {
    clock,
    network,
    emulator,
    call,
    loadBalancer: (name = 'game-1', more = {}) =>
      made(
        'LoadBalancerArn',
        call('CreateLoadBalancer', { Name: name, Type: 'network', Subnets: ['subnet-1'], ...more }),
      ),
    group: (name = 'room-1', more = {}) =>
      made(
        'TargetGroupArn',
        call('CreateTargetGroup', {
          Name: name,
          Protocol: 'TCP',
          Port: 7777,
          VpcId: 'vpc-1',
          TargetType: 'ip',
          ...more,
        }),
      ),
    listener: (loadBalancer, group, port = 30_000, protocol = 'TCP') =>
      made(
        'ListenerArn',
        call('CreateListener', {
          LoadBalancerArn: loadBalancer,
          Protocol: protocol,
          Port: port,
          DefaultActions: [{ Type: 'forward', TargetGroupArn: group }],
        }),
      ),
    states: async group => (await call('DescribeTargetHealth', { TargetGroupArn: group })).texts('State'),
    reasons: async group => (await call('DescribeTargetHealth', { TargetGroupArn: group })).texts('Reason'),
  };
}

const raw = (headers: Record<string, string>, body = 'Action=DescribeLoadBalancers&Version=2015-12-01') => ({
  method: 'POST',
  path: '/',
  headers,
  body,
});

describe('createElbv2(), at its front door', () => {
  it('answers an unsigned request with MissingAuthenticationToken and 403', async () => {
    const { emulator } = lab();
    const answer = await emulator.handle(raw({}));
    assert.equal(answer.status, 403);
    assert.match(answer.body, /<Type>Sender<\/Type><Code>MissingAuthenticationToken<\/Code>/);
  });

  it('refuses a signature more than 5 minutes old or ahead, and takes one that is nearer', async () => {
    const { emulator, clock } = lab();
    const answer = async (offsetMs: number) =>
      (await emulator.handle(raw(signatureHeaders(clock.nowMs() + offsetMs)))).body;
    assert.match(
      await answer(-301_000),
      /<Code>SignatureDoesNotMatch<\/Code><Message>Signature expired: \d{8}T\d{6}Z is now earlier than/,
    );
    assert.match(await answer(301_000), /<Code>SignatureDoesNotMatch<\/Code><Message>Signature not yet current: /);
    assert.match(await answer(-299_000), /<DescribeLoadBalancersResult>/);
    assert.match(await answer(299_000), /<DescribeLoadBalancersResult>/);
  });

  it('changes nothing on a call that was signed too long ago', async () => {
    const { emulator, clock, call } = lab();
    const body = 'Action=CreateTargetGroup&Version=2015-12-01&Name=late&Protocol=TCP&Port=1&VpcId=vpc-1&TargetType=ip';
    assert.equal((await emulator.handle(raw(signatureHeaders(clock.nowMs() - 400_000), body))).status, 403);
    assert.deepEqual((await call('DescribeTargetGroups')).texts('TargetGroupArn'), []);
  });

  it('answers unknown actions and versions with InvalidAction', async () => {
    const { emulator, clock, call } = lab();
    assert.equal((await call('MakeItSo')).code, 'InvalidAction');
    const old = await emulator.handle(
      raw(signatureHeaders(clock.nowMs()), 'Action=DescribeLoadBalancers&Version=2012-06-01'),
    );
    assert.match(old.body, /Could not find operation DescribeLoadBalancers for version 2012-06-01/);
    assert.match(
      (await emulator.handle(raw(signatureHeaders(clock.nowMs()), 'Version=2015-12-01'))).body,
      /<Code>MissingAction</,
    );
  });

  it('says of actions that AWS has and it lacks that it lacks them', async () => {
    const { call } = lab();
    assert.deepEqual([(await call('CreateRule')).status, (await call('CreateRule')).code], [501, 'NotImplemented']);
  });

  it('takes calls by GET with a query string', async () => {
    const { emulator, clock } = lab();
    const answer = await emulator.handle({
      method: 'GET',
      path: '/?Action=DescribeAccountLimits&Version=2015-12-01',
      headers: signatureHeaders(clock.nowMs()),
      body: '',
    });
    assert.equal(answer.status, 200);
  });

  it('survives any bytes with an answer below 500', async () => {
    const { emulator, clock } = lab();
    const random = seededRandom(3);
    const pieces = [
      'Action',
      '=',
      '&',
      'CreateListener',
      'Version=2015-12-01',
      'Targets.member.1.Id',
      '%',
      '%00',
      '.',
      'member.',
      '1',
      '99999999999',
      '\u0000',
      '<',
      '__proto__',
      'DefaultActions.member.1.Type',
      'Port',
      '-1',
      'é',
      'constructor',
      'RegisterTargets',
      'CreateTargetGroup',
      'Name',
      'arn:aws:elasticloadbalancing:us-east-1:111122223333:targetgroup/a/b',
      'TargetGroupArn',
    ];
    for (let round = 0; round < 3000; round++) {
      let body = round % 2 === 0 ? 'Version=2015-12-01&Action=' : '';
      for (let n = random.next() * 20; n > 0; n--) body += pieces[Math.floor(random.next() * pieces.length)];
      const { status } = await emulator.handle(raw(signatureHeaders(clock.nowMs()), body));
      assert.ok(status < 500 || status === 501, `${status} for ${JSON.stringify(body)}`);
    }
  });

  it('keeps regions and accounts apart', async () => {
    const { emulator, clock, loadBalancer } = lab();
    const arn = await loadBalancer();
    assert.match(arn, /^arn:aws:elasticloadbalancing:us-east-1:111122223333:/);
    const elsewhere = testClient(emulator.handle, clock, { region: 'cn-north-1', accessKeyId: '444455556666' });
    assert.deepEqual((await elsewhere('DescribeLoadBalancers')).texts('LoadBalancerArn'), []);
    const made = await elsewhere('CreateLoadBalancer', { Name: 'game-1', Type: 'network', Subnets: ['subnet-1'] });
    assert.match(made.text('LoadBalancerArn')!, /^arn:aws-cn:elasticloadbalancing:cn-north-1:444455556666:/);
    assert.match(made.text('DNSName')!, /\.elb\.cn-north-1\.amazonaws\.com\.cn$/);
  });

  it('answers denied actions AccessDenied in the words of IAM', async () => {
    const { call, group } = lab('instant', { deny: 'RegisterTargets, CreateListener' });
    const arn = await group();
    const answer = await call('RegisterTargets', { TargetGroupArn: arn, Targets: [{ Id: '10.0.0.1' }] });
    assert.equal(answer.status, 403);
    assert.equal(answer.code, 'AccessDenied');
    assert.equal(
      answer.message,
      `User: arn:aws:iam::111122223333:user/AKIATEST is not authorized to perform: elasticloadbalancing:RegisterTargets on resource: ${arn} because no identity-based policy allows the elasticloadbalancing:RegisterTargets action`,
    );
  });

  it('asks the authorize hook with tags of the request and of the resource, and for AddTags on a tagged create', async () => {
    const asked: string[] = [];
    const { call, group, loadBalancer } = lab(
      'instant',
      {},
      ({ action, resource, requestTags, resourceTags, createAction }) => {
        asked.push(
          `${action} ${resource.split(':').at(-1)} ${[...requestTags]} ${[...resourceTags]} ${createAction ?? ''}`.trim(),
        );
        return resourceTags.get('owner') !== 'them';
      },
    );
    const theirs = await group('theirs', { Tags: [{ Key: 'owner', Value: 'them' }] });
    assert.deepEqual(asked, [
      'elasticloadbalancing:CreateTargetGroup targetgroup/theirs/* owner,them',
      'elasticloadbalancing:AddTags targetgroup/theirs/* owner,them  CreateTargetGroup',
    ]);
    assert.equal((await call('DeleteTargetGroup', { TargetGroupArn: theirs })).code, 'AccessDenied');
    const balancer = await loadBalancer();
    asked.length = 0;
    await call('CreateListener', { LoadBalancerArn: balancer, Tags: [{ Key: 'a', Value: 'b' }] });
    const path = balancer.split(':').at(-1)!;
    assert.deepEqual(asked, [
      `elasticloadbalancing:CreateListener ${path} a,b`,
      `elasticloadbalancing:AddTags ${path.replace('loadbalancer', 'listener')}/* a,b  CreateListener`,
    ]);
  });

  it('throttles with HTTP 400 in the throttled profile, and logs it', async () => {
    const { call, clock, emulator } = lab('throttled');
    const codes = new Set<string | undefined>();
    for (let n = 0; n < 41; n++) codes.add((await call('DescribeAccountLimits')).code);
    assert.deepEqual([...codes], [undefined, 'Throttling']);
    assert.equal(emulator.callLog.count('DescribeAccountLimits', 'Throttling'), 1);
    assert.equal(emulator.callLog.counts().throttled, 1);
    await clock.advance(100);
    assert.equal((await call('DescribeAccountLimits')).status, 200);
  });

  it('counts calls by action and outcome, and forgets them on reset', async () => {
    const { call, group, emulator } = lab();
    await group();
    await call('DescribeTargetGroups', { Names: ['none'] });
    assert.equal(emulator.callLog.count('CreateTargetGroup', null), 1);
    assert.equal(emulator.callLog.count('DescribeTargetGroups', 'TargetGroupNotFound'), 1);
    assert.deepEqual(
      emulator.callLog.entries.map(({ action, mutating, error, parameters }) => [
        action,
        mutating,
        error,
        parameters.Name ?? parameters.Names,
      ]),
      [
        ['CreateTargetGroup', true, null, 'room-1'],
        ['DescribeTargetGroups', false, 'TargetGroupNotFound', 'none'],
      ],
    );
    emulator.callLog.reset();
    assert.deepEqual(emulator.callLog.counts(), { calls: 0, mutating: 0, throttled: 0, actions: {} });
  });
});

describe('createElbv2(), quotas', () => {
  it('allows 50 listeners on a load balancer', async () => {
    const { call, loadBalancer, group, listener } = lab();
    const arn = await loadBalancer();
    const target = await group();
    for (let port = 1; port <= 50; port++) await listener(arn, target, port);
    const more = {
      LoadBalancerArn: arn,
      Protocol: 'TCP',
      Port: 51,
      DefaultActions: [{ Type: 'forward', TargetGroupArn: target }],
    };
    assert.equal((await call('CreateListener', more)).code, 'TooManyListeners');
    assert.equal((await call('CreateListener', { ...more, Port: 50 })).status, 200);
  });

  it('allows as many load balancers, groups and targets as the settings say', async () => {
    const { call, loadBalancer, group } = lab('instant', {
      'load-balancers': '1',
      'target-groups': '1',
      'targets-per-target-group': '2',
    });
    await loadBalancer('one');
    assert.equal(
      (await call('CreateLoadBalancer', { Name: 'two', Type: 'network', Subnets: ['a'] })).code,
      'TooManyLoadBalancers',
    );
    const arn = await group('one');
    const another = { Name: 'two', Protocol: 'TCP', Port: 1, VpcId: 'vpc-1', TargetType: 'ip' };
    assert.equal((await call('CreateTargetGroup', another)).code, 'TooManyTargetGroups');
    const register = (...ids: string[]) =>
      call('RegisterTargets', { TargetGroupArn: arn, Targets: ids.map(Id => ({ Id })) });
    assert.equal((await register('10.0.0.1', '10.0.0.2')).status, 200);
    assert.equal((await register('10.0.0.3')).code, 'TooManyTargets');
    assert.equal((await register('10.0.0.2')).status, 200);
  });

  it('counts targets of a load balancer over its groups, when registering and when attaching', async () => {
    const { call, loadBalancer, group, listener } = lab('instant', {
      'targets-per-load-balancer': '2',
      'registrations-per-target-id': '1',
    });
    const arn = await loadBalancer();
    const [first, second] = [await group('first'), await group('second')];
    const register = (to: string, ...ids: string[]) =>
      call('RegisterTargets', { TargetGroupArn: to, Targets: ids.map(Id => ({ Id })) });
    await listener(arn, first, 1);
    assert.equal((await register(first, '10.0.0.1', '10.0.0.2')).status, 200);
    assert.equal((await register(first, '10.0.0.3')).code, 'TooManyTargets');
    await register(second, '10.0.0.4');
    const attach = {
      LoadBalancerArn: arn,
      Protocol: 'TCP',
      Port: 2,
      DefaultActions: [{ Type: 'forward', TargetGroupArn: second }],
    };
    assert.equal((await call('CreateListener', attach)).code, 'TooManyTargets');
    await call('DeregisterTargets', { TargetGroupArn: first, Targets: [{ Id: '10.0.0.2' }] });
    assert.equal((await call('CreateListener', attach)).status, 200, 'what drains is not counted');
    await call('DeregisterTargets', { TargetGroupArn: second, Targets: [{ Id: '10.0.0.4' }] });
    assert.equal((await register(second, '10.0.0.1')).code, 'TooManyRegistrationsForTargetId');
  });

  it('allows 500 targets where groups cross zones', async () => {
    const { call, loadBalancer, group, listener } = lab();
    const arn = await group();
    const Attributes = [{ Key: 'load_balancing.cross_zone.enabled', Value: 'true' }];
    await call('ModifyTargetGroupAttributes', { TargetGroupArn: arn, Attributes });
    await listener(await loadBalancer(), arn);
    const targets = (from: number, to: number) =>
      Array.from({ length: to - from }, (_, index) => ({ Id: '10.0.0.1', Port: from + index }));
    assert.equal((await call('RegisterTargets', { TargetGroupArn: arn, Targets: targets(1, 501) })).status, 200);
    assert.equal(
      (await call('RegisterTargets', { TargetGroupArn: arn, Targets: targets(501, 502) })).code,
      'TooManyTargets',
    );
  });
});

describe('createElbv2(), life of a target', () => {
  it('goes healthy at once in the instant profile, unhealthy at the next check, and back', async () => {
    const { clock, network, call, loadBalancer, group, listener, states, reasons } = lab();
    const arn = await group('room-1', { HealthCheckIntervalSeconds: 10 });
    await listener(await loadBalancer(), arn);
    const server = await network.listenTcp({ host: '10.0.0.1', port: 7777 }, () => {});
    await call('RegisterTargets', { TargetGroupArn: arn, Targets: [{ Id: '10.0.0.1' }] });
    await clock.settle();
    assert.deepEqual(await states(arn), ['healthy']);
    await server.close();
    await clock.advance(9999);
    assert.deepEqual(await states(arn), ['healthy']);
    await clock.advance(1);
    assert.deepEqual([await states(arn), await reasons(arn)], [['unhealthy'], ['Target.FailedHealthChecks']]);
    await network.listenTcp({ host: '10.0.0.1', port: 7777 }, () => {});
    await clock.advance(10_000);
    assert.deepEqual(await states(arn), ['healthy']);
  });

  it('names a silent target Target.Timeout', async () => {
    const { clock, network, call, loadBalancer, group, listener, reasons } = lab();
    const arn = await group();
    await listener(await loadBalancer(), arn);
    network.silence('10.0.0.1');
    await call('RegisterTargets', { TargetGroupArn: arn, Targets: [{ Id: '10.0.0.1' }] });
    assert.deepEqual(await reasons(arn), ['Elb.InitialHealthChecking']);
    await clock.advance(10_000);
    assert.deepEqual(await reasons(arn), ['Target.Timeout']);
  });

  for (const [status, matcher, state, reason] of [
    [200, '200-399', 'healthy', []],
    [503, '200-399', 'unhealthy', ['Target.ResponseCodeMismatch']],
    [404, '200,404', 'healthy', []],
  ] as const) {
    it(`judges an HTTP answer of ${status} by the matcher ${matcher}`, async () => {
      const { clock, network, call, loadBalancer, group, listener, states, reasons } = lab();
      const arn = await group('room-1', {
        HealthCheckProtocol: 'HTTP',
        HealthCheckPort: '8080',
        HealthCheckPath: '/ready',
        Matcher: { HttpCode: matcher },
      });
      await listener(await loadBalancer(), arn);
      const heard: string[] = [];
      await network.listenTcp({ host: '10.0.0.1', port: 8080 }, connection =>
        connection.attach({
          data(bytes) {
            heard.push(Buffer.from(bytes).toString().split('\r\n')[0]!);
            connection.write(Buffer.from(`HTTP/1.1 ${status} Whatever\r\nContent-Length: 0\r\n\r\n`));
          },
          ended() {},
          closed() {},
          drained() {},
        }),
      );
      await call('RegisterTargets', { TargetGroupArn: arn, Targets: [{ Id: '10.0.0.1' }] });
      await clock.settle();
      assert.deepEqual(heard, ['GET /ready HTTP/1.1']);
      assert.deepEqual([await states(arn), await reasons(arn)], [[state], [...reason]]);
    });
  }

  it('takes no notice of a check that began before its group was taken out of use and back', async () => {
    const { clock, network, call, loadBalancer, group, listener, states } = lab();
    const [balancer, arn] = [await loadBalancer(), await group('room-1', { HealthCheckIntervalSeconds: 30 })];
    const ListenerArn = await listener(balancer, arn);
    network.silence('10.0.0.1');
    await call('RegisterTargets', { TargetGroupArn: arn, Targets: [{ Id: '10.0.0.1' }] });
    await clock.advance(5000);
    await call('DeleteListener', { ListenerArn });
    network.unsilence('10.0.0.1');
    await network.listenTcp({ host: '10.0.0.1', port: 7777 }, () => {});
    await listener(balancer, arn);
    await clock.advance(6000);
    assert.deepEqual(await states(arn), ['healthy']);
  });

  it('knows nothing of the health of instances', async () => {
    const { clock, call, loadBalancer, group, listener, states, reasons } = lab();
    const arn = await group('room-1', { TargetType: 'instance' });
    await listener(await loadBalancer(), arn);
    await call('RegisterTargets', { TargetGroupArn: arn, Targets: [{ Id: 'i-0123456789abcdef0' }] });
    await clock.settle();
    assert.deepEqual([await states(arn), await reasons(arn)], [['unavailable'], ['Elb.InternalError']]);
  });

  it('waits for interval and threshold where check-at-once is off', async () => {
    const { clock, network, call, loadBalancer, group, listener, states } = lab('instant', { 'check-at-once': 'off' });
    const arn = await group('room-1', { HealthCheckIntervalSeconds: 10, HealthyThresholdCount: 3 });
    await listener(await loadBalancer(), arn);
    await network.listenTcp({ host: '10.0.0.1', port: 7777 }, () => {});
    await call('RegisterTargets', { TargetGroupArn: arn, Targets: [{ Id: '10.0.0.1' }] });
    await clock.advance(19_999);
    assert.deepEqual(await states(arn), ['initial']);
    await clock.advance(10_001);
    assert.deepEqual(await states(arn), ['healthy']);
  });

  it('is unused until a listener comes, and again when it goes', async () => {
    const { clock, network, call, loadBalancer, group, listener, states } = lab();
    const arn = await group();
    await network.listenTcp({ host: '10.0.0.1', port: 7777 }, () => {});
    await call('RegisterTargets', { TargetGroupArn: arn, Targets: [{ Id: '10.0.0.1' }] });
    await clock.settle();
    assert.deepEqual(await states(arn), ['unused']);
    const ListenerArn = await listener(await loadBalancer(), arn);
    await clock.settle();
    assert.deepEqual(await states(arn), ['healthy']);
    await call('DeleteListener', { ListenerArn });
    assert.deepEqual(await states(arn), ['unused']);
    await clock.advance(100_000);
    assert.equal(clock.pending, 0, 'no check goes on');
  });

  it('drains for the deregistration delay, and can be registered again meanwhile', async () => {
    const { clock, network, call, loadBalancer, group, listener, states } = lab();
    const arn = await group();
    await call('ModifyTargetGroupAttributes', {
      TargetGroupArn: arn,
      Attributes: [{ Key: 'deregistration_delay.timeout_seconds', Value: '30' }],
    });
    await listener(await loadBalancer(), arn);
    await network.listenTcp({ host: '10.0.0.1', port: 7777 }, () => {});
    const Targets = [{ Id: '10.0.0.1' }];
    await call('RegisterTargets', { TargetGroupArn: arn, Targets });
    await call('DeregisterTargets', { TargetGroupArn: arn, Targets });
    await clock.advance(20_000);
    await call('DeregisterTargets', { TargetGroupArn: arn, Targets });
    await clock.advance(9_999);
    assert.deepEqual(await states(arn), ['draining']);
    await call('RegisterTargets', { TargetGroupArn: arn, Targets });
    await clock.advance(60_000);
    assert.deepEqual(await states(arn), ['healthy'], 'the old drain does not end the new registration');
    await call('DeregisterTargets', { TargetGroupArn: arn, Targets });
    await clock.advance(20_000);
    await call('DeregisterTargets', { TargetGroupArn: arn, Targets });
    await clock.advance(10_000);
    assert.deepEqual(await states(arn), [], 'asking again does not prolong the drain');
  });

  it('shows unhealthy.draining for the draining interval', async () => {
    const { clock, network, call, loadBalancer, group, listener, states } = lab();
    const arn = await group('room-1', { HealthCheckIntervalSeconds: 10 });
    const Attributes = [
      { Key: 'target_health_state.unhealthy.connection_termination.enabled', Value: 'false' },
      { Key: 'target_health_state.unhealthy.draining_interval_seconds', Value: '15' },
    ];
    await call('ModifyTargetGroupAttributes', { TargetGroupArn: arn, Attributes });
    await listener(await loadBalancer(), arn);
    const server = await network.listenTcp({ host: '10.0.0.1', port: 7777 }, () => {});
    await call('RegisterTargets', { TargetGroupArn: arn, Targets: [{ Id: '10.0.0.1' }] });
    await clock.settle();
    await server.close();
    await clock.advance(24_999);
    assert.deepEqual(await states(arn), ['unhealthy.draining']);
    await clock.advance(1);
    assert.deepEqual(await states(arn), ['unhealthy']);
  });
});

describe('createElbv2(), realistic profile', () => {
  it('provisions a load balancer in 2 to 5 minutes', async () => {
    const { clock, call, loadBalancer } = lab('realistic', { latency: '0s' });
    await loadBalancer();
    const state = async () => (await call('DescribeLoadBalancers')).text('Code');
    await clock.advance(120_000 - 1);
    assert.equal(await state(), 'provisioning');
    await clock.advance(180_000);
    assert.equal(await state(), 'active');
  });

  it('registers a target in 1 to 5 minutes before its checks begin', async () => {
    const { clock, network, call, loadBalancer, group, listener, states, reasons } = lab('realistic', {
      latency: '0s',
    });
    const arn = await group('room-1', { HealthCheckIntervalSeconds: 10, HealthyThresholdCount: 2 });
    await listener(await loadBalancer(), arn);
    await network.listenTcp({ host: '10.0.0.1', port: 7777 }, () => {});
    await call('RegisterTargets', { TargetGroupArn: arn, Targets: [{ Id: '10.0.0.1' }] });
    await clock.advance(59_000);
    assert.deepEqual([await states(arn), await reasons(arn)], [['initial'], ['Elb.RegistrationInProgress']]);
    await clock.advance(241_000 + 20_000);
    assert.deepEqual(await states(arn), ['healthy']);
  });

  it('keeps a target group in use for a while after its listener is gone', async () => {
    const { clock, call, loadBalancer, group, listener } = lab('realistic', { latency: '0s' });
    const arn = await group();
    const ListenerArn = await listener(await loadBalancer(), arn);
    await call('DeleteListener', { ListenerArn });
    assert.equal((await call('DeleteTargetGroup', { TargetGroupArn: arn })).code, 'ResourceInUse');
    await clock.advance(20_000);
    assert.equal((await call('DeleteTargetGroup', { TargetGroupArn: arn })).status, 200);
  });

  it('may not show at once what was just created', async () => {
    const { clock, call, group } = lab('realistic', { latency: '0s', 'stale-read-delay': '2s' });
    const arn = await group();
    assert.equal((await call('DescribeTargetGroups', { Names: ['room-1'] })).code, 'TargetGroupNotFound');
    assert.equal(
      (
        await call('CreateTargetGroup', {
          Name: 'room-1',
          Protocol: 'TCP',
          Port: 7777,
          VpcId: 'vpc-1',
          TargetType: 'ip',
        })
      ).text('TargetGroupArn'),
      arn,
    );
    await clock.advance(2000);
    assert.equal((await call('DescribeTargetGroups', { Names: ['room-1'] })).text('TargetGroupArn'), arn);
    await call('RegisterTargets', { TargetGroupArn: arn, Targets: [{ Id: '10.0.0.1' }] });
    assert.deepEqual((await call('DescribeTargetHealth', { TargetGroupArn: arn })).texts('Id'), []);
    await clock.advance(2000);
    assert.deepEqual((await call('DescribeTargetHealth', { TargetGroupArn: arn })).texts('Id'), ['10.0.0.1']);
  });

  it('draws the same delays for the same seed', async () => {
    const run = async () => {
      const { clock, call, loadBalancer } = lab('realistic', { latency: '0s' });
      await loadBalancer();
      const begin = clock.nowMs();
      while ((await call('DescribeLoadBalancers')).text('Code') !== 'active') await clock.advance(1000);
      return clock.nowMs() - begin;
    };
    assert.equal(await run(), await run());
  });
});
