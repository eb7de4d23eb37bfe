import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import type { ClaimWish } from '../api/claim.ts';
import { poolLabel, portsAnnotation } from '../api/names.ts';
import { type NLBPortPool, poolSpec } from '../api/pool.ts';
import type { NLBPort } from '../api/port.ts';
import { aClaim, aPort, arnOf } from '../core/port.fixture.ts';
import type { Informer } from '../kube/informer.ts';
import { type KubeObject, keyOf, type Pod } from '../kube/objects.ts';
import { virtualClock } from '../runtime/virtual-clock.ts';
import { createAssigner } from './assign-ports.ts';
import { portIndexes } from './claims.ts';
import { waitingPods } from './waiting-pods.ts';

const clock = virtualClock();

/** A cache that holds what it is given. */
function cacheOf<T extends KubeObject>(objects: T[], indexes: Record<string, (object: T) => readonly string[]> = {}) {
  const cache = {
    get: (key: string) => objects.find(object => keyOf(object) === key),
    list: () => objects,
    by: (index: string, value: string) => objects.filter(object => indexes[index]!(object).includes(value)),
  };
  return cache as unknown as Informer<T>;
}

const pod = (name: string, second = 0, more: Partial<Pod['metadata']> = {}): Pod => ({
  metadata: {
    name,
    namespace: 'default',
    uid: `uid-${name}`,
    creationTimestamp: new Date(Date.UTC(2026, 0, 1, 0, 0, second)).toISOString(),
    labels: { [poolLabel]: 'game' },
    annotations: { [portsAnnotation]: '7777/UDP' },
    ...more,
  },
  spec: { containers: [{ name: 'game' }] },
});

const pool = (capacity: number, retain = '0s'): NLBPortPool => ({
  metadata: { name: 'game', generation: 1 },
  spec: poolSpec.parse({
    loadBalancers: [{ arn: arnOf('a') }],
    ports: { min: 30000, max: 30049 },
    protocol: 'UDP',
    access: { namespaces: ['*'] },
    release: { retain },
  }),
  status: {
    observedGeneration: 1,
    conditions: [{ type: 'Ready', status: 'True', reason: 'Ready', message: '', lastTransitionTime: '' }],
    loadBalancers: [
      {
        arn: arnOf('a'),
        name: 'a',
        dnsName: 'a',
        hostname: 'a',
        vpcId: 'vpc-1',
        state: 'active',
        capacity,
        foreignPorts: [],
      },
    ],
  },
});

function assignerOf(podList: Pod[], portList: NLBPort[], pools = [pool(portList.length)]) {
  const pods = cacheOf(podList, { pool: ({ metadata }) => [metadata.labels?.[poolLabel] ?? ''] });
  const ports = cacheOf(portList, portIndexes);
  return createAssigner({ clock, ports, pools: cacheOf(pools), sources: [waitingPods({ pods, ports })] });
}

const portOf = (assigner: ReturnType<typeof assignerOf>, { metadata }: Pod) => {
  const assignment = assigner.get('Pod', `default/${metadata.name}`, metadata.uid ?? '');
  return assignment?.kind === 'ports' ? Number(assignment.names[0]!.slice(-5)) : assignment?.kind;
};

const free = (count: number) => Array.from({ length: count }, (_, at) => aPort(30000 + at));

test('pass() serves by arrival, then by name', () => {
  const pods = [pod('c', 1), pod('b', 2), pod('a', 2), pod('d', 0)];
  const assigner = assignerOf(pods, free(3));
  assigner.pass('game');
  assert.deepEqual(
    pods.map(each => portOf(assigner, each)),
    [30001, 'waits', 30002, 30000],
  );
  assert.equal(assigner.waiting('game'), 1);
});

test('pass() lets everyone who has a chance keep it, and gives nobody the same port twice', () => {
  const pods = [pod('b', 5)];
  const assigner = assignerOf(pods, free(2));
  assigner.pass('game');
  pods.push(pod('a', 0));
  assigner.pass('game');
  assert.deepEqual(
    pods.map(each => portOf(assigner, each)),
    [30000, 30001],
  );
});

test('pass() gives a pod that was made again under its name nothing of the other', () => {
  const pods = [pod('a')];
  const assigner = assignerOf(pods, free(1));
  assigner.pass('game');
  assert.equal(assigner.get('Pod', 'default/a', 'another'), undefined);
});

