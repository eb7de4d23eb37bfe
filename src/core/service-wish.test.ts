import assert from 'node:assert/strict';
import { test } from 'node:test';
import { loadBalancerClass } from '../api/names.ts';
import type { NLBPortPool } from '../api/pool.ts';
import { poolWith, serviceWith } from './service.fixture.ts';
import {
  claimsPorts,
  needsIpv6,
  serviceFamily,
  servicePoolName,
  servicePortWishes,
  serviceWish,
} from './service-wish.ts';

const ours = { type: 'LoadBalancer', loadBalancerClass };
const reasonOf = (service = serviceWith(), pool: NLBPortPool | 'none' = poolWith()) => {
  const wish = serviceWish(service, 'game', pool === 'none' ? undefined : pool);
  return wish.ok ? 'ok' : wish.error.reason;
};

test('claimsPorts() is true for the label, and for a load balancer of our class alone', () => {
  assert.equal(claimsPorts(serviceWith()), true);
  const unlabelled = { labels: {} };
  assert.equal(claimsPorts(serviceWith({}, unlabelled)), false);
  assert.equal(claimsPorts(serviceWith(ours, unlabelled)), true);
  assert.equal(claimsPorts(serviceWith({ type: 'LoadBalancer' }, unlabelled)), false);
  assert.equal(claimsPorts(serviceWith({ ...ours, loadBalancerClass: 'example.com/other' }, unlabelled)), false);
});

test('servicePoolName() takes the label, else the one pool that is marked default', () => {
  const unlabelled = serviceWith(ours, { labels: {} });
  const pools = [poolWith(), poolWith({ default: true }, { name: 'main' })];
  assert.deepEqual(servicePoolName(serviceWith(), pools), { ok: true, value: 'game' });
  assert.deepEqual(servicePoolName(unlabelled, pools), { ok: true, value: 'main' });
  const reason = (list: typeof pools) => {
    const found = servicePoolName(unlabelled, list);
    return found.ok ? found.value : found.error.reason;
  };
  assert.equal(reason([poolWith()]), 'NoDefaultPool');
  assert.equal(reason([...pools, poolWith({ default: true }, { name: 'third' })]), 'NoDefaultPool');
  const leaving = poolWith({ default: true }, { name: 'third', deletionTimestamp: '2026-01-01T00:00:00Z' });
  assert.equal(reason([...pools, leaving]), 'main');
});

test('serviceWish() asks for one port per number, and for that number where the Service is a load balancer of ours', () => {
  const ports = [
    { name: 'game', port: 30001, targetPort: 7777, protocol: 'UDP' },
    { name: 'voice', port: 30002, targetPort: 'voice', protocol: 'UDP' },
  ];
  const any = serviceWish(serviceWith({ ports }), 'game', poolWith());
  assert.ok(any.ok);
  assert.deepEqual(
    any.value.ports.map(({ name, targetPort, protocol, number }) => [name, targetPort, protocol, number]),
    [
      ['game', 7777, 'UDP', undefined],
      ['voice', 30002, 'UDP', undefined],
    ],
  );
  const fixed = serviceWish(serviceWith({ ...ours, ports }), 'game', poolWith());
  assert.deepEqual(fixed.ok && fixed.value.ports.map(({ number }) => number), [30001, 30002]);
});

test('serviceWish() makes one TCP_UDP port of TCP and UDP with one number, where their targets are the same', () => {
  const pool = poolWith({ protocol: 'TCP_UDP' });
  const both = (targetPort: number | string) => [
    { name: 'tcp', port: 7777, protocol: 'TCP', targetPort: 7777 },
    { name: 'udp', port: 7777, protocol: 'UDP', targetPort },
  ];
  const wish = serviceWish(serviceWith({ ports: both(7777) }), 'game', pool);
  assert.ok(wish.ok);
  assert.deepEqual(
    wish.value.ports.map(({ name, protocol }) => [name, protocol]),
    [['tcp', 'TCP_UDP']],
  );
  assert.equal(reasonOf(serviceWith({ ports: both(8888) }), pool), 'ServicePorts');
  // A name may stand for the same number: only the endpoints know.
  assert.equal(reasonOf(serviceWith({ ports: both('game') }), pool), 'ok');
  assert.equal(reasonOf(serviceWith({ ports: both(7777) }), poolWith()), 'ProtocolNotInPool');
});

