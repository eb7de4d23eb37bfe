import { type Random, randomHex } from '../../runtime/random.ts';
import {
  ApiError,
  alreadyExists,
  badRequest,
  conflict,
  forbiddenRequest,
  invalid,
  invalidObject,
  notFound,
  staleVersion,
} from './api-error.ts';
import { afterUpdate, applyConfiguration, type FieldManager } from './apply/managed-fields.ts';
import {
  type ApiMeta,
  type ApiObject,
  asList,
  asObject,
  asString,
  deepEqual,
  isObject,
  type Json,
  type JsonObject,
  withField,
} from './json.ts';
import type { Kind } from './kind.ts';
import { maxStoredBytes } from './limits.ts';
import {
  carryMetadata,
  metadataErrors,
  metadataFields,
  metadataUpdateErrors,
  undecodableMetadata,
  withoutSystemFields,
} from './object-meta.ts';
import { type DeleteOptions, parseVersion, type WriteOptions } from './request-options.ts';
import type { Store, Stored } from './store.ts';

/** How often a name is generated anew where the first is taken, as the server does. */
const nameAttempts = 8;
/** Letters of generated names: no vowels, no digits that look like them. */
const nameLetters = 'bcdfghjklmnpqrstvwxz2456789';

/** What a write came to. */
export interface Written {
  object: ApiObject;
  created: boolean;
  warnings: string[];
}

/** What a deletion came to: `removed` is false where the object is only marked. */
export interface Deleted {
  object: ApiObject;
  removed: boolean;
}

/** Where an object stands. */
export interface Place {
  kind: Kind;
  namespace: string | undefined;
  name: string;
}

/** Says what the next state of an object should be, from what is stored. */
export type Change = (old: ApiObject) => Json;

/** All that changes objects, with the rules that every kind shares. Each method throws an ApiError where it refuses. */
export interface ObjectWriter {
  create(kind: Kind, namespace: string | undefined, body: Json, options: WriteOptions): Written;
  /** Carries out `change`, by PUT (`isPut`) or by a patch. */
  update(
    place: Place,
    subresource: 'status' | undefined,
    change: Change,
    isPut: boolean,
    options: WriteOptions,
  ): Written;
  /** Server-side apply: creates the object where there is none. */
  apply(place: Place, subresource: 'status' | undefined, patch: Json, force: boolean, options: WriteOptions): Written;
  remove(place: Place, options: DeleteOptions): Deleted;
}

