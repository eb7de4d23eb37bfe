import assert from 'node:assert/strict';
import { test } from 'node:test';
import { clusterTag, poolTag, portTag, targetGroupPrefix } from '../api/names.ts';
import { createAuditReader } from './audit-reader.ts';
import { type EmulatedAws, emulatedAws, inTime } from './emulated-aws.fixture.ts';

const options = { priority: 'audit' } as const;

async function group(aws: EmulatedAws, name: string, tags: Record<string, string> = {}): Promise<string> {
  const parameters: Record<string, string> = {
    Name: name,
    Protocol: 'UDP',
    Port: '1',
    VpcId: 'vpc-1',
    TargetType: 'ip',
  };
  for (const [at, [key, value]] of Object.entries(tags).entries()) {
    parameters[`Tags.member.${at + 1}.Key`] = key;
    parameters[`Tags.member.${at + 1}.Value`] = value;
  }
  const body = await aws.someoneElse('CreateTargetGroup', parameters);
  return /<TargetGroupArn>([^<]+)</.exec(body)?.[1] ?? '';
}

test('list() reads pages of 400, no tags of what is recorded, and twenty tags at a time of the rest', async () => {
  const aws = emulatedAws();
  const reader = createAuditReader({ api: aws.api, clusterId: 'cluster-1' });
  const loadBalancerArn = await aws.loadBalancer('game');
  const recorded = new Set<string>();
  for (let at = 0; at < 430; at++) {
    const arn = await group(aws, `group-${at}`);
    if (at >= 45) recorded.add(arn);
  }
  const ours = { [clusterTag]: 'cluster-1', [portTag]: 'nlb-1', [poolTag]: 'game' };
  await group(aws, 'ours', ours);
  await group(aws, 'theirs', { ...ours, [clusterTag]: 'cluster-2' });
  aws.emulator.callLog.reset();
  const listed = await inTime(aws.clock, reader.list({ loadBalancerArns: [loadBalancerArn], recorded }, options));
  assert.ok(listed.ok);
  const { actions } = aws.emulator.callLog.counts();
  const calls = Object.entries(actions).map(([action, counted]) => [action, counted.calls]);
  assert.deepEqual(Object.fromEntries(calls), { DescribeTargetGroups: 2, DescribeListeners: 1, DescribeTags: 3 });
  const { targetGroups } = listed.value;
  assert.equal(targetGroups.filter(({ owner }) => owner === 'recorded').length, 385);
  const rest = targetGroups.filter(({ owner }) => owner !== 'recorded');
  assert.deepEqual(
    rest.map(({ name, owner }) => [name, owner]),
    [['ours', { port: 'nlb-1', pool: 'game' }]],
  );
});

test('list() fails whole where any part of it fails, and only names a load balancer that is gone', async () => {
  const aws = emulatedAws();
  const reader = createAuditReader({ api: aws.api, clusterId: 'cluster-1' });
  const here = await aws.loadBalancer('game');
  await group(aws, 'group');
  const gone = here.replace(/[0-9a-f]{16}$/, '0123456789abcdef');
  const list = () => inTime(aws.clock, reader.list({ loadBalancerArns: [here, gone], recorded: new Set() }, options));
  const listed = await list();
  assert.ok(listed.ok);
  assert.deepEqual([listed.value.loadBalancers, listed.value.missing], [[here], [gone]]);
  for (const action of ['DescribeTargetGroups', 'DescribeListeners', 'DescribeTags']) {
    aws.faults.set([{ kind: 'error', actions: [action] }]);
    const failed = await list();
    assert.equal(failed.ok || failed.error.reason, 'AwsServerError', action);
  }
});

test('listOwnTargetGroups() knows ours by name and tag both', async () => {
  const aws = emulatedAws();
  const reader = createAuditReader({ api: aws.api, clusterId: 'cluster-1' });
  const prefix = targetGroupPrefix('cluster-1');
  const tags = { [clusterTag]: 'cluster-1', [portTag]: 'nlb-1' };
  const ours = await group(aws, `${prefix}1`, tags);
  await group(aws, `${prefix}2`);
  await group(aws, 'by-tag-alone', tags);
  const listed = await inTime(aws.clock, reader.listOwnTargetGroups(options));
  assert.deepEqual(listed.ok && listed.value.map(({ arn }) => arn), [ours]);
});
