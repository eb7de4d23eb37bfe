import { type Clock, sleep } from '../runtime/clock.ts';
import type { Log } from '../runtime/log.ts';
import type { Random } from '../runtime/random.ts';
import { createBackoff } from './backoff.ts';
import { reasonOf } from './exchange.ts';
import { KubeError } from './kube-error.ts';
import { listAll } from './list-all.ts';
import type { ObjectCache } from './object-cache.ts';
import { type KubeObject, keyOf } from './objects.ts';
import type { Resource } from './resource.ts';
import { collectionPath } from './resource-path.ts';
import { compareResourceVersions } from './resource-version.ts';
import type { KubeTransport } from './transport.ts';
import { followWatch, type WatchEvent } from './watch-stream.ts';

export interface ReflectorDeps<T extends KubeObject> {
  transport: KubeTransport;
  clock: Clock;
  random: Random;
  log: Log;
  cache: ObjectCache<T>;
}

/** What one reflector follows, and how patiently. */
export interface ReflectorOptions<T extends KubeObject> {
  resource: Resource<T>;
  namespace: string | undefined;
  labelSelector: string | undefined;
  fieldSelector: string | undefined;
  timing: ReflectorTiming;
  onSynced: () => void;
}

export interface ReflectorTiming {
  /** Longest silence of a watch. Bookmarks come about once a minute. */
  idleMs: number;
  /** Shortest and longest wait before a reconnect. */
  reconnectMinMs: number;
  reconnectMaxMs: number;
  /** Longest wait for one page of a list. */
  listTimeoutMs: number;
  /** The server ends a watch after this to twice this, so that watches spread over API servers again. */
  watchMinMs: number;
}

/** Follows one scope of one kind into a cache. */
export interface Reflector {
  /** The resourceVersion up to which everything of the scope was heard; undefined before the first whole state. */
  readonly heardUpTo: string | undefined;
  /** Runs until `signal` is aborted; never rejects. */
  run(signal: AbortSignal): Promise<void>;
}

/** The bookmark that ends the first state of a WatchList carries this annotation. */
const INITIAL_EVENTS_END = 'k8s.io/initial-events-end';

/**
 * Follows by WatchList: the first state comes as events on the watch itself and ends with a bookmark. Where a server
 * does not know it, by LIST and then watch. A first state that broke off is thrown away, so that what it lacks never
 * looks deleted; after a break the watch goes on where it was; when the server forgot that place (410), a whole state
 * is fetched again and compared with the cache.
 */
