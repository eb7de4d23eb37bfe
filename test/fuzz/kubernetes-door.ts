import type { Clock } from '../../src/runtime/clock.ts';
import { type Random, randomInt, seededRandom } from '../../src/runtime/random.ts';
import { createCluster } from '../../src/sandbox/cluster/cluster.ts';
import {
  configMap,
  definitions,
  lease,
  pod,
  widget,
  widgetGroup,
} from '../../src/sandbox/cluster/conformance/samples.ts';
import { happens, mutated, oddText, oddValue, pick } from './chance.ts';
import type { FrontDoor, FuzzRequest } from './front-door.ts';
import { recordingLog } from './recording-log.ts';

interface Resource {
  readonly path: string;
  readonly sample: (name: string) => object;
}

const resources: readonly Resource[] = [
  { path: '/api/v1/namespaces/default/pods', sample: name => pod(name, {}, { labels: { app: 'a' } }) },
  { path: '/api/v1/namespaces/default/configmaps', sample: name => configMap(name, { a: 'b' }) },
  {
    path: '/apis/coordination.k8s.io/v1/namespaces/default/leases',
    sample: name => lease(name, { holderIdentity: 'a' }),
  },
  { path: `/apis/${widgetGroup}/v1/namespaces/default/widgets`, sample: name => widget(name, { tags: ['a'] }) },
  { path: `/apis/${widgetGroup}/v1/gadgets`, sample: gadget },
  { path: '/api/v1/namespaces', sample: name => ({ apiVersion: 'v1', kind: 'Namespace', metadata: { name } }) },
  { path: '/api/v1/nodes', sample: name => ({ apiVersion: 'v1', kind: 'Node', metadata: { name } }) },
  { path: '/api/v1/namespaces/default/services', sample: service },
  { path: '/api/v1/namespaces/default/events', sample: event },
  { path: '/apis/apiextensions.k8s.io/v1/customresourcedefinitions', sample: definition },
];
const otherPaths = [
  '/',
  '/api',
  '/apis',
  '/version',
  '/openapi/v3',
  '/openapi/v2',
  '/healthz',
  '/readyz',
  '/api/v1',
  '//',
];

/** The simulated Kubernetes API. */
export async function openKubernetesDoor(deps: { clock: Clock; random: Random }): Promise<FrontDoor> {
  const { clock } = deps;
  const { log, failures } = recordingLog();
  const options = { managedFields: true, historyEvents: 500 };
  const cluster = createCluster({ clock, random: seededRandom(1), log, crds: definitions, options });
  const server = await cluster.serve();
  const versions: string[] = ['0', '1'];
  return {
    name: 'kubernetes',
    port: server.port,
    failures,
    request: random => request(random, versions),
    learn(body) {
      const found = /"(?:resourceVersion|continue)":"([^"]{1,300})"/.exec(body)?.[1];
      if (found === undefined) return;
      if (versions.length < 20) versions.push(found);
      else versions[2 + (body.length % 18)] = found;
    },
    healthy: () => ({ method: 'GET', path: '/api/v1/namespaces/default', headers: {}, body: '' }),
    // A real server answers a 500 with a reason of its own where it knows what is wrong; InternalError is a crash.
    isRight: (status, body) =>
      status === 501 ||
      (status === 504 && body.includes('ResourceVersionTooLarge')) ||
      (status === 500 && !body.includes('InternalError')),
    leftOver: () => (cluster.openWatches === 0 ? undefined : `${cluster.openWatches} watches`),
    async close() {
      await server.close();
      await cluster.stop();
    },
  };
}

function request(random: Random, versions: readonly string[]): FuzzRequest {
  if (happens(random, 0.03)) return plain('GET', `${pick(random, otherPaths)}${query(random, versions, false)}`);
  const resource = pick(random, resources);
  const name = happens(random, 0.05)
    ? encodeURIComponent(safe(oddText(random)).slice(0, 300))
    : `f-${randomInt(random, 0, 12)}`;
  let item = `${resource.path}/${name}`;
  if (happens(random, 0.15))
    item += pick(random, ['/status', '/scale', '/finalize', '/log', '/', '/status/status', '/%00']);
  const path = happens(random, 0.04) ? broken(random, item) : item;
  switch (
    pick(random, ['create', 'create', 'read', 'list', 'watch', 'update', 'patch', 'patch', 'patch', 'delete', 'empty'])
  ) {
    case 'create':
      return sent(random, 'POST', resource.path + query(random, versions, false), resource.sample(name));
    case 'read':
      return plain('GET', path + query(random, versions, false), random);
    case 'list':
      return plain('GET', resource.path + query(random, versions, false), random);
    case 'watch':
      return { ...plain('GET', resource.path + query(random, versions, true), random), endless: true };
    case 'update':
      return sent(random, 'PUT', path + query(random, versions, false), resource.sample(name));
    case 'delete':
      return sent(random, 'DELETE', path + query(random, versions, false), {
        apiVersion: 'v1',
        kind: 'DeleteOptions',
        gracePeriodSeconds: pick(random, [0, 1]),
        preconditions: happens(random, 0.2) ? { resourceVersion: pick(random, versions) } : undefined,
      });
    case 'empty':
      return plain('DELETE', resource.path + query(random, versions, false), random);
    default:
      return patch(random, path + query(random, versions, false), resource.sample(name));
  }
}

