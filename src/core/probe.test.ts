import assert from 'node:assert/strict';
import { test } from 'node:test';
import { judgeAnswers, type ProbeAnswer, probeOf, whyNotProbed } from './probe.ts';

type Spec = Parameters<typeof whyNotProbed>[0];

const specOf = (protocol: Spec['protocol'], probe: object | null = {}, preserveClientIP = false): Spec =>
  ({
    protocol,
    readiness: {
      settle: '0s',
      ...(probe ? { probe: { send: 'ping', expect: 'pong', encoding: 'Text', ...probe } } : {}),
    },
    targets: { deregistrationDelay: '0s', preserveClientIP, proxyProtocolV2: false },
  }) as Spec;
const answer = (address: string, outcome: ProbeAnswer['outcome'], heard = ''): ProbeAnswer => ({
  address,
  outcome,
  heard: Buffer.from(heard, 'latin1'),
});
const probe = probeOf(specOf('UDP'))!;
const verdict = (...answers: ProbeAnswer[]) => judgeAnswers('nlb.example.com', 30000, answers, probe)?.message;

test('probeOf() asks by the protocol of the pool, and by both where it has both and none is named', () => {
  assert.deepEqual(probeOf(specOf('TCP'))?.protocols, ['TCP']);
  assert.deepEqual(probeOf(specOf('UDP'))?.protocols, ['UDP']);
  assert.deepEqual(probeOf(specOf('TCP_UDP'))?.protocols, ['UDP', 'TCP']);
  assert.deepEqual(probeOf(specOf('TCP_UDP', { protocol: 'TCP' }))?.protocols, ['TCP']);
  assert.equal(probeOf(specOf('UDP', null)), undefined);
});

test('probeOf() reads text as UTF-8 and hexadecimal digits as bytes', () => {
  assert.deepEqual([...(probeOf(specOf('UDP', { send: 'ä' }))?.send ?? [])], [0xc3, 0xa4]);
  const hex = probeOf(specOf('UDP', { send: 'FFff0a', expect: '00', encoding: 'Hex' }));
  assert.deepEqual([[...(hex?.send ?? [])], [...(hex?.expect ?? [])]], [[255, 255, 10], [0]]);
});

test('whyNotProbed() refuses internal load balancers where the address of clients is kept, and no others', () => {
  const refused = (spec: Spec, scheme: string | undefined) =>
    whyNotProbed(spec, { arn: 'arn:x', ...(scheme ? { scheme } : {}) })?.reason;
  assert.equal(refused(specOf('UDP'), 'internal'), 'ProbeRefused');
  assert.equal(refused(specOf('TCP_UDP'), 'internal'), 'ProbeRefused');
  assert.equal(refused(specOf('TCP', {}, true), 'internal'), 'ProbeRefused');
  assert.equal(refused(specOf('TCP', {}, false), 'internal'), undefined);
  assert.equal(refused(specOf('UDP'), 'internet-facing'), undefined);
  assert.equal(refused(specOf('UDP'), undefined), undefined);
  assert.equal(refused(specOf('UDP', null), 'internal'), undefined);
});

test('judgeAnswers() wants the expected answer through every address, and at least one address', () => {
  assert.equal(verdict(answer('192.0.2.1', 'expected'), answer('192.0.2.2', 'expected')), undefined);
  assert.match(
    verdict(answer('192.0.2.1', 'expected'), answer('192.0.2.2', 'silent')) ?? '',
    /^NLBP-3004: .*192\.0\.2\.2:30000/,
  );
  assert.match(verdict() ?? '', /^NLBP-3004: .*nlb\.example\.com has no address/);
});

test('judgeAnswers() tells of a wrong answer before silence, cut, and as hexadecimal digits where it is no text', () => {
  const both = verdict(answer('192.0.2.1', 'silent'), answer('192.0.2.2', 'wrong', 'busy'));
  assert.match(
    both ?? '',
    /^NLBP-3005: .*192\.0\.2\.2:30000 reachable: it answered "busy" to the probe, "pong" wanted$/,
  );
  assert.match(verdict(answer('192.0.2.2', 'wrong', '\xff\x00')) ?? '', /it answered hex ff00 to/);
  assert.ok((verdict(answer('192.0.2.2', 'wrong', 'x'.repeat(4_000))) ?? '').length < 300);
});