/** Makes the writer of a store. */
export function createObjectWriter(deps: {
  store: Store;
  random: Random;
  nowMs: () => number;
  /** Whether every write notes who owns which field; an apply always does. */
  managedFields: boolean;
}): ObjectWriter {
  const { store, random } = deps;
  const now = () => timeText(deps.nowMs());

  function checkNamespace(kind: Kind, namespace: string, name: string): void {
    const found = store.collection('namespaces').get(undefined, namespace);
    if (!found) throw notFound({ group: '', kind: 'Namespace', plural: 'namespaces' }, namespace);
    if (found.object.metadata.deletionTimestamp === undefined) return;
    const why = `unable to create new content in namespace ${namespace} because it is being terminated`;
    throw forbiddenRequest(kind, name, why, [
      {
        reason: 'NamespaceTerminating',
        message: `namespace ${namespace} is being terminated`,
        field: 'metadata.namespace',
      },
    ]);
  }

  function create(
    kind: Kind,
    namespace: string | undefined,
    body: Json,
    options: WriteOptions,
    owners?: Json[],
  ): Written {
    const { object: decoded, warnings } = decode(kind, body, options, 'body');
    const given = readMetadata(decoded);
    if (kind.namespaced && given.namespace && given.namespace !== namespace) throw wrongNamespace();
    if (kind.namespaced) checkNamespace(kind, namespace!, given.name);
    if (given.resourceVersion && given.resourceVersion !== '0') {
      throw new ApiError(500, '', 'resourceVersion should not be set on objects to be created');
    }
    const collection = store.collection(kind.collection);
    for (let attempt = 1; ; attempt++) {
      const name = given.name || (given.generateName ? `${given.generateName}${randomLetters(random, 5)}` : '');
      const metadata: ApiMeta = {
        ...withoutSystemFields(given),
        name,
        ...(kind.namespaced ? { namespace: namespace! } : {}),
        uid: randomUid(random),
        creationTimestamp: now(),
      };
      const object = kind.prepareCreate(order(kind, { ...decoded, metadata }));
      const verdict = kind.judge(object, undefined, undefined);
      const errors = [...verdict.errors];
      if (errors.length === 0) errors.push(...metadataErrors(metadata, kind.namespaced, kind.checkName));
      else errors.unshift(...metadataErrors(metadata, kind.namespaced, kind.checkName));
      if (errors.length > 0) throw invalidObject(kind, name, errors);
      const taken = collection.get(metadata.namespace, name);
      if (taken) {
        if (!given.name && attempt < nameAttempts) continue;
        throw alreadyExists(kind, name, taken.object.metadata.deletionTimestamp !== undefined);
      }
      const all = [...warnings, ...verdict.warnings];
      const owned = noteOwners(kind, object, undefined, undefined, owners, options);
      if (options.dryRun) return { object: owned, created: true, warnings: all };
      checkStorable(owned);
      return { object: collection.put(owned).object, created: true, warnings: all };
    }
  }

  function update(
    place: Place,
    subresource: 'status' | undefined,
    change: Change,
    isPut: boolean,
    options: WriteOptions,
    ownersOf?: () => Json[],
  ): Written {
    const { kind, namespace, name } = place;
    const collection = store.collection(kind.collection);
    const stored = collection.get(namespace, name);
    if (!stored) {
      if (!(isPut && kind.createOnUpdate && !subresource)) throw notFound(kind, name);
      return createByPut(place, change, options);
    }
    const old = stored.object;
    const shown = kind.fromStored ? kind.fromStored(old) : old;
    const { object: decoded, warnings } = decode(kind, change(shown), options, isPut ? 'body' : 'patch');
    const given = readMetadata(decoded);
    checkPlace(place, given, isPut);
    checkVersion(kind, given, stored, isPut);
    if (isPut && given.uid && given.uid !== old.metadata.uid) {
      const why = `Precondition failed: UID in precondition: ${given.uid}, UID in object meta: ${old.metadata.uid}`;
      throw conflict(kind, name, why);
    }
    const candidate = order(kind, {
      ...decoded,
      metadata: { ...given, ...(kind.namespaced ? { namespace: namespace! } : {}) },
    });
    candidate.metadata.resourceVersion = old.metadata.resourceVersion;
    if (old.metadata.generation === undefined) delete candidate.metadata.generation;
    else candidate.metadata.generation = old.metadata.generation;
    const prepared = subresource ? kind.prepareStatus(candidate, old) : kind.prepareUpdate(candidate, old);
    const generation = prepared.metadata.generation;
    const metadata = carryMetadata(prepared.metadata, old.metadata);
    if (generation !== undefined) metadata.generation = generation;
    const next = noteOwners(kind, { ...prepared, metadata }, old, subresource, ownersOf?.(), options);
    const verdict = kind.judge(next, old, subresource);
    const errors = [
      ...metadataErrors(metadata, kind.namespaced, () => []),
      ...metadataUpdateErrors(metadata, old.metadata),
      ...verdict.errors,
    ];
    if (errors.length > 0) throw invalidObject(kind, name, errors);
    const all = [...warnings, ...verdict.warnings];
    if (deepEqual(next, old)) return { object: old, created: false, warnings: all };
    if (options.dryRun) return { object: next, created: false, warnings: all };
    checkStorable(next);
    if (shouldRemove(next, old)) {
      collection.remove(stored, next);
      return { object: next, created: false, warnings: all };
    }
    return { object: collection.put(next).object, created: false, warnings: all };
  }

  /** The object with its `managedFields`: those given, or those after an update by the caller. */
  function noteOwners(
    kind: Kind,
    object: ApiObject,
    old: ApiObject | undefined,
    subresource: 'status' | undefined,
    owners: Json[] | undefined,
    options: WriteOptions,
  ): ApiObject {
    const before = object.metadata.managedFields ?? old?.metadata.managedFields;
    let entries = owners;
    if (!entries && deps.managedFields) {
      const manager = managerOf(kind, subresource, 'Update', options);
      entries = afterUpdate(before, old, object, kind.fieldShape, manager);
    }
    entries ??= asList(before);
    if (entries.length === 0 && object.metadata.managedFields === undefined) return object;
    const metadata = withField(object.metadata, 'managedFields', entries.length > 0 ? entries : undefined);
    return { ...object, metadata };
  }

  function managerOf(
    kind: Kind,
    subresource: 'status' | undefined,
    operation: FieldManager['operation'],
    options: WriteOptions,
  ): FieldManager {
    return { name: options.fieldManager, operation, apiVersion: kind.apiVersion, subresource, now: now() };
  }

  function apply(
    place: Place,
    subresource: 'status' | undefined,
    patch: Json,
    force: boolean,
    options: WriteOptions,
  ): Written {
    const { kind, namespace, name } = place;
    if (!isObject(patch) || patch.kind === undefined || patch.apiVersion === undefined) {
      throw badRequest('invalid object type: /, Kind=');
    }
    const given = asObject(patch.metadata);
    if (!given.name) {
      throw badRequest(`the name of the object (${name} based on URL) was undeterminable: name must be provided`);
    }
    if (given.managedFields !== undefined && asList(given.managedFields).length > 0) {
      throw badRequest('metadata.managedFields must be nil');
    }
    const manager = managerOf(kind, subresource, 'Apply', options);
    const old = store.collection(kind.collection).get(namespace, name)?.object;
    const shown = old && kind.fromStored ? kind.fromStored(old) : old;
    if (!shown && given.uid) {
      const why = `uid mismatch: the provided object specified uid ${String(given.uid)}, and no existing object was found`;
      throw conflict(kind, name, why);
    }
    const applied = applyConfiguration(shown, patch, kind.fieldShape, manager, force);
    if (!shown) {
      if (subresource) throw notFound(kind, name);
      checkPlace(place, given as ApiMeta, true);
      return create(kind, namespace, applied.object, options, applied.managedFields);
    }
    return update(
      place,
      subresource,
      () => applied.object,
      false,
      options,
      () => applied.managedFields,
    );
  }

  function createByPut({ kind, namespace, name }: Place, change: Change, options: WriteOptions): Written {
    const empty: ApiObject = {
      apiVersion: kind.apiVersion,
      kind: kind.kind,
      metadata: { name, uid: '', resourceVersion: '', creationTimestamp: '' },
    };
    const body = change(empty);
    const given = asObject(asObject(body).metadata);
    checkPlace({ kind, namespace, name }, given as ApiMeta, true);
    if (given.uid) {
      const why = `Precondition failed: UID in precondition: ${String(given.uid)}, UID in object meta: `;
      throw conflict(kind, name, why);
    }
    return create(kind, namespace, body, options);
  }

  function remove({ kind, namespace, name }: Place, options: DeleteOptions): Deleted {
    const collection = store.collection(kind.collection);
    const stored = collection.get(namespace, name);
    if (!stored) throw notFound(kind, name);
    const { metadata } = stored.object;
    checkPreconditions(kind, metadata, options);
    if (kind.beginRemoval) {
      if (metadata.deletionTimestamp !== undefined) return { object: stored.object, removed: false };
      const marked = kind.beginRemoval(stored.object, now());
      return { object: options.dryRun ? marked : collection.put(marked).object, removed: false };
    }
    const graceful = kind.graceSeconds
      ? markGracefully(kind, stored.object, options)
      : { object: stored.object, pending: false };
    if (graceful.pending) return { object: stored.object, removed: false };
    let object = graceful.object;
    const finalizers = finalizersForDeletion(metadata, options);
    if (!deepEqual(finalizers, metadata.finalizers ?? [])) {
      object = { ...object, metadata: { ...object.metadata, finalizers } };
    }
    if (finalizers.length > 0 && object.metadata.deletionTimestamp === undefined) {
      const marked: ApiMeta = { ...object.metadata, deletionTimestamp: now(), deletionGracePeriodSeconds: 0 };
      if (marked.generation !== undefined) marked.generation++;
      object = { ...object, metadata: marked };
    }
    const waits = finalizers.length > 0 || (object.metadata.deletionGracePeriodSeconds ?? 0) > 0;
    if (options.dryRun) return { object, removed: !waits };
    const changed = object !== stored.object && !deepEqual(object, stored.object);
    const current = changed && (waits || kind.graceSeconds) ? collection.put(object) : stored;
    if (waits) return { object: current.object, removed: false };
    return { object: collection.remove(current).object, removed: true };
  }

  /** Marks a pod for deletion with its time of grace; `pending` where an earlier deletion already leaves no more. */
  function markGracefully(
    kind: Kind,
    object: ApiObject,
    options: DeleteOptions,
  ): { object: ApiObject; pending: boolean } {
    const { metadata } = object;
    const asked = options.graceSeconds === undefined ? undefined : options.graceSeconds < 0 ? 1 : options.graceSeconds;
    if (metadata.deletionTimestamp !== undefined) {
      const before = metadata.deletionGracePeriodSeconds ?? 0;
      if (before === 0) return { object, pending: false };
      if (asked === undefined || asked >= before) return { object, pending: true };
      const startMs = Date.parse(metadata.deletionTimestamp) - before * 1000;
      const nowMs = deps.nowMs();
      const late = startMs + asked * 1000 < nowMs;
      const marked = {
        ...metadata,
        deletionTimestamp: late ? timeText(nowMs) : timeText(startMs + asked * 1000),
        deletionGracePeriodSeconds: late && asked !== 0 ? 1 : asked,
      };
      return { object: { ...object, metadata: marked }, pending: false };
    }
    const seconds = kind.graceSeconds!(object, asked);
    const marked: ApiMeta = {
      ...metadata,
      deletionTimestamp: timeText(deps.nowMs() + seconds * 1000),
      deletionGracePeriodSeconds: seconds,
    };
    if (marked.generation !== undefined) marked.generation++;
    return { object: { ...object, metadata: marked }, pending: false };
  }

  return { create, update, apply, remove };
}

