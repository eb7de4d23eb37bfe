import type { Clock } from '../runtime/clock.ts';
import { exchange } from './exchange.ts';
import { isNotFound, KubeNoAnswer } from './kube-error.ts';
import { listAll } from './list-all.ts';
import type { KubeObject, ObjectKey } from './objects.ts';
import type { Resource } from './resource.ts';
import { collectionPath, objectPath } from './resource-path.ts';
import type { KubeRequest, KubeTransport } from './transport.ts';

/** A change to an object, in one of Kubernetes' three patch forms. */
export type Patch =
  | { type: 'json'; operations: JsonPatchOperation[] }
  | { type: 'merge'; body: unknown }
  | { type: 'strategic'; body: unknown };

export type JsonPatchOperation =
  | { op: 'add' | 'replace' | 'test'; path: string; value: unknown }
  | { op: 'remove'; path: string };

export interface ListOptions {
  namespace?: string;
  labelSelector?: string;
  fieldSelector?: string;
  signal?: AbortSignal;
}

export interface WriteOptions {
  subresource?: 'status';
  signal?: AbortSignal;
}

export interface DeleteOptions {
  uid?: string;
  resourceVersion?: string;
  gracePeriodSeconds?: number;
  signal?: AbortSignal;
}

/**
 * Typed access to the Kubernetes API. Every method throws `KubeError` where the API server answered with an error, and
 * `KubeNoAnswer` where no (whole) answer came within the time-out: a write may then have happened or not.
 */
export interface KubeClient {
  /** The live object, never a cached one. */
  get<T extends KubeObject>(resource: Resource<T>, key: ObjectKey, options?: { signal?: AbortSignal }): Promise<T>;
  /** All objects, page by page; complete, or it throws. */
  list<T extends KubeObject>(
    resource: Resource<T>,
    options?: ListOptions,
  ): Promise<{ items: T[]; resourceVersion: string }>;
  create<T extends KubeObject>(resource: Resource<T>, object: T, options?: WriteOptions): Promise<T>;
  /** PUT: the object's resourceVersion is the precondition. */
  update<T extends KubeObject>(resource: Resource<T>, object: T, options?: WriteOptions): Promise<T>;
  patch<T extends KubeObject>(resource: Resource<T>, key: ObjectKey, patch: Patch, options?: WriteOptions): Promise<T>;
  /** Resolves when the deletion was accepted, or when there was no such object. */
  delete<T extends KubeObject>(resource: Resource<T>, key: ObjectKey, options?: DeleteOptions): Promise<void>;
}

export interface KubeClientDeps {
  transport: KubeTransport;
  clock: Clock;
}

export interface KubeClientOptions {
  /**
   * From sending to the last byte. It is also how long a write may land after it was sent, as the API server drops a
   * request whose connection is gone. @default 10000
   */
  requestTimeoutMs?: number;
  /** The same for each page of a list: 500 objects, or all in one. @default 30000 */
  listTimeoutMs?: number;
  /** Name under which the API server notes who wrote a field. @default 'nlbports' */
  fieldManager?: string;
}

const patchContentTypes: Record<Patch['type'], string> = {
  json: 'application/json-patch+json',
  merge: 'application/merge-patch+json',
  strategic: 'application/strategic-merge-patch+json',
};

/**
 * Makes a client on a transport. It never repeats a request by itself: who asked knows whether that is wise, and work
 * queues wait as long as a `KubeError` says (`retryAfterMs`).
 */
export function createKubeClient(deps: KubeClientDeps, options: KubeClientOptions = {}): KubeClient {
  const { requestTimeoutMs = 10_000, listTimeoutMs = 30_000, fieldManager = 'nlbports' } = options;

  async function call<T>(
    method: KubeRequest['method'],
    path: string,
    signal: AbortSignal | undefined,
    payload?: { contentType: string; value: unknown },
  ): Promise<T> {
    const request: KubeRequest = { method, path, headers: { accept: 'application/json' } };
    if (payload) {
      request.headers = { ...request.headers, 'content-type': payload.contentType };
      request.body = JSON.stringify(payload.value);
    }
    const answer = await exchange(deps, request, { timeoutMs: requestTimeoutMs, signal });
    if (typeof answer !== 'object' || answer === null) {
      throw new KubeNoAnswer(`${method} ${path}: the answer is not an object`);
    }
    return answer as T;
  }

  /** The object as it is sent: with its kind, which the answers to lists leave out. */
  const jsonOf = <T extends KubeObject>(resource: Resource<T>, object: T) => ({
    contentType: 'application/json',
    value: { ...object, apiVersion: resource.apiVersion, kind: resource.kind },
  });

  return {
    get: async (resource, key, read = {}) => call('GET', objectPath(resource, key), read.signal),

    list: async (resource, selection = {}) =>
      listAll(deps, resource, { ...selection, timeoutMs: listTimeoutMs, keep: object => object }),

    async create(resource, object, write = {}) {
      const namespace = object.metadata.namespace;
      if (resource.namespaced && !namespace) {
        throw new TypeError(`${resource.kind} "${object.metadata.name}" has no namespace.`);
      }
      const path = collectionPath(resource, namespace, { fieldManager });
      return call('POST', path, write.signal, jsonOf(resource, object));
    },

    update: async (resource, object, write = {}) =>
      call(
        'PUT',
        objectPath(resource, object.metadata, write.subresource, { fieldManager }),
        write.signal,
        jsonOf(resource, object),
      ),

    patch: async (resource, key, patch, write = {}) =>
      call('PATCH', objectPath(resource, key, write.subresource, { fieldManager }), write.signal, {
        contentType: patchContentTypes[patch.type],
        value: patch.type === 'json' ? patch.operations : patch.body,
      }),

    async delete(resource, key, { uid, resourceVersion, gracePeriodSeconds, signal } = {}) {
      const preconditions = uid || resourceVersion ? { preconditions: { uid, resourceVersion } } : {};
      const body = { apiVersion: 'v1', kind: 'DeleteOptions', gracePeriodSeconds, ...preconditions };
      try {
        await call('DELETE', objectPath(resource, key), signal, { contentType: 'application/json', value: body });
      } catch (error) {
        if (!isNotFound(error)) throw error;
      }
    },
  };
}
