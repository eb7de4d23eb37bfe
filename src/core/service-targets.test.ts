import assert from 'node:assert/strict';
import { test } from 'node:test';
import { readyCondition } from '../api/names.ts';
import type { EndpointSlice, Pod } from '../kube/objects.ts';
import { endpointOf, podWith, serviceWith, sliceOf } from './service.fixture.ts';
import { endpointsOf, judgeEndpoint, mayLackOnlyOurGate, serviceTargets } from './service-targets.ts';
import { servicePortWishes } from './service-wish.ts';

const strict = { hostNetwork: false };

function targets(
  slices: EndpointSlice[],
  pods: readonly Pod[],
  { service = serviceWith(), handMade = false, access = strict, family = 'IPv4' as 'IPv4' | 'IPv6' } = {},
): string[] {
  const judged = endpointsOf(service, slices, { handMade, family }).map(endpoint =>
    judgeEndpoint(
      endpoint,
      pods.find(({ metadata }) => metadata.name === endpoint.pod?.name),
      access,
    ),
  );
  return servicePortWishes(service).flatMap(wish =>
    serviceTargets(wish, judged).map(({ ip, port }) => `${ip}:${port}`),
  );
}

const [a, b, c] = [podWith('a', '10.0.0.1'), podWith('b', '10.0.0.2'), podWith('c', '10.0.0.3')];
const dying = { ready: false, serving: true, terminating: true };

test('serviceTargets() are the ready endpoints; terminating ones only where no other is ready, and only while they serve', () => {
  const one = endpointOf('10.0.0.1', 'a');
  const two = endpointOf('10.0.0.2', 'b', dying);
  const three = endpointOf('10.0.0.3', 'c', { ...dying, serving: false });
  assert.deepEqual(targets([sliceOf([one, two, three])], [a, b, c]), ['10.0.0.1:7777']);
  assert.deepEqual(targets([sliceOf([two, three])], [a, b, c]), ['10.0.0.2:7777']);
  assert.deepEqual(targets([sliceOf([three])], [a, b, c]), []);
});

test('endpointsOf() takes unknown conditions as Kubernetes says: ready, serving as ready, not terminating', () => {
  const { conditions: _, ...bare } = endpointOf('10.0.0.1', 'a');
  assert.deepEqual(targets([sliceOf([bare])], [a]), ['10.0.0.1:7777']);
  const [found] = endpointsOf(serviceWith(), [sliceOf([{ ...bare, conditions: { ready: null } }])], {
    handMade: false,
    family: 'IPv4',
  });
  assert.deepEqual([found?.ready, found?.serving, found?.terminating], [true, true, false]);
});

test('endpointsOf() counts an endpoint of two slices once, the more usable first', () => {
  const old = sliceOf([endpointOf('10.0.0.1', 'a', { ready: false, serving: false })]);
  const fresh = sliceOf([endpointOf('10.0.0.1', 'a')], {});
  for (const slices of [
    [old, fresh],
    [fresh, old],
  ]) {
    assert.deepEqual(
      endpointsOf(serviceWith(), slices, { handMade: false, family: 'IPv4' }).map(({ ready }) => ready),
      [true],
    );
  }
});

test('endpointsOf() leaves out slices of other Services, other families, and those that people wrote unless they may', () => {
  const at = [endpointOf('10.0.0.1', 'a')];
  const byHand = sliceOf(at, {}, { 'endpointslice.kubernetes.io/managed-by': 'me' });
  const six = sliceOf([endpointOf('fd00::1', 'a')], { addressType: 'IPv6' });
  const other = sliceOf(at, {}, { 'kubernetes.io/service-name': 'other' });
  for (const slice of [byHand, six, other]) assert.deepEqual(targets([slice], [a]), []);
  assert.deepEqual(targets([byHand], [a], { handMade: true }), ['10.0.0.1:7777']);
  assert.deepEqual(targets([six, other], [a], { handMade: true }), []);
  const both = { ...a, status: { ...a.status, podIPs: [{ ip: '10.0.0.1' }, { ip: 'fd00::1' }] } };
  assert.deepEqual(targets([six, byHand], [both], { handMade: true, family: 'IPv6' }), ['fd00::1:7777']);
  // Without a selector no slice is anyone's but people's, whatever it says of itself.
  const selectorless = serviceWith({ selector: {} });
  assert.deepEqual(targets([sliceOf(at)], [a], { service: selectorless }), []);
  assert.deepEqual(targets([sliceOf(at)], [a], { service: selectorless, handMade: true }), ['10.0.0.1:7777']);
});

test('serviceTargets() take the number of each pod for a port with a name', () => {
  const service = serviceWith({ ports: [{ name: 'game', port: 1, targetPort: 'play', protocol: 'UDP' }] });
  const slices = [
    sliceOf([endpointOf('10.0.0.1', 'a')]),
    sliceOf([endpointOf('10.0.0.2', 'b')], { ports: [{ name: 'game', protocol: 'UDP', port: 8888 }] }),
    sliceOf([endpointOf('10.0.0.3', 'c')], { ports: [{ name: 'other', protocol: 'UDP', port: 9999 }] }),
  ];
  assert.deepEqual(targets(slices, [a, b, c], { service }), ['10.0.0.1:7777', '10.0.0.2:8888']);
});

