import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { readProtobuf } from './protobuf.ts';

/** One field of wire type 2. */
const field = (number: number, value: string | Buffer): Buffer => {
  const bytes = Buffer.from(value);
  return Buffer.concat([Buffer.from([(number << 3) | 2, bytes.length]), bytes]);
};
const number = (at: number, value: number): Buffer => Buffer.from([at << 3, value]);
const body = (apiVersion: string, kind: string, ...fields: Buffer[]): Buffer =>
  Buffer.concat([
    Buffer.from('k8s\0'),
    field(1, Buffer.concat([field(1, apiVersion), field(2, kind)])),
    field(2, Buffer.concat(fields)),
  ]);

describe('readProtobuf()', () => {
  it('reads strings, maps, lists and what is unknown', () => {
    const metadata = Buffer.concat([
      field(1, 'a'),
      field(3, 'default'),
      field(14, 'x/1'),
      field(14, 'x/2'),
      field(15, 'odd'),
    ]);
    const bytes = body(
      'v1',
      'ConfigMap',
      field(1, metadata),
      field(2, Buffer.concat([field(1, 'k'), field(2, 'v')])),
      number(4, 1),
    );
    assert.deepEqual(readProtobuf(bytes), {
      outcome: 'read',
      object: {
        apiVersion: 'v1',
        kind: 'ConfigMap',
        metadata: { name: 'a', namespace: 'default', finalizers: ['x/1', 'x/2'] },
        data: { k: 'v' },
        immutable: true,
      },
    });
  });

  it('reads a Service with ports by number and by name', () => {
    const port = (...target: Buffer[]) => field(1, Buffer.concat([number(3, 80), field(4, Buffer.concat(target))]));
    const spec = Buffer.concat([port(number(1, 0), number(2, 90)), port(number(1, 1), field(3, 'web'))]);
    const read = readProtobuf(body('v1', 'Service', field(2, spec)));
    assert.ok(read.outcome === 'read');
    assert.deepEqual((read.object.spec as { ports: unknown }).ports, [
      { port: 80, targetPort: 90 },
      { port: 80, targetPort: 'web' },
    ]);
  });

  it('says no to other kinds, to what is cut off and to what is no protobuf', () => {
    assert.equal(readProtobuf(body('apps/v1', 'Deployment')).outcome, 'unknown');
    const whole = body('v1', 'ConfigMap', field(1, field(1, 'a')));
    for (let length = 0; length < whole.length; length++) {
      const read = readProtobuf(whole.subarray(0, length));
      assert.ok(read.outcome !== 'read' || JSON.stringify(read.object) !== '', String(length));
    }
    assert.equal(readProtobuf(Buffer.from('{}')).outcome, 'malformed');
  });
});
