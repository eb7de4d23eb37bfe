import { isIP } from 'node:net';
import { ApiError, type FieldError, fieldError, forbidden, invalid, notSupported, required } from '../api-error.ts';
import {
  type ApiObject,
  asList,
  asObject,
  asString,
  deepEqual,
  isObject,
  type Json,
  type JsonObject,
  withField,
} from '../json.ts';
import { type Kind, plainKind } from '../kind.ts';
import { mergeShapes, plainShape } from '../merge-shapes.ts';
import { labelErrors, subdomainErrors } from '../names.ts';
import { age, textColumn } from '../table-cells.ts';

const accept = (errors: FieldError[]) => ({ errors, warnings: [] });

const keepStatus = (next: ApiObject, old: ApiObject): ApiObject => withField(next, 'status', old.status);
const keepSpec = (next: ApiObject, old: ApiObject): ApiObject => withField(next, 'spec', old.spec);

/** Namespaces that admission keeps from being deleted. */
const immortalNamespaces = new Set(['default', 'kube-public', 'kube-system']);

/** `v1` Namespace. Its deletion, which takes all it holds along, is carried out by the namespace controller. */
export function namespaceKind(): Kind {
  return plainKind({
    group: '',
    version: 'v1',
    kind: 'Namespace',
    plural: 'namespaces',
    shortNames: ['ns'],
    namespaced: false,
    checkName: labelErrors,
    hasStatus: true,
    mergeShape: mergeShapes.Namespace!,
    returnsDeleted: true,
    fields: { 'status.phase': object => asString(asObject(object.status).phase) },
    columns: [
      textColumn('Status', 'Active, or Terminating.', object => asString(asObject(object.status).phase)),
      textColumn('Age', 'When it was made.', (object, nowMs) => age(object.metadata.creationTimestamp, nowMs)),
    ],
    decode(object) {
      const metadata = asObject(object.metadata);
      if (typeof metadata.name !== 'string' || metadata.name === '') return { object, unknown: [] };
      const labels = { ...asObject(metadata.labels), 'kubernetes.io/metadata.name': metadata.name };
      return { object: { ...object, metadata: { ...metadata, labels } }, unknown: [] };
    },
    prepareCreate: object => ({
      ...object,
      spec: { ...asObject(object.spec), finalizers: ['kubernetes'] },
      status: { phase: 'Active' },
    }),
    prepareUpdate: (next, old) => keepStatus(keepSpec(next, old), old),
    prepareStatus: keepSpec,
    beginRemoval(object, now) {
      const { name } = object.metadata;
      if (immortalNamespaces.has(name)) {
        const message = `namespaces ${JSON.stringify(name)} is forbidden: this namespace may not be deleted`;
        throw new ApiError(403, 'Forbidden', message, { name, kind: 'namespaces' });
      }
      return {
        ...object,
        metadata: { ...object.metadata, deletionTimestamp: now },
        status: { ...asObject(object.status), phase: 'Terminating' },
      };
    },
  });
}

/** `v1` Node. */
export function nodeKind(): Kind {
  return plainKind({
    group: '',
    version: 'v1',
    kind: 'Node',
    plural: 'nodes',
    shortNames: ['no'],
    namespaced: false,
    checkName: subdomainErrors,
    hasStatus: true,
    mergeShape: mergeShapes.Node!,
    fields: { 'spec.unschedulable': object => String(asObject(object.spec).unschedulable === true) },
    columns: [
      textColumn('Status', 'Whether it is ready.', object => {
        const conditions = asList(asObject(object.status).conditions).map(asObject);
        const ready = conditions.find(condition => condition.type === 'Ready');
        const state = ready ? (ready.status === 'True' ? 'Ready' : 'NotReady') : 'Unknown';
        return asObject(object.spec).unschedulable === true ? `${state},SchedulingDisabled` : state;
      }),
      textColumn('Roles', 'Its roles, by its labels.', object => {
        const prefix = 'node-role.kubernetes.io/';
        const labels = Object.keys(object.metadata.labels ?? {}).filter(key => key.startsWith(prefix));
        return (
          labels
            .map(key => key.slice(prefix.length))
            .toSorted()
            .join(',') || '<none>'
        );
      }),
      textColumn('Age', 'When it was made.', (object, nowMs) => age(object.metadata.creationTimestamp, nowMs)),
      textColumn('Version', "The kubelet's version.", object =>
        asString(asObject(asObject(object.status).nodeInfo).kubeletVersion),
      ),
      textColumn('Internal-IP', 'Its address inside.', object => nodeAddress(object, 'InternalIP'), 1),
      textColumn('External-IP', 'Its address outside.', object => nodeAddress(object, 'ExternalIP'), 1),
      textColumn('OS-Image', 'Its operating system.', object => nodeInfo(object, 'osImage'), 1),
      textColumn('Kernel-Version', "Its kernel's version.", object => nodeInfo(object, 'kernelVersion'), 1),
      textColumn(
        'Container-Runtime',
        'What runs its containers.',
        object => nodeInfo(object, 'containerRuntimeVersion'),
        1,
      ),
    ],
    prepareUpdate: keepStatus,
    prepareStatus: keepSpec,
  });
}

