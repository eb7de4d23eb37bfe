import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { LoadBalancerStatus, NLBPortPool } from '../api/pool.ts';
import { chooseAddress, familiesOf, needsOtherFamily } from './ip-family.ts';
import { aClaim, aPort } from './port.fixture.ts';

const [four, six] = ['10.0.0.1', 'fd00::1'];

test('familiesOf() begins with the family of the pool, and has IPv6 only where the load balancer can send to it', () => {
  const pool = (ipFamily: string) => ({ spec: { targets: { ipFamily } } }) as NLBPortPool;
  const can = { ipv6: true } as LoadBalancerStatus;
  assert.deepEqual(familiesOf(pool('IPv4'), can), ['IPv4', 'IPv6']);
  assert.deepEqual(familiesOf(pool('IPv6'), can), ['IPv6', 'IPv4']);
  assert.deepEqual(familiesOf(pool('IPv6'), {} as LoadBalancerStatus), ['IPv4']);
  assert.deepEqual(familiesOf(pool('IPv6'), undefined), ['IPv4']);
});

test('chooseAddress() takes the first family that the pod has, and stays with what it has once taken', () => {
  assert.equal(chooseAddress([four, six], ['IPv6', 'IPv4'], []), six);
  assert.equal(chooseAddress([four], ['IPv6', 'IPv4'], []), four);
  assert.equal(chooseAddress([six], ['IPv4'], []), undefined);
  assert.equal(chooseAddress([], ['IPv4'], []), undefined);
  assert.equal(chooseAddress([four, six], ['IPv6', 'IPv4'], [{ ip: four, port: 1 }]), four);
  // Its load balancer may have left the pool, where nobody knows of it any more.
  assert.equal(chooseAddress([six], ['IPv4'], [{ ip: six, port: 1 }]), six);
  // An address that the pod has lost is no reason to stay.
  assert.equal(chooseAddress([six], ['IPv4', 'IPv6'], [{ ip: four, port: 1 }]), six);
});

test('needsOtherFamily() is true of a port whose group is there and takes none of its targets', () => {
  const port = (ip: string | undefined, status: object) =>
    aPort(1, { spec: { claim: aClaim('room'), ...(ip ? { targets: [{ ip, port: 7777 }] } : {}) }, status });
  const group = { targetGroupArn: 'arn' };
  assert.equal(needsOtherFamily(port(six, group)), true);
  assert.equal(needsOtherFamily(port(four, { ...group, ipFamily: 'IPv6' })), true);
  assert.equal(needsOtherFamily(port(four, group)), false);
  assert.equal(needsOtherFamily(port(six, {})), false);
  assert.equal(needsOtherFamily(port(undefined, { ...group, ipFamily: 'IPv6' })), false);
});
