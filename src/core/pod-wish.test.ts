import assert from 'node:assert/strict';
import { test } from 'node:test';
import { poolLabel, portsAnnotation } from '../api/names.ts';
import { type NLBPortPool, poolSpec } from '../api/pool.ts';
import type { Pod } from '../kube/objects.ts';
import { podWish } from './pod-wish.ts';
import { arnOf } from './port.fixture.ts';

const pool = (spec: object = {}, metadata: object = {}): NLBPortPool => ({
  metadata: { name: 'game', ...metadata },
  spec: poolSpec.parse({
    loadBalancers: [{ arn: arnOf('a') }],
    ports: { min: 30000, max: 30049 },
    protocol: 'UDP',
    access: { namespaces: ['game-*'] },
    ...spec,
  }),
});

const pod = (
  ports: string | undefined,
  more: { annotations?: object; spec?: object; namespace?: string } = {},
): Pod => ({
  metadata: {
    name: 'room',
    namespace: more.namespace ?? 'game-eu',
    labels: { [poolLabel]: 'game' },
    annotations: { ...(ports === undefined ? {} : { [portsAnnotation]: ports }), ...more.annotations },
  },
  spec: { containers: [{ name: 'game' }], ...more.spec },
});

const withPorts = (...ports: object[]) => ({ spec: { containers: [{ name: 'game', ports }] } });
const reasonOf = (...args: Parameters<typeof podWish>) => {
  const result = podWish(...args);
  return result.ok ? 'ok' : result.error.reason;
};

test('podWish() reads the annotation, or else the single containerPort', () => {
  assert.deepEqual(podWish(pod('game=7777/UDP'), pool()), {
    ok: true,
    value: { ports: [{ name: 'game', targetPort: 7777, protocol: 'UDP' }] },
  });
  const single = withPorts({ name: 'voice', containerPort: 9000, protocol: 'UDP' });
  assert.deepEqual(podWish(pod(undefined, single), pool()), {
    ok: true,
    value: { ports: [{ name: 'voice', targetPort: 9000, protocol: 'UDP' }] },
  });
  assert.equal(reasonOf(pod('7777/UDP', withPorts({ containerPort: 1 }, { containerPort: 2 })), pool()), 'ok');
});

test('podWish() takes a containerPort without a protocol for TCP, as Kubernetes does', () => {
  const tcp = pool({ protocol: 'TCP' });
  assert.deepEqual(podWish(pod(undefined, withPorts({ containerPort: 80 })), tcp), {
    ok: true,
    value: { ports: [{ name: 'default', targetPort: 80, protocol: 'TCP' }] },
  });
  assert.equal(reasonOf(pod(undefined, withPorts({ containerPort: 80 })), pool()), 'ProtocolNotInPool');
  assert.equal(reasonOf(pod(undefined, withPorts({ containerPort: 80, protocol: 'SCTP' })), tcp), 'ProtocolNotInPool');
});

test('podWish() reads several ports, and TCP and UDP on one number as one', () => {
  assert.deepEqual(podWish(pod('game=7777/UDP,voice=7778/UDP'), pool()), {
    ok: true,
    value: {
      ports: [
        { name: 'game', targetPort: 7777, protocol: 'UDP' },
        { name: 'voice', targetPort: 7778, protocol: 'UDP' },
      ],
    },
  });
  const both = podWish(pod('game=7777/UDP,query=7778/TCP,login=7777/TCP'), pool({ protocol: 'TCP_UDP' }));
  assert.deepEqual(both, {
    ok: true,
    value: {
      ports: [
        {
          name: 'game',
          targetPort: 7777,
          protocol: 'TCP_UDP',
          parts: [
            { name: 'game', protocol: 'UDP' },
            { name: 'login', protocol: 'TCP' },
          ],
        },
        { name: 'query', targetPort: 7778, protocol: 'TCP' },
      ],
    },
  });
  assert.equal(reasonOf(pod('game=7777/UDP,login=7777/TCP'), pool()), 'ProtocolNotInPool');
});

test('podWish() says why a pod can not have a port', () => {
  assert.equal(reasonOf(pod('7777/UDP'), undefined), 'PoolNotFound');
  assert.equal(reasonOf(pod('7777/UDP'), pool({}, { deletionTimestamp: 'now' })), 'PoolNotFound');
  assert.equal(reasonOf(pod('7777/UDP', { namespace: 'web' }), pool()), 'AccessDenied');
  assert.equal(reasonOf(pod('7777/UDP', { spec: { hostNetwork: true } }), pool()), 'HostNetwork');
  const open = pool({ access: { namespaces: ['*'], hostNetwork: true } });
  assert.equal(reasonOf(pod('7777/UDP', { spec: { hostNetwork: true } }), open), 'ok');
  assert.equal(reasonOf(pod('nonsense'), pool()), 'MalformedPorts');
  const many = (count: number) => Array.from({ length: count }, (_, at) => `p${at}=${at + 1}/UDP`).join();
  assert.equal(reasonOf(pod(many(50)), pool()), 'ok');
  assert.equal(reasonOf(pod(many(51)), pool()), 'TooManyPorts');
  assert.equal(reasonOf(pod('a=1/UDP,b=2/TCP'), pool()), 'ProtocolNotInPool');
  assert.equal(reasonOf(pod('7777/TCP'), pool()), 'ProtocolNotInPool');
  assert.equal(reasonOf(pod('7777/TCP'), pool({ protocol: 'TCP_UDP' })), 'ok');
  assert.equal(reasonOf(pod(undefined), pool()), 'NoSinglePort');
  assert.equal(reasonOf(pod(undefined, withPorts({ containerPort: 1 }, { containerPort: 2 })), pool()), 'NoSinglePort');
});

test('podWish() refuses a mirror pod before it looks at anything else', () => {
  const mirror = { annotations: { 'kubernetes.io/config.mirror': 'x' } };
  assert.equal(reasonOf(pod('nonsense', mirror), undefined), 'MirrorPod');
});
