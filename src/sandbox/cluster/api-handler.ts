import type { KubeRequest, KubeResponse } from '../../kube/transport.ts';
import type { Clock } from '../../runtime/clock.ts';
import type { Log } from '../../runtime/log.ts';
import {
  ApiError,
  badRequest,
  forbiddenRequest,
  invalidObject,
  methodNotAllowed,
  NoSuchPath,
  noSuchResource,
  notFound,
  notImplemented,
  required,
  tooLarge,
  unsupportedMediaType,
} from './api-error.ts';
import { wholeBody } from './chunk-stream.ts';
import { coreVersions, groupInfo, groupList, imitatedVersion, resourceList, versionInfo } from './discovery.ts';
import { type ApiObject, asObject, asString, isObject, type Json, type JsonObject } from './json.ts';
import { applyJsonPatch } from './json-patch.ts';
import { bytesOf } from './json-text.ts';
import type { Kind } from './kind.ts';
import type { KindRegistry } from './kind-registry.ts';
import { isTooDeep, maxBodyBytes, maxDepth, mayBeTooDeep } from './limits.ts';
import { chooseFormat } from './media-type.ts';
import { applyMergePatch } from './merge-patch.ts';
import { listText, objectText } from './object-format.ts';
import { listObjects, readSelection } from './object-lists.ts';
import type { ObjectWatches } from './object-watches.ts';
import type { Change, ObjectWriter, Written } from './object-writer.ts';
import { openApiDocument, openApiIndex } from './openapi.ts';
import { readDeleteOptions, readListOptions, readWriteOptions } from './request-options.ts';
import { readPathOf, type Target } from './request-path.ts';
import { reviewerOf } from './reviews.ts';
import type { Store } from './store.ts';
import { applyStrategicMergePatch } from './strategic-merge-patch.ts';
import { readYaml } from './yaml-body.ts';

/** Groups of Kubernetes itself that are not imitated: asking for them is answered 501, so that nobody is misled. */
const foreignGroups = /^(apps|batch|autoscaling|policy|extensions|.*\.k8s\.io)$/;

/** Subresources of Kubernetes' own kinds that are not imitated, likewise. */
const foreignSubresources = new Set(
  'attach binding ephemeralcontainers eviction exec finalize log portforward proxy resize token'.split(' '),
);

/** Kinds that nobody can create here and that `kubectl describe namespace` insists on listing. */
const emptyLists: Record<string, string> = { limitranges: 'LimitRangeList', resourcequotas: 'ResourceQuotaList' };

/** Namespaces that the admission plugin NamespaceLifecycle lets nobody delete. */
const lastingNamespaces = new Set(['default', 'kube-system', 'kube-public']);

/** Answers requests. */
export type ApiHandler = (request: KubeRequest) => Promise<KubeResponse>;

export interface ApiHandlerDeps {
  store: Store;
  kinds: KindRegistry;
  writer: ObjectWriter;
  watches: ObjectWatches;
  clock: Clock;
  log: Log;
}

/** Makes the function that answers requests as the API server would; it rejects only when the request is aborted. */
export function createApiHandler(deps: ApiHandlerDeps): ApiHandler {
  return async request => {
    if (request.signal?.aborted) throw new DOMException('This operation was aborted', 'AbortError');
    try {
      return answer(deps, request);
    } catch (error) {
      if (error instanceof ApiError) return errorResponse(error);
      if (error instanceof NoSuchPath) return plainResponse(404, error.message);
      deps.log.error({ error, method: request.method, path: request.path }, 'The simulated API server failed.');
      return errorResponse(new ApiError(500, 'InternalError', `Internal error occurred: ${(error as Error).message}`));
    }
  };
}

