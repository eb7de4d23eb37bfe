import type { Json, JsonObject } from './json.ts';

/** How a field of a message is read: a plain type, a list of it, a map to it, or another message. */
type Shape = 'string' | 'int' | 'bool' | 'bytes' | { list: Shape } | { map: 'string' | 'bytes' } | Message;
interface Message {
  message: Record<number, [name: string, shape: Shape]>;
}

const message = (fields: Message['message']): Message => ({ message: fields });
const list = (shape: Shape): Shape => ({ list: shape });
const strings: Shape = { map: 'string' };

const metadata = message({
  1: ['name', 'string'],
  2: ['generateName', 'string'],
  3: ['namespace', 'string'],
  5: ['uid', 'string'],
  6: ['resourceVersion', 'string'],
  7: ['generation', 'int'],
  10: ['deletionGracePeriodSeconds', 'int'],
  11: ['labels', strings],
  12: ['annotations', strings],
  13: [
    'ownerReferences',
    list(
      message({
        1: ['kind', 'string'],
        3: ['name', 'string'],
        4: ['uid', 'string'],
        5: ['apiVersion', 'string'],
        6: ['controller', 'bool'],
        7: ['blockOwnerDeletion', 'bool'],
      }),
    ),
  ],
  14: ['finalizers', list('string')],
});

const intOrString = message({ 1: ['type', 'int'], 2: ['intVal', 'int'], 3: ['strVal', 'string'] });

/** The kinds that `kubectl create` sends in this form, by the field numbers of Kubernetes' published .proto files. */
const kinds: Record<string, Message> = {
  'v1 ConfigMap': message({
    1: ['metadata', metadata],
    2: ['data', strings],
    3: ['binaryData', { map: 'bytes' }],
    4: ['immutable', 'bool'],
  }),
  'v1 Secret': message({
    1: ['metadata', metadata],
    2: ['data', { map: 'bytes' }],
    3: ['type', 'string'],
    4: ['stringData', strings],
    5: ['immutable', 'bool'],
  }),
  'v1 Namespace': message({
    1: ['metadata', metadata],
    2: ['spec', message({ 1: ['finalizers', list('string')] })],
    3: ['status', message({ 1: ['phase', 'string'] })],
  }),
  'v1 ServiceAccount': message({ 1: ['metadata', metadata], 4: ['automountServiceAccountToken', 'bool'] }),
  'v1 Service': message({
    1: ['metadata', metadata],
    2: [
      'spec',
      message({
        1: [
          'ports',
          list(
            message({
              1: ['name', 'string'],
              2: ['protocol', 'string'],
              3: ['port', 'int'],
              4: ['targetPort', intOrString],
              5: ['nodePort', 'int'],
              6: ['appProtocol', 'string'],
            }),
          ),
        ],
        2: ['selector', strings],
        3: ['clusterIP', 'string'],
        4: ['type', 'string'],
        5: ['externalIPs', list('string')],
        7: ['sessionAffinity', 'string'],
        10: ['externalName', 'string'],
        11: ['externalTrafficPolicy', 'string'],
        18: ['clusterIPs', list('string')],
        21: ['loadBalancerClass', 'string'],
      }),
    ],
  }),
  'authorization.k8s.io/v1 SelfSubjectAccessReview': message({
    1: ['metadata', metadata],
    2: [
      'spec',
      message({
        1: [
          'resourceAttributes',
          message({
            1: ['namespace', 'string'],
            2: ['verb', 'string'],
            3: ['group', 'string'],
            4: ['version', 'string'],
            5: ['resource', 'string'],
            6: ['subresource', 'string'],
            7: ['name', 'string'],
          }),
        ],
        2: ['nonResourceAttributes', message({ 1: ['path', 'string'], 2: ['verb', 'string'] })],
      }),
    ],
  }),
  'authorization.k8s.io/v1 SelfSubjectRulesReview': message({
    1: ['metadata', metadata],
    2: ['spec', message({ 1: ['namespace', 'string'] })],
  }),
  'authentication.k8s.io/v1 SelfSubjectReview': message({ 1: ['metadata', metadata] }),
};

/** Every body in this form begins so. */
const magic = Buffer.from('k8s\0', 'latin1');