test('pass() leaves out pods that hold a port, have ended, end, or ask wrongly', () => {
  const ended: Pod = { ...pod('ended'), status: { phase: 'Succeeded' } };
  const pods = [
    pod('holds'),
    ended,
    pod('ends', 0, { deletionTimestamp: '2026-01-01T00:00:00Z' }),
    pod('wrong', 0, { annotations: { [portsAnnotation]: 'x' } }),
    pod('right'),
  ];
  const held = aPort(30000, { spec: { claim: aClaim('holds') } });
  const assigner = assignerOf(pods, [held, aPort(30001)]);
  assigner.pass('game');
  assert.deepEqual(
    pods.map(each => portOf(assigner, each)),
    [undefined, undefined, undefined, undefined, 30001],
  );
});

test('pass() says of a pool that is still being set up nothing yet, and of a full one what would help', () => {
  const waiting = [pod('a')];
  const settingUp = assignerOf(waiting, [], [pool(3)]);
  settingUp.pass('game');
  assert.equal(portOf(settingUp, waiting[0]!), 'settingUp');
  const full = assignerOf(waiting, [aPort(30000, { spec: { claim: aClaim('x') } })]);
  full.pass('game');
  const assignment = full.get('Pod', 'default/a', 'uid-a');
  assert.ok(assignment?.kind === 'waits');
  assert.equal(assignment.error.reason, 'PoolFull');
  assert.match(assignment.error.message, /add a load balancer: 1 claim waits$/);
});

test('pass() tells of those whose lot has changed, and of them alone', () => {
  const pods = [pod('a'), pod('b')];
  const assigner = assignerOf(pods, free(1));
  const passed = () => assigner.pass('game').map(({ kind, key }) => `${kind} ${key}`);
  assert.deepEqual(passed().toSorted(), ['Pod default/a', 'Pod default/b']);
  assert.deepEqual(passed(), []);
  assigner.drop('Pod', 'default/a');
  assert.deepEqual(passed(), ['Pod default/a']);
});

const goneAt = new Date(clock.nowMs() - 30_000).toISOString();
const left = (number: number, name: string, more: object = {}) =>
  aPort(number, { spec: { claim: aClaim(name, { uid: 'former', releasedAt: goneAt, goneAt }), ...more } });

test('pass() gives a pod the port that its namesake left, for as long as the pool keeps it', () => {
  const pods = [pod('a', 0), pod('b', 1)];
  const given = (retain: string, portList: NLBPort[]) => {
    const assigner = assignerOf(pods, portList, [pool(3, retain)]);
    assigner.pass('game');
    return pods.map(each => portOf(assigner, each));
  };
  const ports = [aPort(30000), left(30001, 'b'), aPort(30002)];
  assert.deepEqual(given('31s', ports), [30000, 30001]);
  assert.deepEqual(given('30s', ports), [30000, 30002]);
  assert.deepEqual(given('0s', ports), [30000, 30002]);
  assert.deepEqual(given('1h', [aPort(30000), left(30001, 'b', { retire: true }), aPort(30002)]), [30000, 30002]);
});

test('pass() lets a pod wait for the release of the port that is about to be kept for it', () => {
  const pods = [pod('b')];
  const held = aPort(30000, { spec: { claim: aClaim('b', { uid: 'former' }) } });
  for (const [retain, given] of [
    ['1h', undefined],
    ['0s', 30001],
  ] as const) {
    const assigner = assignerOf(pods, [held, aPort(30001)], [pool(2, retain)]);
    assigner.pass('game');
    assert.equal(portOf(assigner, pods[0]!), given);
  }
});

test('pass() gives nobody what is kept for another, and says so', () => {
  const waiting = pod('a');
  const resting = left(30000, 'c', { retire: true });
  const assigner = assignerOf([waiting], [resting, left(30001, 'b')], [pool(1, '1h')]);
  assigner.pass('game');
  const assignment = assigner.get('Pod', 'default/a', 'uid-a');
  assert.ok(assignment?.kind === 'waits');
  assert.match(
    assignment.error.message,
    /0 of 1 ports free \(1 kept for the namesakes of claimants that are gone, 1 resting after a release\), 1 needed/,
  );
});

const trio = (name: string, second: number) =>
  pod(name, second, { annotations: { [portsAnnotation]: 'a=1/UDP,b=2/UDP,c=3/UDP' } });

test('pass() gives a pod all of its ports or none, and lets those behind it pass', () => {
  const pods = [trio('big', 0), pod('small', 1)];
  const assigner = assignerOf(pods, free(2));
  assigner.pass('game');
  assert.equal(portOf(assigner, pods[0]!), 'waits');
  assert.equal(portOf(assigner, pods[1]!), 30000);
  const assignment = assigner.get('Pod', 'default/big', 'uid-big');
  assert.ok(assignment?.kind === 'waits');
  assert.match(assignment.error.message, /at most 1 of 2 ports free on one load balancer, 3 needed/);
});