function nodeAddress(object: ApiObject, type: string): string {
  const addresses = asList(asObject(object.status).addresses).map(asObject);
  return asString(addresses.find(address => address.type === type)?.address) || '<none>';
}

const nodeInfo = (object: ApiObject, field: string): string =>
  asString(asObject(asObject(object.status).nodeInfo)[field]) || '<unknown>';

/** What Go says of a map whose values are no strings, or no base64 where it wants bytes. */
function undecodableData(kind: string, object: JsonObject, texts: string[], bytes: string[]): string | undefined {
  for (const field of [...texts, ...bytes]) {
    for (const value of Object.values(asObject(object[field]))) {
      if (value === null) continue;
      if (typeof value !== 'string') {
        const found = Array.isArray(value) ? 'array' : typeof value === 'boolean' ? 'bool' : typeof value;
        return `json: cannot unmarshal ${found} into Go struct field ${kind}.${field} of type string`;
      }
      if (!bytes.includes(field)) continue;
      const text = value.replaceAll(/[\r\n]/g, '');
      const at = text.search(/[^A-Za-z0-9+/=]/);
      if (at >= 0) return `illegal base64 data at input byte ${at}`;
      if (text.length % 4 !== 0) return `illegal base64 data at input byte ${text.length - (text.length % 4)}`;
    }
  }
  return undefined;
}

const configName = /^[-._a-zA-Z0-9]{1,253}$/;

function dataKeyErrors(object: ApiObject, fields: string[]): FieldError[] {
  const errors: FieldError[] = [];
  for (const field of fields) {
    for (const key of Object.keys(asObject(object[field]))) {
      if (configName.test(key) && key !== '.' && !key.startsWith('..')) continue;
      errors.push(
        invalid(
          `${field}[${key}]`,
          key,
          "a valid config key must consist of alphanumeric characters, '-', '_' or '.' (e.g. 'key.name',  or 'KEY_NAME',  or 'key-name', regex used for validation is '[-._a-zA-Z0-9]+')",
        ),
      );
    }
  }
  return errors;
}

/** What a ConfigMap or a Secret may hold in all its values. */
const maxDataBytes = 1024 * 1024;

function dataSizeErrors(field: string, bytes: number): FieldError[] {
  if (bytes <= maxDataBytes) return [];
  return [fieldError('FieldValueTooLong', field, undefined, `may not be more than ${maxDataBytes} bytes`)];
}

function textBytes(data: Json | undefined): number {
  return Object.values(asObject(data)).reduce<number>((sum, value) => sum + Buffer.byteLength(asString(value)), 0);
}

function decodedBytes(data: Json | undefined): number {
  return Object.values(asObject(data)).reduce<number>(
    (sum, value) => sum + Buffer.byteLength(asString(value), 'base64'),
    0,
  );
}

/** What may not change in an immutable ConfigMap or Secret. */
function immutableErrors(object: ApiObject, old: ApiObject | undefined, fields: string[]): FieldError[] {
  if (old?.immutable !== true) return [];
  const errors: FieldError[] = [];
  const message = 'field is immutable when `immutable` is set';
  if (object.immutable !== true) errors.push(forbidden('immutable', message));
  for (const field of fields) {
    if (!deepEqual(asObject(object[field]), asObject(old[field]))) errors.push(forbidden(field, message));
  }
  return errors;
}

