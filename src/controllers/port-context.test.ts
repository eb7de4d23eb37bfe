import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { NLBPortPool } from '../api/pool.ts';
import { aPort, arnOf } from '../core/port.fixture.ts';
import { isLost } from './port-context.ts';

function poolWith(loadBalancers: object[], observedGeneration = 1): NLBPortPool {
  return {
    metadata: { name: 'game', generation: 1 },
    status: { observedGeneration, loadBalancers },
  } as unknown as NLBPortPool;
}

const there = { arn: arnOf('a'), foreignPorts: [30001] };

test('isLost() is true of a port with a stranger on it, or whose load balancer left the pool, while it has no listener', () => {
  const retired = aPort(30002, { spec: { retire: true } });
  assert.equal(isLost(aPort(30001), poolWith([there])), true);
  assert.equal(isLost(retired, poolWith([])), true);
  for (const lost of [aPort(30001), retired]) {
    const made = { ...lost, status: { listenerArn: 'arn' } };
    assert.equal(isLost(made, poolWith([])), false);
  }
});

test('isLost() is false of a port that can be made, and while nobody can say', () => {
  const retired = aPort(30002, { spec: { retire: true } });
  assert.equal(isLost(aPort(30002), poolWith([there])), false);
  // Retired by a shrunk range: the load balancer is there.
  assert.equal(isLost(retired, poolWith([there])), false);
  // A status of an older spec.
  assert.equal(isLost(retired, poolWith([], 0)), false);
  assert.equal(isLost(retired, undefined), false);
});
