import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { NLBPortPool } from '../api/pool.ts';
import { usableLoadBalancers } from './usable-load-balancers.ts';

const loadBalancers = [
  { arn: 'a', state: 'active' },
  { arn: 'b', state: 'failed', ipv6: true },
  { arn: 'c', state: 'provisioning', ipv6: true },
];
const pool = { status: { loadBalancers } } as unknown as NLBPortPool;

test('usableLoadBalancers() leaves out those that failed, and for IPv6 those that can not send to it', () => {
  const arns = (needsIpv6?: boolean) => usableLoadBalancers(pool, needsIpv6).map(({ arn }) => arn);
  assert.deepEqual(arns(), ['a', 'c']);
  assert.deepEqual(arns(true), ['c']);
  assert.deepEqual(usableLoadBalancers(undefined), []);
});