/** `v1` ConfigMap. */
export function configMapKind(): Kind {
  return plainKind({
    group: '',
    version: 'v1',
    kind: 'ConfigMap',
    plural: 'configmaps',
    shortNames: ['cm'],
    namespaced: true,
    checkName: subdomainErrors,
    mergeShape: plainShape,
    columns: [
      textColumn('Data', 'Keys that it holds.', object =>
        String(Object.keys(asObject(object.data)).length + Object.keys(asObject(object.binaryData)).length),
      ),
      textColumn('Age', 'When it was made.', (object, nowMs) => age(object.metadata.creationTimestamp, nowMs)),
    ],
    undecodable: object => undecodableData('ConfigMap', object, ['data'], ['binaryData']),
    judge: (object, old) =>
      accept([
        ...dataKeyErrors(object, ['data', 'binaryData']),
        ...Object.keys(asObject(object.data))
          .filter(key => Object.hasOwn(asObject(object.binaryData), key))
          .map(key => invalid(`data[${key}]`, key, 'duplicate of key present in binaryData')),
        ...immutableErrors(object, old, ['data', 'binaryData']),
        ...dataSizeErrors('[]', textBytes(object.data) + decodedBytes(object.binaryData)),
      ]),
  });
}

/** Keys that a Secret of a type has to hold. */
const secretKeys: Record<string, string[]> = {
  'kubernetes.io/dockerconfigjson': ['.dockerconfigjson'],
  'kubernetes.io/ssh-auth': ['ssh-privatekey'],
  'kubernetes.io/tls': ['tls.crt', 'tls.key'],
};

/** `v1` Secret; `stringData` is written into `data` and never answered. */
export function secretKind(): Kind {
  return plainKind({
    group: '',
    version: 'v1',
    kind: 'Secret',
    plural: 'secrets',
    namespaced: true,
    checkName: subdomainErrors,
    mergeShape: plainShape,
    fields: { type: object => asString(object.type) },
    columns: [
      textColumn('Type', 'What it is for.', object => asString(object.type)),
      textColumn('Data', 'Keys that it holds.', object => String(Object.keys(asObject(object.data)).length)),
      textColumn('Age', 'When it was made.', (object, nowMs) => age(object.metadata.creationTimestamp, nowMs)),
    ],
    decode(object) {
      const { stringData, ...rest } = object;
      const next: JsonObject = { ...rest, type: asString(object.type) || 'Opaque' };
      if (isObject(stringData)) {
        const data: JsonObject = { ...asObject(object.data) };
        for (const [key, value] of Object.entries(stringData)) {
          data[key] = Buffer.from(asString(value)).toString('base64');
        }
        next.data = data;
      }
      return { object: next, unknown: [] };
    },
    undecodable: object => undecodableData('Secret', object, ['stringData'], ['data']),
    judge(object, old) {
      const errors = [
        ...dataKeyErrors(object, ['data']),
        ...immutableErrors(object, old, ['data']),
        ...dataSizeErrors('data', decodedBytes(object.data)),
      ];
      for (const key of secretKeys[asString(object.type)] ?? []) {
        if (!Object.hasOwn(asObject(object.data), key)) errors.push(required(`data[${key}]`));
      }
      if (old && object.type !== old.type) errors.push(invalid('type', object.type ?? '', 'field is immutable'));
      return accept(errors);
    },
  });
}

/** `v1` ServiceAccount. No tokens are made. */
export function serviceAccountKind(): Kind {
  return plainKind({
    group: '',
    version: 'v1',
    kind: 'ServiceAccount',
    plural: 'serviceaccounts',
    shortNames: ['sa'],
    namespaced: true,
    checkName: subdomainErrors,
    mergeShape: mergeShapes.ServiceAccount!,
    returnsDeleted: true,
    unconditionalUpdate: false,
    columns: [textColumn('Age', 'When it was made.', (object, nowMs) => age(object.metadata.creationTimestamp, nowMs))],
  });
}

const addressTypes = ['IPv4', 'IPv6', 'FQDN'];