function answer(deps: ApiHandlerDeps, request: KubeRequest): KubeResponse {
  const mark = request.path.indexOf('?');
  const path = mark < 0 ? request.path : request.path.slice(0, mark);
  const query = new URLSearchParams(mark < 0 ? '' : request.path.slice(mark + 1));
  const target = readPathOf(path);
  if (target.type === 'other') return answerOther(deps, request, target.path);
  const review = reviewerOf(target);
  if (review) {
    if (request.method !== 'POST') throw methodNotAllowed();
    return jsonResponse(201, review(readBody(request), deps.clock.nowMs()));
  }
  const empty = target.group === '' && request.method === 'GET' ? emptyLists[target.plural] : undefined;
  if (empty !== undefined && target.name === undefined) {
    const metadata = { resourceVersion: String(deps.store.version) };
    return jsonResponse(200, { kind: empty, apiVersion: 'v1', metadata, items: [] });
  }
  const kind = deps.kinds.find(target.group, target.version, target.plural);
  if (!kind) throw unknownResource(deps, target);
  if (kind.namespaced !== (target.namespace !== undefined) && (!kind.namespaced || target.name !== undefined)) {
    throw new NoSuchPath();
  }
  return answerResource(deps, { request, query, kind, target });
}

type ResourceTarget = Extract<Target, { type: 'resource' }>;

function unknownResource({ kinds }: ApiHandlerDeps, { group, version, plural }: ResourceTarget): Error {
  const there = [...new Set(kinds.all().map(kind => kind.plural))].toSorted().join(', ');
  if (group === '' && version === 'v1') return notImplemented(`"${plural}" of the core group`, there);
  if (foreignGroups.test(group)) return notImplemented(`"${plural}" of ${group}/${version}`, there);
  return new NoSuchPath();
}

interface Call {
  request: KubeRequest;
  query: URLSearchParams;
  kind: Kind;
  target: ResourceTarget;
}

function answerResource(deps: ApiHandlerDeps, call: Call): KubeResponse {
  const { request, kind, target } = call;
  const { name, subresource } = target;
  if (subresource !== undefined && !(subresource === 'status' && kind.hasStatus)) return answerSubresource(deps, call);
  if (name === undefined) {
    if (request.method === 'GET') return list(deps, call);
    if (request.method === 'POST') {
      if (kind.namespaced && target.namespace === undefined) throw methodNotAllowed();
      return create(deps, call);
    }
    if (request.method === 'DELETE' && !isNamespace(kind)) return deleteCollection(deps, call);
    throw methodNotAllowed();
  }
  if (request.method === 'GET') return get(deps, call);
  if (request.method === 'PUT' || request.method === 'PATCH') return update(deps, call);
  if (request.method === 'DELETE' && !subresource) return remove(deps, call);
  throw methodNotAllowed();
}

function answerSubresource(deps: ApiHandlerDeps, call: Call): KubeResponse {
  const { kind, target, request } = call;
  if (kind.group === '' && kind.plural === 'pods' && target.subresource === 'binding' && request.method === 'POST') {
    return bind(deps, call);
  }
  if (kind.mergeShape === undefined) throw new NoSuchPath();
  if (!foreignSubresources.has(target.subresource!)) throw noSuchResource();
  throw notImplemented(`"${kind.plural}/${target.subresource}"`);
}

function get(deps: ApiHandlerDeps, { request, query, kind, target }: Call): KubeResponse {
  const stored = deps.store.collection(kind.collection).get(target.namespace, target.name!);
  if (!stored) throw notFound(kind, target.name!);
  return objectResponse(deps, request, query, kind, { object: stored.object, created: false, warnings: [] });
}

function list(deps: ApiHandlerDeps, { request, query, kind, target }: Call): KubeResponse {
  const options = readListOptions(query);
  const selection = readSelection(kind, target.namespace, options);
  const format = chooseFormat(header(request, 'accept'));
  const include = query.get('includeObject') ?? 'Metadata';
  if (options.watch) {
    const body = deps.watches.start(kind, selection, options, format, include, request.signal);
    return { status: 200, headers: { 'content-type': 'application/json' }, body };
  }
  const page = listObjects(deps.store, kind, selection, options);
  return textResponse(200, listText(kind, page.objects, page.meta, format, deps.clock.nowMs(), include));
}

function create(deps: ApiHandlerDeps, { request, query, kind, target }: Call): KubeResponse {
  const options = readWriteOptions(query, 'CreateOptions', header(request, 'user-agent') ?? '');
  const written = deps.writer.create(kind, target.namespace, readBody(request), options);
  return objectResponse(deps, request, query, kind, written);
}