test('serviceTargets() of TCP and UDP with one number need one number behind them, too', () => {
  const both = ['TCP', 'UDP'].map(protocol => ({
    name: protocol.toLowerCase(),
    port: 1,
    targetPort: 'play',
    protocol,
  }));
  const service = serviceWith({ ports: both });
  const ports = (tcp: number, udp: number) => ({
    ports: [
      { name: 'tcp', protocol: 'TCP', port: tcp },
      { name: 'udp', protocol: 'UDP', port: udp },
    ],
  });
  const same = sliceOf([endpointOf('10.0.0.1', 'a')], ports(7777, 7777));
  const apart = sliceOf([endpointOf('10.0.0.2', 'b')], ports(7777, 8888));
  assert.deepEqual(targets([same, apart], [a, b], { service }), ['10.0.0.1:7777']);
});

test('judgeEndpoint() refuses an address that is not that of the live pod it names', () => {
  const refusedOf = (endpoint: ReturnType<typeof endpointOf>, pod: Pod | undefined, access = strict) => {
    const [found] = endpointsOf(serviceWith(), [sliceOf([endpoint])], { handMade: false, family: 'IPv4' });
    return judgeEndpoint(found!, pod, access).refused;
  };
  const fine = endpointOf('10.0.0.1', 'a');
  const { targetRef, ...bare } = fine;
  assert.equal(refusedOf(fine, a), undefined);
  assert.match(refusedOf(bare, a) ?? '', /names no pod/);
  assert.match(refusedOf({ ...fine, targetRef: { ...targetRef, kind: 'Node' } }, a) ?? '', /names no pod/);
  assert.match(refusedOf({ ...fine, targetRef: { ...targetRef, namespace: 'us' } }, a) ?? '', /names no pod/);
  assert.match(refusedOf(fine, undefined) ?? '', /is gone/);
  assert.match(refusedOf({ ...fine, targetRef: { ...targetRef, uid: 'older' } }, a) ?? '', /is gone/);
  assert.match(refusedOf(endpointOf('10.0.0.9', 'a'), a) ?? '', /not an address of its pod/);
  assert.match(refusedOf(fine, podWith('a', '10.0.0.1', { status: { phase: 'Failed' } })) ?? '', /has ended/);
  const onHost = podWith('a', '10.0.0.1', { spec: { hostNetwork: true } });
  assert.match(refusedOf(fine, onHost) ?? '', /host network/);
  assert.equal(refusedOf(fine, onHost, { hostNetwork: true }), undefined);
});

test('serviceTargets() keep those that still serve until one that waits for our gate is ready', () => {
  const gates = { spec: { readinessGates: [{ conditionType: readyCondition }] } };
  const fresh = endpointOf('10.0.0.2', 'b', { ready: false, serving: false });
  const pods = [a, podWith('b', '10.0.0.2', gates), c];
  const old = endpointOf('10.0.0.1', 'a', dying);
  assert.deepEqual(targets([sliceOf([old, fresh])], pods), ['10.0.0.1:7777', '10.0.0.2:7777']);
  const ready = endpointOf('10.0.0.3', 'c');
  assert.deepEqual(targets([sliceOf([old, fresh, ready])], pods), ['10.0.0.2:7777', '10.0.0.3:7777']);
});

test('judgeEndpoint() makes a target of what lacks only our own gate, so that gate and Service do not wait for each other', () => {
  const unready = { ready: false, serving: false, terminating: false };
  const gated = (types: string[], conditions: string[]) =>
    podWith('a', '10.0.0.1', { spec: { readinessGates: types.map(conditionType => ({ conditionType })) }, conditions });
  const cases: [Pod, boolean][] = [
    [gated([readyCondition], ['ContainersReady']), true],
    [gated([readyCondition], []), false],
    [gated([], ['ContainersReady']), false],
    [gated([readyCondition, 'example.com/x'], ['ContainersReady']), false],
    [gated([readyCondition, 'example.com/x'], ['ContainersReady', 'example.com/x']), true],
  ];
  for (const [pod, isTarget] of cases) {
    assert.equal(targets([sliceOf([endpointOf('10.0.0.1', 'a', unready)])], [pod]).length === 1, isTarget);
  }
  const [found] = endpointsOf(serviceWith(), [sliceOf([endpointOf('10.0.0.1', 'a', dying)])], {
    handMade: false,
    family: 'IPv4',
  });
  assert.equal(mayLackOnlyOurGate(found!), false, 'one that ends is waited for no more');
});

test('serviceTargets() are sorted, so that the same endpoints are the same targets, and no more than AWS takes', () => {
  const many = Array.from({ length: 1100 }, (_, at) => ({ ip: `10.1.${at >> 8}.${at & 255}`, name: `p${at}` }));
  const slices = [sliceOf(many.map(({ ip, name }) => endpointOf(ip, name)))];
  const pods = many.map(({ ip, name }) => podWith(name, ip));
  const found = targets(slices, pods);
  assert.equal(found.length, 1000);
  const shuffled = [sliceOf(many.toReversed().map(({ ip, name }) => endpointOf(ip, name)))];
  assert.deepEqual(targets(shuffled, pods), found);
});

test('serviceTargets() keeps what is there while every slice is of before an edit of the port, unless its pod has gone', () => {
  const slice = sliceOf([endpointOf('10.0.0.1', 'a'), endpointOf('10.0.0.2', 'b', { ready: false, serving: false })]);
  const service = serviceWith({ ports: [{ name: 'other', port: 7777, protocol: 'UDP' }] });
  const judged = endpointsOf(service, [slice], { handMade: false, family: 'IPv4' }).map((endpoint, at) =>
    judgeEndpoint(endpoint, [a, b][at], strict),
  );
  const [wish] = servicePortWishes(service);
  const before = ['10.0.0.1', '10.0.0.2', '10.0.0.9'].map(ip => ({ ip, port: 7777 }));
  assert.deepEqual(serviceTargets(wish!, judged, before), [{ ip: '10.0.0.1', port: 7777 }]);
  assert.deepEqual(serviceTargets(wish!, judged), []);
});