const queryValues: Readonly<Record<string, readonly string[]>> = {
  limit: ['1', '2', '500'],
  continue: [],
  labelSelector: ['app=a', 'app in (a,b)', '!app', 'app!=a,b'],
  fieldSelector: ['metadata.name=f-1', 'spec.nodeName!=x', 'status.phase=Running', 'spec.size=1'],
  resourceVersion: [],
  resourceVersionMatch: ['Exact', 'NotOlderThan'],
  timeoutSeconds: ['1', '0'],
  allowWatchBookmarks: ['true'],
  sendInitialEvents: ['true', 'false'],
  dryRun: ['All'],
  fieldManager: ['fuzz'],
  force: ['true'],
  fieldValidation: ['Strict', 'Warn', 'Ignore'],
  propagationPolicy: ['Foreground', 'Background', 'Orphan'],
  gracePeriodSeconds: ['0'],
  pretty: ['true'],
  watch: ['false'],
};

function query(random: Random, versions: readonly string[], watch: boolean): string {
  const form = new URLSearchParams(watch ? { watch: pick(random, ['true', '1', 'true']) } : {});
  while (happens(random, 0.5)) {
    const [name, values] = pick(random, Object.entries(queryValues));
    const value = happens(random, 0.25) ? oddText(random).slice(0, 4_000) : pick(random, [...values, ...versions]);
    if (watch || name !== 'watch' || value === 'false') form.append(name, safe(value));
  }
  if (happens(random, 0.02)) form.append(safe(oddText(random)).slice(0, 1_000), '');
  const text = form.toString();
  return text === '' ? '' : `?${text}`;
}

const accepted = [
  'application/json',
  'application/json;as=Table;v=v1;g=meta.k8s.io',
  'application/json;as=PartialObjectMetadataList;v=v1;g=meta.k8s.io,application/json',
  'application/yaml',
  'application/vnd.kubernetes.protobuf',
  'a/b;;;=,',
  '*/*',
];

function plain(method: string, path: string, random?: Random): FuzzRequest {
  const headers: Record<string, string> = random && happens(random, 0.3) ? { accept: pick(random, accepted) } : {};
  return { method, path, headers, body: '' };
}

function sent(random: Random, method: string, path: string, object: object): FuzzRequest {
  let value: unknown = object;
  while (happens(random, 0.6)) value = mutated(random, value);
  const type = pick(random, ['application/json', 'application/json', 'application/json', 'application/yaml', 'x/y']);
  return textual(random, method, path, type, value);
}

function patch(random: Random, path: string, object: object): FuzzRequest {
  const type = pick(random, ['merge-patch+json', 'json-patch+json', 'strategic-merge-patch+json', 'apply-patch+yaml']);
  if (type === 'json-patch+json') {
    const count = happens(random, 0.1) ? randomInt(random, 5, 60) : randomInt(random, 0, 4);
    const operations = Array.from({ length: count }, () => operation(random));
    return textual(
      random,
      'PATCH',
      path,
      `application/${type}`,
      happens(random, 0.1) ? mutated(random, operations) : operations,
    );
  }
  let value: unknown = object;
  while (happens(random, 0.7)) value = mutated(random, value);
  if (happens(random, 0.2)) value = { metadata: { annotations: { [safe(oddText(random)).slice(0, 40)]: 'x' } } };
  if (happens(random, 0.1))
    value = { spec: { containers: [{ $patch: 'delete', name: 'game' }, { $retainKeys: ['name'] }] } };
  const manager =
    type.startsWith('apply') && happens(random, 0.9) ? `${path.includes('?') ? '&' : '?'}fieldManager=fuzz` : '';
  return textual(random, 'PATCH', path + manager, `application/${type}`, value);
}

const pointers = [
  '/metadata/labels/a',
  '/metadata/annotations',
  '/spec',
  '/spec/containers/0',
  '/spec/containers/-',
  '/data/a',
  '',
  '/metadata/name',
  '/spec/tags/-',
  '/spec/tags/00',
  '/~2',
  '/__proto__/x',
  '/metadata/resourceVersion',
];

