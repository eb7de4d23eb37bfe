import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { carries, maxPortsAnnotationBytes, type PortWish, type Protocol, parsePorts } from './claim.ts';

const protocols: Protocol[] = ['TCP', 'UDP', 'TCP_UDP'];

function reasonOf(text: string): string {
  const result = parsePorts(text);
  return result.ok ? 'ok' : result.error.reason;
}

const name = fc.stringMatching(/^[a-z0-9]([-a-z0-9]{0,61}[a-z0-9])?$/);
const wish = fc.record(
  { name, targetPort: fc.integer({ min: 1, max: 65535 }), protocol: fc.constantFrom(...protocols) },
  { noNullPrototype: true },
);

test('parsePorts() reads a single port with and without a name', () => {
  assert.deepEqual(parsePorts('7777/UDP'), {
    ok: true,
    value: [{ name: 'default', targetPort: 7777, protocol: 'UDP' }],
  });
  assert.deepEqual(parsePorts('game=7777/TCP_UDP'), {
    ok: true,
    value: [{ name: 'game', targetPort: 7777, protocol: 'TCP_UDP' }],
  });
});

test('parsePorts() reads back every list of named ports, with white space around entries', () => {
  const lists = fc.uniqueArray(wish, { minLength: 1, maxLength: 8, selector: ({ name }) => name });
  const gap = fc.constantFrom('', ' ', '\t', '\n ');
  fc.assert(
    fc.property(lists, gap, (wishes: PortWish[], space) => {
      const text = wishes
        .map(({ name, targetPort, protocol }) => `${space}${name}=${targetPort}/${protocol}${space}`)
        .join(',');
      assert.deepEqual(parsePorts(text), { ok: true, value: wishes });
    }),
  );
});

test('parsePorts() names what is wrong by its code', () => {
  const wrong: [string, string][] = [
    ['', 'MalformedPorts'],
    [' ', 'MalformedPorts'],
    [',', 'MalformedPorts'],
    ['7777', 'MalformedPorts'],
    ['/UDP', 'MalformedPorts'],
    ['7777/', 'MalformedPorts'],
    ['7777/udp', 'MalformedPorts'],
    ['7777/SCTP', 'MalformedPorts'],
    ['7777/__proto__', 'MalformedPorts'],
    ['UDP/7777', 'MalformedPorts'],
    ['-1/UDP', 'MalformedPorts'],
    ['7.5/UDP', 'MalformedPorts'],
    ['0x10/UDP', 'MalformedPorts'],
    ['1e3/UDP', 'MalformedPorts'],
    ['٧/UDP', 'MalformedPorts'],
    ['game=7777/UDP,', 'MalformedPorts'],
    ['game=7777/UDP;voice=7778/UDP', 'MalformedPorts'],
    ['7777/UDP,7778/UDP', 'MalformedPorts'],
    ['game=7777/UDP,7778/UDP', 'MalformedPorts'],
    ['game=7777/UDP,game=7778/UDP', 'MalformedPorts'],
    ['=7777/UDP', 'MalformedPorts'],
    ['Game=7777/UDP', 'MalformedPorts'],
    ['-game=7777/UDP', 'MalformedPorts'],
    ['game-=7777/UDP', 'MalformedPorts'],
    ['a=b=7777/UDP', 'MalformedPorts'],
    [`${'a'.repeat(64)}=7777/UDP`, 'MalformedPorts'],
    ['game=\n7777/UDP', 'MalformedPorts'],
    ['7777/UDP\nX: y', 'MalformedPorts'],
    ['0/UDP', 'InvalidPortNumber'],
    ['00000/UDP', 'InvalidPortNumber'],
    ['65536/UDP', 'InvalidPortNumber'],
    [`${'9'.repeat(400)}/UDP`, 'InvalidPortNumber'],
    ['7'.repeat(maxPortsAnnotationBytes + 1), 'PortsTooLong'],
    ['7'.repeat(200 * 1024), 'PortsTooLong'],
    ['€'.repeat(1_500), 'PortsTooLong'],
  ];
  for (const [text, reason] of wrong) assert.equal(reasonOf(text), reason, JSON.stringify(text.slice(0, 60)));
  assert.equal(reasonOf(`${'a'.repeat(63)}=7777/UDP`), 'ok');
  assert.equal(reasonOf('1/UDP'), 'ok');
  assert.equal(reasonOf('65535/TCP'), 'ok');
});

test('parsePorts() answers any text at once, and with a message that an Event can hold', () => {
  const hostile = fc.oneof(
    fc.string({ unit: 'binary', maxLength: 6_000 }),
    fc
      .array(fc.constantFrom('7777', '/', 'UDP', 'TCP', '=', ',', 'a', '-', '0', ' ', '€', '\ud83d', '\u0000'), {
        maxLength: 2_000,
      })
      .map(parts => parts.join('')),
  );
  fc.assert(
    fc.property(hostile, text => {
      const startedMs = performance.now();
      const result = parsePorts(text);
      assert.ok(performance.now() - startedMs < 1_000);
      if (result.ok) {
        for (const { targetPort } of result.value) assert.ok(targetPort >= 1 && targetPort <= 65535);
        return;
      }
      assert.ok(result.error.message.startsWith(`${result.error.code}: `));
      assert.ok(Buffer.byteLength(result.error.message) <= 1024);
      assert.ok(result.error.message.isWellFormed(), 'what the API server stores must be what was written');
    }),
  );
});

test('carries() lets a TCP_UDP listener serve either half, and no other mixture', () => {
  const yes = protocols.flatMap(listener =>
    protocols.filter(asked => carries(listener, asked)).map(asked => `${listener} ${asked}`),
  );
  assert.deepEqual(yes, ['TCP TCP', 'UDP UDP', 'TCP_UDP TCP', 'TCP_UDP UDP', 'TCP_UDP TCP_UDP']);
});
