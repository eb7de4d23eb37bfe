import assert from 'node:assert/strict';
import { test } from 'node:test';
import { poolSpec } from '../api/pool.ts';
import { arnOf } from './port.fixture.ts';
import { targetGroupSettings } from './target-group-settings.ts';

const settingsOf = (spec: object = {}) =>
  targetGroupSettings(
    poolSpec.parse({
      loadBalancers: [{ arn: arnOf('a') }],
      ports: { min: 1, max: 2 },
      protocol: 'UDP',
      access: { namespaces: ['*'] },
      ...spec,
    }),
  );

test('targetGroupSettings() writes every attribute that AWS would set otherwise', () => {
  assert.deepEqual(settingsOf().attributes, {
    'deregistration_delay.timeout_seconds': '30',
    'deregistration_delay.connection_termination.enabled': 'true',
    'target_health_state.unhealthy.connection_termination.enabled': 'false',
    'load_balancing.cross_zone.enabled': 'true',
    'target_group_health.dns_failover.minimum_healthy_targets.count': 'off',
    'target_group_health.dns_failover.minimum_healthy_targets.percentage': 'off',
  });
});

test('targetGroupSettings() leaves to TCP alone what AWS refuses with UDP', () => {
  const own = ['preserve_client_ip.enabled', 'proxy_protocol_v2.enabled'];
  const keysOf = (protocol: string) => Object.keys(settingsOf({ protocol }).attributes);
  for (const key of own) {
    assert.ok(keysOf('TCP').includes(key));
    assert.ok(!keysOf('UDP').includes(key));
    assert.ok(!keysOf('TCP_UDP').includes(key));
  }
  const asked = settingsOf({ protocol: 'TCP', targets: { preserveClientIP: true, proxyProtocolV2: true } }).attributes;
  assert.deepEqual([asked[own[0]!], asked[own[1]!]], ['true', 'true']);
});

test('targetGroupSettings() gives a path to HTTP checks only', () => {
  assert.equal(settingsOf().healthCheck.path, undefined);
  assert.equal(settingsOf({ healthCheck: { protocol: 'HTTP' } }).healthCheck.path, '/');
  assert.equal(settingsOf({ healthCheck: { protocol: 'HTTP', path: '/up', port: 8080 } }).healthCheck.port, '8080');
});

test('targetGroupSettings() has a fingerprint that changes with what it stands for, and with nothing else', () => {
  const before = settingsOf().fingerprints;
  assert.deepEqual(settingsOf({ warm: 5 }).fingerprints, before);
  const checked = settingsOf({ healthCheck: { interval: '20s' } }).fingerprints;
  assert.notEqual(checked.healthCheck, before.healthCheck);
  assert.equal(checked.attributes, before.attributes);
  const drained = settingsOf({ targets: { deregistrationDelay: '60s' } }).fingerprints;
  assert.notEqual(drained.attributes, before.attributes);
  assert.equal(drained.healthCheck, before.healthCheck);
});