function operation(random: Random): object {
  if (happens(random, 0.3)) {
    const place = pick(random, ['/spec', '/spec/anything', '/data', '/metadata/annotations']);
    return { op: 'copy', from: place, path: `${place}/c${randomInt(random, 0, 50)}` };
  }
  const op = pick(random, ['add', 'remove', 'replace', 'move', 'copy', 'test', 'spoil']);
  const value = happens(random, 0.5) ? 'x' : oddValue(random);
  return { op, path: pick(random, pointers), from: pick(random, pointers), ...(happens(random, 0.9) ? { value } : {}) };
}

/** Bodies that are hard on parsers: deep, with many keys, aliases, tags or mistakes. */
const hardBodies: readonly ((random: Random) => string)[] = [
  random => pick(random, ['[{"a":', '{a: ', '[', '- ', '? ', '!a ', '&a ', '%a\n', 'a: b: ']).repeat(manyOf(random)),
  random => nested(manyOf(random)),
  random => `{"spec":{"anything":${nested(randomInt(random, 1, 3_000))}}}`,
  random => Array.from({ length: manyOf(random) }, (_, n) => `k${n}: v`).join('\n'),
  random => `a: &a b\n${Array.from({ length: randomInt(random, 1, 3_000) }, (_, n) => `k${n}: *a`).join('\n')}`,
  random => `a:\n${'\tb: c\n'.repeat(randomInt(random, 1, 3_000))}`,
  random => `{"data":{"a":"${'x'.repeat(randomInt(random, 1, 3_300_000))}"}}`,
  () => 'a: &a [x]\nb: [*a, *b]\n? {c: }',
  random => JSON.stringify({ data: Object.fromEntries(someOf(random).map(n => [`k${n}`, 'v'])) }),
  random => JSON.stringify({ metadata: { ownerReferences: someOf(random).map(n => ({ uid: `u${n}` })) } }),
  random => JSON.stringify(someOf(random).map(n => ({ op: 'add', path: `/data/k${n}`, value: 'v' }))),
];

const manyOf = (random: Random) => randomInt(random, 1, 20_000);
const someOf = (random: Random) => Array.from({ length: randomInt(random, 1, 15_000) }, (_, n) => n);
const nested = (depth: number) => '['.repeat(depth) + ']'.repeat(depth);

function textual(random: Random, method: string, path: string, type: string, value: unknown): FuzzRequest {
  let body = JSON.stringify(value) ?? '';
  if (happens(random, 0.05)) body = body.slice(0, randomInt(random, 0, body.length));
  if (happens(random, 0.03)) body = pick(random, hardBodies)(random);
  const contentType = happens(random, 0.03) ? 'application/vnd.kubernetes.protobuf' : type;
  if (contentType.endsWith('protobuf') && happens(random, 0.7)) body = `k8s\u0000${oddText(random)}\u0012\u007f${body}`;
  return { method, path, headers: { 'content-type': contentType }, body };
}

function broken(random: Random, path: string): string {
  const at = randomInt(random, 0, path.length - 1);
  return `${path.slice(0, at)}${encodeURI(safe(oddText(random)).slice(0, 500))}${path.slice(at)}`.replace(
    /[^\x21-\x7e]/g,
    '_',
  );
}

/** Half a character can't be written in a URL at all. */
function safe(text: string): string {
  return text.toWellFormed();
}

function gadget(name: string): object {
  return { apiVersion: `${widgetGroup}/v1`, kind: 'Gadget', metadata: { name }, spec: { anything: [1, { a: null }] } };
}

function service(name: string): object {
  const spec = {
    type: 'ClusterIP',
    selector: { app: 'a' },
    ports: [{ port: 80, targetPort: 'http', protocol: 'TCP' }],
  };
  return { apiVersion: 'v1', kind: 'Service', metadata: { name }, spec };
}

function event(name: string): object {
  const involvedObject = { kind: 'Pod', namespace: 'default', name: 'f-1' };
  return {
    apiVersion: 'v1',
    kind: 'Event',
    metadata: { name },
    involvedObject,
    reason: 'Fuzzed',
    message: 'x',
    type: 'Normal',
  };
}

function definition(name: string): object {
  const spec = {
    group: 'fuzz.example.com',
    scope: 'Namespaced',
    names: { plural: name, singular: name, kind: 'Fuzz', listKind: 'FuzzList' },
    versions: [
      {
        name: 'v1',
        served: true,
        storage: true,
        schema: {
          openAPIV3Schema: {
            type: 'object',
            properties: {
              spec: {
                type: 'object',
                properties: {
                  size: { type: 'integer', minimum: 0 },
                  tags: { type: 'array', items: { type: 'string' } },
                },
                'x-kubernetes-validations': [{ rule: 'self.size < 10', message: 'too large' }],
              },
            },
          },
        },
      },
    ],
  };
  return {
    apiVersion: 'apiextensions.k8s.io/v1',
    kind: 'CustomResourceDefinition',
    metadata: { name: `${name}.fuzz.example.com` },
    spec,
  };
}