test('pass() seeks the rest of what a pod holds in part beside it', () => {
  const held = aPort(30007, { spec: { claim: aClaim('big', { uid: 'uid-big', portName: 'b', exposed: false }) } });
  const pods = [trio('big', 0)];
  const assigner = assignerOf(pods, [...free(2), held], [pool(3)]);
  assigner.pass('game');
  const assignment = assigner.get('Pod', 'default/big', 'uid-big');
  assert.ok(assignment?.kind === 'ports');
  assert.deepEqual(
    assignment.names.map(name => name.slice(-5)),
    ['30000', '30007', '30001'],
  );
});

test('pass() holds ports back for the oldest that needs several only after many were served before it, and not for long', async () => {
  const time = virtualClock();
  const pods: Pod[] = [trio('big', 0)];
  const list: NLBPort[] = [];
  const ports = cacheOf(list, portIndexes);
  const podCache = cacheOf(pods, { pool: ({ metadata }) => [metadata.labels?.[poolLabel] ?? ''] });
  const sources = [waitingPods({ pods: podCache, ports })];
  const assigner = createAssigner({ clock: time, ports, pools: cacheOf([pool(0)]), sources });
  const serveOne = (at: number): boolean => {
    const small = pod(`small-${at}`, at + 1);
    pods.splice(1, pods.length, small);
    list.splice(0, list.length, aPort(30000), aPort(30001, { spec: { claim: aClaim('x') } }));
    assigner.pass('game');
    return typeof portOf(assigner, small) === 'number';
  };
  for (let at = 0; at < 100; at++) assert.ok(serveOne(at), `small-${at} was served`);
  assert.ok(!serveOne(100), 'held back');
  assert.equal(assigner.passAgainAtMs('game'), time.nowMs() + 30_000);
  list.push(aPort(30002), aPort(30003));
  assigner.pass('game');
  assert.equal(portOf(assigner, pods[0]!), 30000, 'what was held back and what came free suffice');

  pods[0] = trio('other', 0);
  for (let at = 200; at < 300; at++) assert.ok(serveOne(at));
  assert.ok(!serveOne(300));
  await time.advance(30_000);
  assert.ok(serveOne(300), 'not for ever');
});

test('pass() never leaves a port free while someone waits, nor passes over the older for the younger', () => {
  const waiting = fc.uniqueArray(fc.tuple(fc.integer({ min: 0, max: 99 }), fc.integer({ min: 0, max: 5 })), {
    maxLength: 30,
    selector: ([name]) => name,
  });
  fc.assert(
    fc.property(waiting, fc.integer({ min: 0, max: 20 }), (drawn, count) => {
      const pods = drawn.map(([name, second]) => pod(`room-${name}`, second));
      const assigner = assignerOf(pods, free(count));
      assigner.pass('game');
      const order = pods.toSorted((a, b) => {
        const [atA, atB] = [a.metadata.creationTimestamp!, b.metadata.creationTimestamp!];
        return atA === atB ? (a.metadata.name < b.metadata.name ? -1 : 1) : atA < atB ? -1 : 1;
      });
      for (const [place, each] of order.entries()) {
        if (place < count) assert.equal(portOf(assigner, each), 30000 + place);
        else assert.notEqual(typeof portOf(assigner, each), 'number');
      }
      assert.equal(assigner.waiting('game'), Math.max(0, pods.length - count));
    }),
  );
});

test('pass() says the same of taken numbers in every process, whatever the order of its cache', () => {
  const ports = [30002, 30001].map(number => aPort(number, { spec: { claim: aClaim(`other-${number}`) } }));
  const said = [ports, ports.toReversed()].map(list => {
    const wish = { ports: [30001, 30002].map(number => ({ name: `p${number}`, number })) } as unknown as ClaimWish;
    const claim = { kind: 'Service', key: 'default/shop', uid: 'uid-shop', since: '', wish };
    const assigner = createAssigner({
      clock,
      ports: cacheOf(list, portIndexes),
      pools: cacheOf([pool(2)]),
      sources: [() => [claim]],
    });
    assigner.pass('game');
    const assignment = assigner.get('Service', 'default/shop', 'uid-shop');
    return assignment?.kind === 'waits' ? assignment.error.message : assignment?.kind;
  });
  assert.match(said[0] ?? '', /other-30001 holds 30001, .*other-30002 holds 30002/);
  assert.equal(said[0], said[1]);
});