/** RFC 3339 in whole seconds, as Kubernetes writes times. */
export function timeText(atMs: number): string {
  return `${new Date(atMs).toISOString().slice(0, 19)}Z`;
}

function randomLetters(random: Random, length: number): string {
  return Array.from({ length }, () => nameLetters[Math.floor(random.next() * nameLetters.length)]).join('');
}

/** A UUID of version 4 from the handed-in source of chance. */
export function randomUid(random: Random): string {
  const hex = randomHex(random, 32);
  const variant = '89ab'[Number.parseInt(hex[16]!, 16) & 3]!;
  return `${hex.slice(0, 8)}-${hex.slice(8, 12)}-4${hex.slice(13, 16)}-${variant}${hex.slice(17, 20)}-${hex.slice(20)}`;
}

/** A real server's store refuses what is larger, in these words. */
function checkStorable(object: ApiObject): void {
  const text = JSON.stringify(object);
  // A character has at most three bytes here.
  if (text.length * 3 > maxStoredBytes && Buffer.byteLength(text) > maxStoredBytes) {
    throw new ApiError(500, '', 'etcdserver: request is too large');
  }
}

function order(kind: Kind, object: JsonObject & { metadata: ApiMeta }): ApiObject {
  const stored = kind.fromStored ? storedApiVersion(kind) : kind.apiVersion;
  return { ...object, apiVersion: stored, kind: kind.kind };
}