function update(deps: ApiHandlerDeps, { request, query, kind, target }: Call): KubeResponse {
  const isPut = request.method === 'PUT';
  const options = readWriteOptions(
    query,
    isPut ? 'UpdateOptions' : 'PatchOptions',
    header(request, 'user-agent') ?? '',
  );
  if (!isPut && mediaType(request) === applyType) return apply(deps, { request, query, kind, target });
  const body = isPut ? readBody(request) : undefined;
  const change: Change = isPut ? () => body! : readPatch(request, kind);
  const place = { kind, namespace: target.namespace, name: target.name! };
  const subresource = target.subresource === 'status' ? 'status' : undefined;
  return objectResponse(deps, request, query, kind, deps.writer.update(place, subresource, change, isPut, options));
}

function apply(deps: ApiHandlerDeps, { request, query, kind, target }: Call): KubeResponse {
  if (!query.get('fieldManager')) {
    const error = required('fieldManager', 'is required for apply patch');
    throw invalidObject({ group: 'meta.k8s.io', kind: 'PatchOptions', plural: '' }, '', [error]);
  }
  const options = readWriteOptions(query, 'PatchOptions', '');
  const place = { kind, namespace: target.namespace, name: target.name! };
  const subresource = target.subresource === 'status' ? 'status' : undefined;
  const force = query.get('force') === 'true';
  const written = deps.writer.apply(place, subresource, parseYamlBody(request.body ?? ''), force, options);
  return objectResponse(deps, request, query, kind, written);
}

function remove(deps: ApiHandlerDeps, { request, query, kind, target }: Call): KubeResponse {
  const options = readDeleteOptions(request.body ? readBody(request) : undefined, query);
  if (isNamespace(kind) && lastingNamespaces.has(target.name!)) {
    throw forbiddenRequest(kind, target.name!, 'this namespace may not be deleted');
  }
  const place = { kind, namespace: target.namespace, name: target.name! };
  const { object, removed } = deps.writer.remove(place, options);
  if (!removed || kind.returnsDeleted) {
    return objectResponse(deps, request, query, kind, { object, created: false, warnings: [] });
  }
  return jsonResponse(200, {
    kind: 'Status',
    apiVersion: 'v1',
    metadata: {},
    status: 'Success',
    details: {
      name: object.metadata.name,
      ...(kind.group ? { group: kind.group } : {}),
      kind: kind.plural,
      uid: object.metadata.uid,
    },
  });
}

/** Namespaces are only deleted one by one. */
function isNamespace(kind: Kind): boolean {
  return kind.group === '' && kind.plural === 'namespaces';
}

function deleteCollection(deps: ApiHandlerDeps, { request, query, kind, target }: Call): KubeResponse {
  const options = readDeleteOptions(request.body ? readBody(request) : undefined, query);
  const listOptions = readListOptions(query);
  const selection = readSelection(kind, target.namespace, listOptions);
  const page = listObjects(deps.store, kind, selection, listOptions);
  for (const { metadata } of page.objects) {
    deps.writer.remove({ kind, namespace: metadata.namespace, name: metadata.name }, options);
  }
  return textResponse(200, listText(kind, page.objects, page.meta, 'object', deps.clock.nowMs(), 'Metadata'));
}

