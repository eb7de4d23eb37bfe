import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Result } from '../api/errors.ts';
import { clusterTag, portTag } from '../api/names.ts';
import { type EmulatedAws, emulatedAws, inTime, textOf } from './emulated-aws.fixture.ts';
import type { LoadBalancerChoice } from './inventory.ts';

const options = { priority: 'audit' } as const;
const absent = 'arn:aws:elasticloadbalancing:us-east-1:111122223333:loadbalancer/net/absent/0123456789abcdef';

async function find(aws: EmulatedAws, choices: LoadBalancerChoice[]) {
  const { found, problems } = value(await inTime(aws.clock, aws.inventory.findLoadBalancers(choices, options)));
  return { names: found.map(({ name }) => name), reasons: problems.map(({ reason }) => reason), found, problems };
}

function value<T>(result: Result<T>): T {
  assert.ok(result.ok, result.ok ? '' : result.error.message);
  return result.value;
}

test('findLoadBalancers() keeps the order of the choices, then of the names, and names each once', async () => {
  const aws = emulatedAws();
  const late = await aws.loadBalancer('zebra', { team: 'game' });
  await aws.loadBalancer('ant', { team: 'game' });
  await aws.loadBalancer('other', { team: 'web' });
  const { names, reasons, found } = await find(aws, [{ arn: late }, { tags: { team: 'game' } }, { arn: late }]);
  assert.deepEqual(names, ['zebra', 'ant']);
  assert.deepEqual(reasons, []);
  const { dnsName, ...rest } = found[0]!;
  assert.match(dnsName, /^zebra-.*\.elb\.us-east-1\.amazonaws\.com$/);
  assert.deepEqual(rest, {
    arn: late,
    name: 'zebra',
    vpcId: 'vpc-1',
    state: 'active',
    scheme: 'internet-facing',
    dualStack: false,
    prefixForIpv6: false,
  });
});

test('findLoadBalancers() names what is missing and finds the rest, beyond what one call can ask', async () => {
  const aws = emulatedAws();
  const arns: string[] = [];
  for (let i = 0; i < 45; i++) arns.push(await aws.loadBalancer(`game-${i}`));
  aws.emulator.callLog.reset();
  const choices = [...arns.slice(0, 30), absent, ...arns.slice(30)].map(arn => ({ arn }));
  const { found, reasons, problems } = await find(aws, choices);
  assert.deepEqual(
    found.map(({ arn }) => arn),
    arns,
  );
  assert.deepEqual(reasons, ['LoadBalancerNotFound']);
  assert.equal(problems[0]!.aws?.errorCode, 'LoadBalancerNotFound');
  assert.ok(problems[0]!.aws?.requestId);
  // Three pages, and halving one of twenty down to a single ARN.
  assert.ok(aws.emulator.callLog.counts().calls <= 3 + 2 * Math.ceil(Math.log2(20)));
});

test('findLoadBalancers() tells an ALB from a missing one, by its ARN and by what AWS answers', async () => {
  const aws = emulatedAws();
  const application = await aws.loadBalancer('web', { team: 'game' }, 'application');
  const classic = 'arn:aws:elasticloadbalancing:us-east-1:111122223333:loadbalancer/old';
  aws.emulator.callLog.reset();
  const { names, reasons } = await find(aws, [{ arn: application }, { arn: classic }, { arn: 'not an arn' }]);
  assert.deepEqual(names, []);
  assert.deepEqual(reasons, ['NotANetworkLoadBalancer', 'NotANetworkLoadBalancer', 'LoadBalancerNotFound']);
  assert.equal(aws.emulator.callLog.counts().calls, 0);
  // By tags only the NLBs count.
  assert.deepEqual((await find(aws, [{ tags: { team: 'game' } }])).reasons, ['NoLoadBalancerTagged']);
});

test('findLoadBalancers() wants every tag of a choice', async () => {
  const aws = emulatedAws();
  await aws.loadBalancer('a', { team: 'game', stage: 'live' });
  await aws.loadBalancer('b', { team: 'game', stage: 'test' });
  assert.deepEqual((await find(aws, [{ tags: { team: 'game', stage: 'test' } }])).names, ['b']);
});

test('findLoadBalancers() reads every page and all tags of a large account', async () => {
  const aws = emulatedAws({ set: { 'load-balancers': '1000' } });
  for (let i = 0; i < 410; i++) await aws.loadBalancer(`game-${String(i).padStart(3, '0')}`, { team: 'game' });
  const { names } = await find(aws, [{ tags: { team: 'game' } }]);
  assert.equal(names.length, 410);
  assert.deepEqual(names, [...names].sort());
});

test('findLoadBalancers() fails as a whole where a part of the listing fails', async () => {
  const aws = emulatedAws();
  const arn = await aws.loadBalancer('game-1', { team: 'game' });
  aws.faults.set([{ kind: 'error', actions: ['DescribeTags'] }]);
  const result = await inTime(
    aws.clock,
    aws.inventory.findLoadBalancers([{ arn }, { tags: { team: 'game' } }], options),
  );
  assert.ok(!result.ok);
  assert.equal(result.error.reason, 'AwsServerError');
});

test('findLoadBalancers() tells a refused call from a missing load balancer', async () => {
  const aws = emulatedAws({ set: { deny: 'DescribeLoadBalancers' } });
  const result = await inTime(aws.clock, aws.inventory.findLoadBalancers([{ arn: absent }], options));
  assert.ok(!result.ok);
  assert.equal(result.error.reason, 'AwsAccessDenied');
});

test('listListeners() tells ours by tag from those of others and of other clusters', async () => {
  const aws = emulatedAws();
  const loadBalancerArn = await aws.loadBalancer('game-1');
  const listener = async (port: number, tags: Record<string, string>) => {
    const group = await aws.someoneElse('CreateTargetGroup', {
      Name: `group-${port}`,
      Protocol: 'TCP',
      Port: String(port),
      VpcId: 'vpc-1',
      TargetType: 'ip',
    });
    const tagged = Object.entries(tags).flatMap(([key, text], index) => [
      [`Tags.member.${index + 1}.Key`, key],
      [`Tags.member.${index + 1}.Value`, text],
    ]);
    const made = await aws.someoneElse('CreateListener', {
      LoadBalancerArn: loadBalancerArn,
      Protocol: 'TCP',
      Port: String(port),
      'DefaultActions.member.1.Type': 'forward',
      'DefaultActions.member.1.TargetGroupArn': textOf(group, 'TargetGroupArn'),
      ...Object.fromEntries(tagged),
    });
    return textOf(made, 'ListenerArn');
  };
  const arns: string[] = [];
  for (let port = 30000; port < 30048; port++) {
    arns.push(await listener(port, { [clusterTag]: 'cluster-1', [portTag]: `nlb-x-${port}` }));
  }
  arns.push(await listener(443, {}), await listener(444, { [clusterTag]: 'cluster-2', [portTag]: 'nlb-x-444' }));
  const found = value(await inTime(aws.clock, aws.inventory.listListeners(loadBalancerArn, options)));
  assert.deepEqual(found.map(({ arn }) => arn).sort(), arns.sort());
  assert.ok(found.every(({ port, owner }) => owner === (port >= 30000 ? `nlb-x-${port}` : undefined)));
  assert.ok(found.every(({ protocol }) => protocol === 'TCP'));
});

test('listListeners() is an error where the load balancer is gone, never an empty list', async () => {
  const aws = emulatedAws();
  const result = await inTime(aws.clock, aws.inventory.listListeners(absent, options));
  assert.ok(!result.ok);
  assert.equal(result.error.reason, 'LoadBalancerNotFound');
});