/** Events are stored in their core form, custom resources in the version that wrote them. */
function storedApiVersion(kind: Kind): string {
  return kind.collection === 'events' ? 'v1' : kind.apiVersion;
}

function readMetadata(object: JsonObject): ApiMeta {
  const { selfLink: _selfLink, ...metadata } = asObject(object.metadata);
  const clean: JsonObject = {};
  for (const [key, value] of Object.entries(metadata)) {
    // What is empty in metadata is left out, as the server's own types do.
    if (value === null || value === undefined || value === '') continue;
    if (typeof value === 'object' && Object.keys(value).length === 0) continue;
    clean[key] = key === 'labels' || key === 'annotations' ? withoutNulls(asObject(value)) : value;
  }
  return { ...clean, name: asString(metadata.name) } as ApiMeta;
}

/** A map of strings as the server's own types read it: a null is an empty string. */
function withoutNulls(map: JsonObject): JsonObject {
  if (!Object.values(map).includes(null)) return map;
  return Object.fromEntries(Object.entries(map).map(([key, value]) => [key, value ?? '']));
}

/** `String()` would call a `toString` that came with the request. */
function shown(value: Json): string {
  return typeof value === 'string' ? value : JSON.stringify(value);
}

function decode(
  kind: Kind,
  body: Json,
  options: WriteOptions,
  from: 'body' | 'patch',
): { object: JsonObject; warnings: string[] } {
  if (!isObject(body)) throw badRequest('the object provided is unrecognized (must be of type JSON object)');
  if (body.apiVersion !== undefined && body.apiVersion !== kind.apiVersion) {
    throw badRequest(
      `the API version in the data (${shown(body.apiVersion)}) does not match the expected API version (${kind.apiVersion})`,
    );
  }
  if (body.kind !== undefined && body.kind !== kind.kind) {
    throw badRequest(
      `${shown(body.kind)} in version "${kind.version}" cannot be handled as a ${kind.kind}: no kind "${shown(body.kind)}" is expected here`,
    );
  }
  const undecodable = undecodableMetadata(body.metadata) ?? kind.undecodable?.(body);
  if (undecodable) {
    if (from === 'patch') throw invalidObject(undefined, '', [invalid('patch', JSON.stringify(body), undecodable)]);
    throw badRequest(`${kind.kind} in version "${kind.version}" cannot be handled as a ${kind.kind}: ${undecodable}`);
  }
  const known = withKnownMetadata(body);
  const decoded = kind.decode(known.object);
  const object = decoded.object;
  const unknown = [...known.unknown, ...decoded.unknown];
  if (unknown.length === 0 || options.fieldValidation === 'Ignore') return { object, warnings: [] };
  const lines = unknown.map(path => `unknown field "${path}"`);
  if (options.fieldValidation === 'Warn') return { object, warnings: lines };
  const message = `strict decoding error: ${lines.join(', ')}`;
  if (from === 'body') {
    throw badRequest(`${kind.kind} in version "${kind.version}" cannot be handled as a ${kind.kind}: ${message}`);
  }
  throw invalidObject(undefined, '', [invalid('patch', JSON.stringify(body), message)]);
}