/** `pods/binding`: what a scheduler calls. */
function bind(deps: ApiHandlerDeps, { request, query, kind, target }: Call): KubeResponse {
  const node = asString(asObject(asObject(readBody(request)).target).name);
  if (node === '') throw badRequest('target.name is required');
  const stored = deps.store.collection('pods').get(target.namespace, target.name!);
  if (!stored) throw notFound(kind, target.name!);
  const spec = asObject(stored.object.spec);
  if (spec.nodeName) {
    throw new ApiError(
      409,
      'Conflict',
      `Operation cannot be fulfilled on pods/binding "${target.name}": pod ${target.name} is already assigned to node ${JSON.stringify(spec.nodeName)}`,
      { name: target.name!, kind: 'pods/binding' },
    );
  }
  if (readWriteOptions(query, 'CreateOptions', '').dryRun) return jsonResponse(201, success);
  const status = asObject(stored.object.status);
  const conditions = (Array.isArray(status.conditions) ? status.conditions : []).filter(
    condition => asObject(condition).type !== 'PodScheduled',
  );
  const scheduled = {
    type: 'PodScheduled',
    status: 'True',
    lastProbeTime: null,
    lastTransitionTime: `${new Date(deps.clock.nowMs()).toISOString().slice(0, 19)}Z`,
  };
  deps.store.collection('pods').put({
    ...stored.object,
    spec: { ...spec, nodeName: node },
    status: { ...status, conditions: [...conditions, scheduled] },
  });
  return jsonResponse(201, success);
}

const success: JsonObject = { kind: 'Status', apiVersion: 'v1', metadata: {}, status: 'Success', code: 201 };

const applyType = 'application/apply-patch+yaml';

const patchTypes = {
  json: 'application/json-patch+json',
  merge: 'application/merge-patch+json',
  strategic: 'application/strategic-merge-patch+json',
};

function readPatch(request: KubeRequest, kind: Kind): Change {
  const type = mediaType(request);
  const patch = () => readJson(request);
  if (type === patchTypes.json) {
    const operations = patch();
    if (Array.isArray(operations) && operations.length > 10_000) {
      throw tooLarge(`The allowed maximum operations in a JSON patch is 10000, got ${operations.length}`);
    }
    return old => {
      const result = applyJsonPatch(old, operations);
      if (result.outcome === 'malformed') throw badRequest(result.message);
      if (result.outcome === 'patched') return result.value;
      throw new ApiError(422, 'Invalid', 'the server rejected our request due to an error in our request', {});
    };
  }
  if (type === patchTypes.merge) {
    const merge = patch();
    if (!isObject(merge)) throw badRequest('Invalid JSON Patch');
    return old => applyMergePatch(old, merge);
  }
  if (type === patchTypes.strategic && kind.mergeShape) {
    const shape = kind.mergeShape;
    const strategic = patch();
    return old => {
      const result = applyStrategicMergePatch(old, strategic, shape);
      if (result.outcome === 'patched') return result.value;
      if (result.outcome === 'malformed') throw badRequest(result.message);
      throw new ApiError(500, '', result.message);
    };
  }
  throw unsupportedMediaType([
    patchTypes.json,
    patchTypes.merge,
    ...(kind.mergeShape ? [patchTypes.strategic] : []),
    applyType,
  ]);
}

function mediaType(request: KubeRequest): string {
  return (header(request, 'content-type') ?? '').split(';')[0]!.trim();
}

function header(request: KubeRequest, name: string): string | undefined {
  const { headers } = request;
  if (!headers) return undefined;
  if (headers[name] !== undefined) return headers[name];
  for (const key in headers) if (key.toLowerCase() === name) return headers[key];
  return undefined;
}

function readBody(request: KubeRequest): Json {
  const type = mediaType(request);
  if (type === '' || type === 'application/json') return readJson(request);
  if (type === 'application/yaml') return parseYamlBody(request.body ?? '');
  throw unsupportedMediaType(['application/json', 'application/yaml']);
}

function parseYamlBody(text: string): Json {
  checkSize(text);
  return checkedDepth(text, readYaml(text));
}

function readJson(request: KubeRequest): Json {
  const text = request.body ?? '';
  checkSize(text);
  let value: Json;
  try {
    value = JSON.parse(text) as Json;
  } catch (error) {
    throw badRequest(`error decoding the body: ${(error as Error).message}`);
  }
  return checkedDepth(text, value);
}

function checkedDepth(text: string, value: Json): Json {
  if (mayBeTooDeep(text) && isTooDeep(value)) {
    throw badRequest(`error decoding the body: exceeded max depth of ${maxDepth}`);
  }
  return value;
}

function checkSize(text: string): void {
  if (text.length > maxBodyBytes || (text.length * 3 > maxBodyBytes && Buffer.byteLength(text) > maxBodyBytes)) {
    throw tooLarge(`limit is ${maxBodyBytes}`);
  }
}