test('serviceFamily() takes the best family that the Service has', () => {
  const familyFor = (ipFamilies: string[] | undefined, ...families: ('IPv4' | 'IPv6')[]) =>
    serviceFamily(serviceWith(ipFamilies ? { ipFamilies } : {}), families, undefined);
  assert.equal(familyFor(['IPv6', 'IPv4'], 'IPv4', 'IPv6'), 'IPv4');
  assert.equal(familyFor(['IPv4', 'IPv6'], 'IPv6', 'IPv4'), 'IPv6');
  assert.equal(familyFor(['IPv6'], 'IPv4', 'IPv6'), 'IPv6');
  assert.equal(familyFor(['IPv6'], 'IPv4'), undefined);
  assert.equal(familyFor(undefined, 'IPv4', 'IPv6'), 'IPv4');
  // Its load balancer may have left the pool, where nobody knows of it any more.
  assert.equal(serviceFamily(serviceWith({ ipFamilies: ['IPv6'] }), ['IPv4'], 'IPv6'), 'IPv6');
  assert.equal(serviceFamily(serviceWith({ ipFamilies: ['IPv4'] }), ['IPv4'], 'IPv6'), 'IPv4');
  assert.equal(needsIpv6(serviceWith({ ipFamilies: ['IPv6'] })), true);
  assert.equal(needsIpv6(serviceWith({ ipFamilies: ['IPv6', 'IPv4'] })), false);
});

test('serviceWish() refuses what it could not keep, each with its reason', () => {
  const tcp = poolWith({ protocol: 'TCP' });
  const tcpService = (spec: object) => serviceWith({ ports: [{ port: 80 }], ...spec });
  const local = tcpService({ externalTrafficPolicy: 'Local' });
  assert.equal(reasonOf(tcpService({}), tcp), 'ok');
  assert.equal(reasonOf(local, tcp), 'ServiceNotSupported');
  assert.equal(reasonOf(local, poolWith({ protocol: 'TCP', targets: { preserveClientIP: true } })), 'ok');
  assert.equal(reasonOf(local, poolWith({ protocol: 'TCP', targets: { proxyProtocolV2: true } })), 'ok');
  assert.equal(reasonOf(serviceWith({ externalTrafficPolicy: 'Local' })), 'ok', 'UDP keeps the address anyway');
  assert.equal(reasonOf(serviceWith({ type: 'ExternalName' })), 'ServiceNotSupported');
  assert.equal(reasonOf(serviceWith({ sessionAffinity: 'ClientIP' })), 'ServiceNotSupported');
  assert.equal(reasonOf(serviceWith({ loadBalancerSourceRanges: ['10.0.0.0/8'] })), 'ServiceNotSupported');
  assert.equal(reasonOf(serviceWith({ loadBalancerIP: '10.0.0.1' })), 'ServiceNotSupported');
  assert.equal(reasonOf(serviceWith({ selector: {} })), 'NoSelector');
  const handMade = poolWith({ access: { namespaces: ['*'], selectorlessServices: true } });
  assert.equal(reasonOf(serviceWith({ selector: {} }), handMade), 'ok');
  assert.equal(reasonOf(serviceWith({ ports: [] })), 'ServicePorts');
  assert.equal(
    reasonOf(serviceWith({ ports: Array.from({ length: 51 }, (_, at) => ({ port: at + 1 })) })),
    'ServicePorts',
  );
  assert.equal(reasonOf(serviceWith({ ports: [{ port: 80, protocol: 'SCTP' }] })), 'ProtocolNotInPool');
  assert.equal(reasonOf(serviceWith({ ports: [{ port: 80 }] })), 'ProtocolNotInPool');
  assert.equal(reasonOf(serviceWith(), 'none'), 'PoolNotFound');
  assert.equal(reasonOf(serviceWith(), poolWith({}, { deletionTimestamp: 'now' })), 'PoolNotFound');
  assert.equal(reasonOf(serviceWith(), poolWith({ access: { namespaces: ['us'] } })), 'AccessDenied');
});

test('serviceWish() refuses a number outside of the range only where numbers are named', () => {
  const ports = (port: number) => ({ ports: [{ port, protocol: 'UDP' }] });
  assert.equal(reasonOf(serviceWith(ports(80))), 'ok');
  for (const [port, reason] of [
    [29999, 'PortNotInRange'],
    [30000, 'ok'],
    [30049, 'ok'],
    [30050, 'PortNotInRange'],
  ] as const) {
    assert.equal(reasonOf(serviceWith({ ...ours, ...ports(port) })), reason, String(port));
  }
});

test('servicePortWishes() reads a Service that could ask for nothing', () => {
  assert.deepEqual(servicePortWishes(serviceWith({ ports: [] })), []);
  const [odd] = servicePortWishes(serviceWith({ ports: [{ port: 1, protocol: 'SCTP' }] }));
  assert.equal(odd?.name, 'default');
});