export function createReflector<T extends KubeObject>(deps: ReflectorDeps<T>, options: ReflectorOptions<T>): Reflector {
  const { clock, random, cache } = deps;
  const { resource, namespace, labelSelector, fieldSelector, timing } = options;
  const log = deps.log.child({ resource: resource.plural, ...(namespace ? { namespace } : {}) });
  const backoff = createBackoff(random, timing.reconnectMinMs, timing.reconnectMaxMs);
  const inScope = (object: T) => namespace === undefined || object.metadata.namespace === namespace;

  let heardUpTo: string | undefined;
  /** False when the next connection has to begin with a whole state. */
  let resumable = false;
  let watchList: 'try' | 'skip once' | 'refused' = 'try';

  function takeWhole(objects: readonly T[], resourceVersion: string): void {
    const rewound = compareResourceVersions(resourceVersion, heardUpTo) < 0;
    if (rewound) log.warn({ heardUpTo, resourceVersion }, 'The API server went back in time; its state is taken anew.');
    cache.replace(objects, resourceVersion, inScope, rewound);
    heardUpTo = resourceVersion;
    resumable = true;
    options.onSynced();
  }

  function takeEvent({ type, object }: WatchEvent<T>): void {
    if (type === 'DELETED') cache.remove(object);
    else if (type !== 'BOOKMARK') cache.apply(object);
    heardUpTo = object.metadata.resourceVersion;
  }

  const watchPath = (query: Record<string, string | boolean | undefined>) =>
    collectionPath(resource, namespace, {
      watch: true,
      allowWatchBookmarks: true,
      labelSelector,
      fieldSelector,
      timeoutSeconds: Math.round((timing.watchMinMs * (1 + random.next())) / 1000),
      ...query,
    });

  /** A watch that brings the whole state first, and then goes on. */
  async function followWatchList(signal: AbortSignal): Promise<void> {
    const initial = new Map<string, T>();
    let complete = false;
    await followWatch<T>(deps, {
      path: watchPath({ sendInitialEvents: true, resourceVersionMatch: 'NotOlderThan' }),
      signal,
      idleMs: timing.idleMs,
      onEvent(event) {
        backoff.reset();
        if (complete) return takeEvent(event);
        const { type, object } = event;
        if (type === 'DELETED') {
          initial.delete(keyOf(object));
        } else if (type !== 'BOOKMARK') {
          initial.set(keyOf(object), cache.prepare(object));
        } else if (object.metadata.annotations?.[INITIAL_EVENTS_END] === 'true') {
          complete = true;
          takeWhole([...initial.values()], object.metadata.resourceVersion!);
          initial.clear();
        }
      },
    });
    if (!complete) throw new Error('The watch ended before its first state was complete.');
  }

  async function list(signal: AbortSignal): Promise<void> {
    const whole = await listAll(deps, resource, {
      namespace,
      labelSelector,
      fieldSelector,
      signal,
      timeoutMs: timing.listTimeoutMs,
      keep: cache.prepare,
    });
    takeWhole(whole.items, whole.resourceVersion);
  }

  async function followOn(signal: AbortSignal): Promise<void> {
    await followWatch<T>(deps, {
      path: watchPath({ resourceVersion: heardUpTo }),
      signal,
      idleMs: timing.idleMs,
      onEvent(event) {
        backoff.reset();
        takeEvent(event);
      },
    });
  }

  async function followOnce(signal: AbortSignal): Promise<void> {
    if (resumable) return await followOn(signal);
    if (watchList === 'try') {
      try {
        return await followWatchList(signal);
      } catch (error) {
        if (!resumable && !signal.aborted) {
          // 400 and 422 are how servers before 1.32 refuse its parameters; anything else may pass.
          const refused = error instanceof KubeError && [400, 422, 501].includes(error.status);
          watchList = refused ? 'refused' : 'skip once';
          if (refused) log.info({ reason: reasonOf(error) }, 'The API server has no WatchList; listing instead.');
          if (refused || (error instanceof KubeError && error.status === 403)) return await list(signal);
        }
        throw error;
      }
    }
    if (watchList === 'skip once') watchList = 'try';
    await list(signal);
  }

  return {
    get heardUpTo() {
      return heardUpTo;
    },
    async run(signal) {
      while (!signal.aborted) {
        const startedMs = clock.monotonicMs();
        const wasResumable = resumable;
        let waitMs = 0;
        try {
          await followOnce(signal);
          // A list is followed by its watch at once, a watch that ended by the next one; but a server that ends each
          // watch as soon as it begins is not asked in a tight loop.
          const tooShort = wasResumable && clock.monotonicMs() - startedMs < timing.reconnectMinMs;
          if (tooShort) waitMs = backoff.nextMs();
        } catch (error) {
          if (signal.aborted) break;
          // These say that the place where we were is unknown to this server (504: it is in its future).
          if (error instanceof KubeError && [400, 410, 422, 504].includes(error.status)) resumable = false;
          // The server answers again: what was waited for it to come back says nothing about the new start.
          if (wasResumable && !resumable) backoff.reset();
          waitMs = backoff.nextMs(error instanceof KubeError ? error.retryAfterMs : undefined);
          const fields = { reason: reasonOf(error), waitMs: Math.round(waitMs), resumes: resumable };
          if (error instanceof KubeError && error.status === 410)
            log.info(fields, 'The watch is too old; starting anew.');
          else log.warn(fields, 'The watch broke off.');
        }
        if (waitMs > 0) await sleep(clock, waitMs, signal);
      }
    },
  };
}