/** Unknown fields of the metadata are dropped whatever the kind. */
function withKnownMetadata(body: JsonObject): { object: JsonObject; unknown: string[] } {
  const metadata = asObject(body.metadata);
  const unknown = Object.keys(metadata).filter(field => !metadataFields.has(field));
  if (unknown.length === 0) return { object: body, unknown };
  const kept = Object.fromEntries(Object.entries(metadata).filter(([field]) => metadataFields.has(field)));
  return { object: { ...body, metadata: kept }, unknown: unknown.map(field => `metadata.${field}`) };
}

const wrongNamespace = () =>
  badRequest('the namespace of the provided object does not match the namespace sent on the request');

function checkPlace({ kind, namespace, name }: Place, given: ApiMeta, isPut: boolean): void {
  if (kind.namespaced && given.namespace && given.namespace !== namespace) throw wrongNamespace();
  if (given.name && given.name !== name) {
    throw badRequest(`the name of the object (${given.name}) does not match the name on the URL (${name})`);
  }
  if (!given.name && isPut) throw badRequest('name must be provided');
}

function checkVersion(kind: Kind, given: ApiMeta, stored: Stored, isPut: boolean): void {
  const asked = given.resourceVersion ?? '';
  if (asked === '' || asked === '0') {
    if (kind.unconditionalUpdate) return;
    const error = invalid(
      'metadata.resourceVersion',
      isPut || asked === '' ? 0 : asked,
      'must be specified for an update',
    );
    throw invalidObject({ ...kind, kind: kind.plural }, stored.object.metadata.name, [error]);
  }
  if (parseVersion(asked, 'write') !== stored.version) throw conflict(kind, stored.object.metadata.name, staleVersion);
}

function checkPreconditions(kind: Kind, metadata: ApiMeta, options: DeleteOptions): void {
  const named = { ...kind, plural: kind.kind };
  if (options.uid !== undefined && options.uid !== metadata.uid) {
    throw conflict(
      named,
      metadata.name,
      `the UID in the precondition (${options.uid}) does not match the UID in record (${metadata.uid}). The object might have been deleted and then recreated`,
    );
  }
  if (options.resourceVersion !== undefined && options.resourceVersion !== metadata.resourceVersion) {
    throw conflict(
      named,
      metadata.name,
      `the ResourceVersion in the precondition (${options.resourceVersion}) does not match the ResourceVersion in record (${metadata.resourceVersion}). The object might have been modified`,
    );
  }
}

function finalizersForDeletion(metadata: ApiMeta, { propagation }: DeleteOptions): string[] {
  const finalizers = metadata.finalizers ?? [];
  if (propagation === undefined) return finalizers;
  const others = finalizers.filter(name => name !== 'orphan' && name !== 'foregroundDeletion');
  if (propagation === 'Foreground') return [...others, 'foregroundDeletion'];
  if (propagation === 'Orphan') return [...others, 'orphan'];
  return others;
}

/** An update that takes away the last finalizer of an object being deleted removes it. */
function shouldRemove(next: ApiObject, old: ApiObject): boolean {
  if ((next.metadata.finalizers ?? []).length > 0) return false;
  if (old.metadata.deletionTimestamp === undefined) return false;
  return (old.metadata.deletionGracePeriodSeconds ?? 0) === 0;
}