/** What a body came to; `unknown` is a kind that is not in the table above. */
export type ProtobufResult =
  | { outcome: 'read'; object: JsonObject }
  | { outcome: 'unknown' }
  | { outcome: 'malformed'; message: string };

const malformed = (message: string): ProtobufResult => ({ outcome: 'malformed', message });

/** Reads an object that a client sent as `application/vnd.kubernetes.protobuf`. */
export function readProtobuf(bytes: Buffer): ProtobufResult {
  try {
    if (!bytes.subarray(0, 4).equals(magic)) return malformed('the body does not begin as protobuf does');
    let apiVersion = '';
    let kind = '';
    let raw: Buffer = Buffer.alloc(0);
    for (const field of fieldsOf(bytes.subarray(4))) {
      if (field.number === 1) {
        for (const part of fieldsOf(asBytes(field.value))) {
          if (part.number === 1) apiVersion = asBytes(part.value).toString('utf8');
          else if (part.number === 2) kind = asBytes(part.value).toString('utf8');
        }
      } else if (field.number === 2) raw = asBytes(field.value);
    }
    const shape = kinds[`${apiVersion} ${kind}`];
    if (!shape) return { outcome: 'unknown' };
    return { outcome: 'read', object: { apiVersion, kind, ...readMessage(raw, shape) } };
  } catch (error) {
    return malformed((error as Error).message);
  }
}

interface Field {
  number: number;
  value: bigint | Buffer;
}

function* fieldsOf(bytes: Buffer): Generator<Field> {
  let at = 0;
  const varint = (): bigint => {
    let value = 0n;
    for (let shift = 0n; shift < 70n; shift += 7n) {
      if (at >= bytes.length) throw new RangeError('unexpected end of protobuf');
      const byte = bytes[at++]!;
      value |= BigInt(byte & 127) << shift;
      if (byte < 128) return value;
    }
    throw new RangeError('a protobuf number is too long');
  };
  while (at < bytes.length) {
    const tag = Number(varint());
    const wire = tag & 7;
    if (wire === 0) yield { number: tag >> 3, value: varint() };
    else if (wire === 1 || wire === 2 || wire === 5) {
      const length = wire === 1 ? 8 : wire === 5 ? 4 : Number(varint());
      if (at + length > bytes.length) throw new RangeError('unexpected end of protobuf');
      yield { number: tag >> 3, value: bytes.subarray(at, at + length) };
      at += length;
    } else throw new RangeError(`protobuf wire type ${wire} is not known`);
  }
}

function asBytes(value: bigint | Buffer): Buffer {
  if (typeof value === 'bigint') throw new RangeError('a protobuf field has the wrong type');
  return value;
}

function readMessage(bytes: Buffer, { message: fields }: Message): JsonObject {
  const object: JsonObject = {};
  for (const { number, value } of fieldsOf(bytes)) {
    const known = fields[number];
    if (!known) continue;
    const [name, shape] = known;
    if (typeof shape === 'object' && 'list' in shape) {
      object[name] = [...((object[name] as Json[]) ?? []), readValue(value, shape.list)];
    } else if (typeof shape === 'object' && 'map' in shape) {
      const entry = readMessage(asBytes(value), message({ 1: ['key', 'string'], 2: ['value', shape.map] }));
      object[name] = { ...(object[name] as JsonObject), [String(entry.key ?? '')]: entry.value ?? '' };
    } else {
      const read = readValue(value, shape);
      // Go's protobuf writes what is empty too; JSON leaves it out.
      if (read !== '' && read !== undefined) object[name] = read;
    }
  }
  return object;
}

function readValue(value: bigint | Buffer, shape: Shape): Json {
  if (shape === 'int') return Number(BigInt.asIntN(64, value as bigint));
  if (shape === 'bool') return value !== 0n;
  if (shape === 'bytes') return asBytes(value).toString('base64');
  if (typeof shape === 'string') return asBytes(value).toString('utf8');
  if (shape === intOrString) {
    const both = readMessage(asBytes(value), intOrString);
    return both.type === 1 ? (both.strVal ?? '') : (both.intVal ?? 0);
  }
  return readMessage(asBytes(value), shape as Message);
}