/** `discovery.k8s.io/v1` EndpointSlice. Nobody fills them here: make them by hand. */
export function endpointSliceKind(): Kind {
  return plainKind({
    group: 'discovery.k8s.io',
    version: 'v1',
    kind: 'EndpointSlice',
    plural: 'endpointslices',
    namespaced: true,
    checkName: subdomainErrors,
    mergeShape: plainShape,
    columns: [
      textColumn('AddressType', 'Kind of its addresses.', object => asString(object.addressType)),
      textColumn('Ports', 'Ports of its endpoints.', object => {
        const ports = asList(object.ports).map(port => String(asObject(port).port));
        return ports.length > 0 ? ports.join(',') : '<unset>';
      }),
      textColumn('Endpoints', 'Addresses.', object => {
        const addresses = asList(object.endpoints).flatMap(item => asList(asObject(item).addresses).map(asString));
        return addresses.length > 0 ? addresses.join(',') : '<unset>';
      }),
      textColumn('Age', 'When it was made.', (object, nowMs) => age(object.metadata.creationTimestamp, nowMs)),
    ],
    decode(object) {
      const next: JsonObject = { ...object };
      if (Array.isArray(object.ports)) {
        next.ports = object.ports.map(port => (isObject(port) ? { name: '', protocol: 'TCP', ...port } : port));
      }
      if (object.endpoints === undefined) next.endpoints = null;
      if (object.ports === undefined) next.ports = null;
      return { object: next, unknown: [] };
    },
    prepareCreate: object => ({ ...object, metadata: { ...object.metadata, generation: 1 } }),
    prepareUpdate(next, old) {
      const same = deepEqual({ ...next, metadata: null }, { ...old, metadata: null });
      const sameLabels = deepEqual(next.metadata.labels ?? {}, old.metadata.labels ?? {});
      const generation = (old.metadata.generation ?? 0) + (same && sameLabels ? 0 : 1);
      return { ...next, metadata: { ...next.metadata, generation } };
    },
    judge: (object, old) => accept(sliceErrors(object, old)),
  });
}

function sliceErrors(object: ApiObject, old: ApiObject | undefined): FieldError[] {
  const errors: FieldError[] = [];
  const type = asString(object.addressType);
  if (type === '') errors.push(required('addressType'));
  else if (!addressTypes.includes(type)) errors.push(notSupported('addressType', type, addressTypes));
  if (old && old.addressType !== object.addressType) {
    return [...errors, invalid('addressType', type, 'field is immutable')];
  }
  for (const [index, item] of asList(object.endpoints).entries()) {
    const addresses = asList(asObject(item).addresses).map(asString);
    if (addresses.length === 0) {
      errors.push(required(`endpoints[${index}].addresses`, 'must contain at least 1 address'));
    }
    for (const [at, address] of addresses.entries()) {
      if (type !== 'FQDN') errors.push(...addressErrors(address, type, `endpoints[${index}].addresses[${at}]`));
    }
  }
  const names = new Set<string>();
  for (const [index, item] of asList(object.ports).entries()) {
    const name = asString(asObject(item).name);
    if (names.has(name)) errors.push(fieldError('FieldValueDuplicate', `ports[${index}].name`, name));
    names.add(name);
  }
  return errors;
}

function addressErrors(address: string, type: string, path: string): FieldError[] {
  const family = isIP(address);
  if (family === 0) {
    const leading = /^\d{1,3}(\.\d{1,3}){3}$/.test(address) && address.split('.').some(octet => /^0\d/.test(octet));
    const why = leading ? 'must not have leading 0s' : 'must be a valid IP address, (e.g. 10.9.8.7 or 2001:db8::ffff)';
    return [invalid(path, address, why)];
  }
  if (family !== (type === 'IPv4' ? 4 : 6)) {
    return [invalid(path.replace(/\[\d+\]$/, ''), address, `must be an ${type} address`)];
  }
  const refused = refusedRanges.find(([pattern]) => pattern.test(address));
  return refused ? [invalid(path, address, refused[1])] : [];
}

/** Addresses that no endpoint may have. */
const refusedRanges: [RegExp, string][] = [
  [/^0\.0\.0\.0$|^::$/, 'may not be unspecified (0.0.0.0)'],
  [/^127\.|^::1$/, 'may not be in the loopback range (127.0.0.0/8, ::1/128)'],
  [/^169\.254\.|^fe[89ab][0-9a-f]:/i, 'may not be in the link-local range (169.254.0.0/16, fe80::/10)'],
  [/^224\.0\.0\.|^ff02:/i, 'may not be in the link-local multicast range (224.0.0.0/24, ff02::/10)'],
];