function objectResponse(
  { clock }: ApiHandlerDeps,
  request: KubeRequest,
  query: URLSearchParams,
  kind: Kind,
  { object, created, warnings }: Written,
): KubeResponse {
  const format = chooseFormat(header(request, 'accept'));
  const text = objectText(kind, object as ApiObject, format, clock.nowMs(), query.get('includeObject') ?? 'Metadata');
  const response = textResponse(created ? 201 : 200, text);
  if (warnings.length > 0) {
    response.headers.warning = warnings.map(warning => `299 - ${JSON.stringify(headerText(warning))}`).join(', ');
  }
  return response;
}

function textResponse(status: number, text: string): KubeResponse {
  return { status, headers: { 'content-type': 'application/json' }, body: wholeBody(bytesOf(text)) };
}

function plainResponse(status: number, text: string): KubeResponse {
  return { status, headers: { 'content-type': 'text/plain; charset=utf-8' }, body: wholeBody(bytesOf(text)) };
}

function jsonResponse(status: number, value: JsonObject): KubeResponse {
  return textResponse(status, JSON.stringify(value));
}

/** The answer that an error is. */
export function errorResponse(error: ApiError): KubeResponse {
  const status = error.status();
  const token = (error as { continueToken?: string }).continueToken;
  if (token) status.metadata = { continue: token };
  const response = jsonResponse(error.code, status);
  const retry = error.details?.retryAfterSeconds;
  if (typeof retry === 'number') response.headers['retry-after'] = String(retry);
  return response;
}

/**
 * kubectl asks for OpenAPI v2 when v3 lacks a kind, as `List`, and finds there that it has nothing to check: a document
 * without definitions, in protobuf, whose first field is the text `2.0`.
 */
function emptyOpenApiV2(request: KubeRequest): KubeResponse {
  if (!(header(request, 'accept') ?? '').includes('protobuf')) {
    const info = { title: 'Kubernetes, simulated by nlbports', version: imitatedVersion };
    return jsonResponse(200, { swagger: '2.0', info, paths: {}, definitions: {} });
  }
  const type = 'application/com.github.proto-openapi.spec.v2.v1.0+protobuf';
  return { status: 200, headers: { 'content-type': type }, body: wholeBody(bytesOf('\n\u00032.0')) };
}

function answerOther({ kinds }: ApiHandlerDeps, request: KubeRequest, path: string): KubeResponse {
  if (request.method !== 'GET') throw request.method === 'POST' ? noSuchResource() : methodNotAllowed();
  const clean = path.replace(/\/+$/, '');
  const all = kinds.all();
  if (['/healthz', '/livez', '/readyz'].includes(clean)) {
    return plainResponse(200, 'ok');
  }
  if (clean === '/version') return jsonResponse(200, versionInfo());
  if (clean === '/openapi/v2') return emptyOpenApiV2(request);
  if (clean === '/openapi/v3') return jsonResponse(200, openApiIndex(all));
  if (clean.startsWith('/openapi/v3/')) {
    const document = openApiDocument(all, clean.slice('/openapi/v3/'.length));
    if (document) return jsonResponse(200, document);
  }
  if (clean === '/api') return jsonResponse(200, coreVersions());
  if (clean === '/apis') return jsonResponse(200, groupList(all));
  if (clean === '/api/v1') return jsonResponse(200, resourceList(all, '', 'v1'));
  const [, , group, version, ...rest] = clean.split('/');
  if (clean.startsWith('/apis/') && rest.length === 0 && group && kinds.hasGroup(group)) {
    if (version === undefined) return jsonResponse(200, groupInfo(all, group));
    if (all.some(kind => kind.group === group && kind.version === version)) {
      return jsonResponse(200, resourceList(all, group, version));
    }
  }
  throw new NoSuchPath();
}

/** A header holds printable ASCII only; Node refuses to send anything else. */
function headerText(text: string): string {
  return text.replaceAll(/[^ -~]/g, '?').slice(0, 1_000);
}
