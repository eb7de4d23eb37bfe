import type { ApiMeta, ApiObject } from './json.ts';

/** One version of an object. It never changes: a write makes a new one. */
export interface Stored {
  readonly object: ApiObject;
  /** The object's resourceVersion as a number. */
  readonly version: number;
  /** `namespace/name`, or `name`: the order of lists. */
  readonly key: string;
}

/** One change of one object. */
export interface StoreEvent {
  readonly version: number;
  readonly atMs: number;
  readonly key: string;
  readonly namespace: string;
  readonly previous: Stored | undefined;
  /** The new state; for a deletion the last state, with the deletion's version. */
  readonly current: Stored;
  readonly deleted: boolean;
}

/** Called in the turn of the write, in order of version. */
export type Subscriber = (event: StoreEvent) => void;

/** All objects of one kind, with the recent past. */
export interface Collection {
  get(namespace: string | undefined, name: string): Stored | undefined;
  readonly size: number;
  /** All, or a namespace's, in order of key. */
  list(namespace?: string): readonly Stored[];
  /** The same as it was at `version`; undefined where the past since then is no longer known. */
  listAt(version: number, namespace?: string): readonly Stored[] | undefined;
  /** Changes after `version`, oldest first; undefined where some are no longer known. */
  since(version: number): readonly StoreEvent[] | undefined;
  /** Version of the newest change that is forgotten: nothing can be told from before it. */
  readonly forgottenVersion: number;
  /** Subscribes to one namespace's changes, or to all. Returns what ends it. */
  subscribe(namespace: string | undefined, subscriber: Subscriber): () => void;
  /** Stores `object` as its next version. */
  put(object: ApiObject): Stored;
  /** Removes the object; its last state in watches is `last` (the stored one unless given). */
  remove(stored: Stored, last?: ApiObject): Stored;
}

export interface StoreOptions {
  /** Changes older than this are forgotten, milliseconds. */
  historyMs: number;
  /** At most so many changes of one kind are remembered. */
  historyEvents: number;
}

/** Objects of all kinds under one clock of versions, as in etcd. */
export interface Store {
  /** The version of the newest write. */
  readonly version: number;
  collection(name: string): Collection;
  /** Every change of every kind, before the collection's own subscribers hear of it. */
  follow(follower: (collection: string, event: StoreEvent) => void): void;
}

/** The collection's key of an object. */
export function storeKey(namespace: string | undefined, name: string): string {
  return namespace ? `${namespace}/${name}` : name;
}

/** Versions begin above this, as in a cluster that has run for a while: what came before is forgotten. */
const firstVersion = 100;

/** Makes an empty store. */
export function createStore(deps: { nowMs: () => number; options: StoreOptions }): Store {
  let version = firstVersion;
  const collections = new Map<string, Collection>();
  const nextVersion = () => ++version;
  const followers: ((collection: string, event: StoreEvent) => void)[] = [];
  return {
    get version() {
      return version;
    },
    collection(name) {
      let found = collections.get(name);
      if (!found) {
        const tell = (event: StoreEvent) => {
          for (const follower of followers) follower(name, event);
        };
        found = createCollection({ ...deps, nextVersion, tell });
        collections.set(name, found);
      }
      return found;
    },
    follow: follower => void followers.push(follower),
  };
}

function createCollection(deps: {
  nowMs: () => number;
  options: StoreOptions;
  nextVersion: () => number;
  tell: (event: StoreEvent) => void;
}): Collection {
  const items = new Map<string, Stored>();
  const keys: string[] = [];
  const subscribers = new Map<string | undefined, Set<Subscriber>>();
  let events: StoreEvent[] = [];
  let firstEvent = 0;
  let forgottenVersion = firstVersion;

  function remember(event: StoreEvent): void {
    events.push(event);
    forget();
    deps.tell(event);
    for (const scope of event.namespace ? [event.namespace, undefined] : [undefined]) {
      const set = subscribers.get(scope);
      if (set) for (const subscriber of [...set]) subscriber(event);
    }
  }

  function forget(): void {
    const oldestMs = deps.nowMs() - deps.options.historyMs;
    while (
      firstEvent < events.length &&
      (events.length - firstEvent > deps.options.historyEvents || events[firstEvent]!.atMs < oldestMs)
    ) {
      forgottenVersion = events[firstEvent]!.version;
      firstEvent++;
    }
    // Cutting the array only now and then keeps forgetting cheap.
    if (firstEvent > 1000 && firstEvent * 2 > events.length) {
      events = events.slice(firstEvent);
      firstEvent = 0;
    }
  }

  function range(all: readonly string[], namespace: string | undefined): [number, number] {
    if (namespace === undefined) return [0, all.length];
    return [lowerBound(all, `${namespace}/`), lowerBound(all, `${namespace}0`)];
  }

  return {
    get: (namespace, name) => items.get(storeKey(namespace, name)),
    get size() {
      return items.size;
    },
    get forgottenVersion() {
      forget();
      return forgottenVersion;
    },
    list(namespace) {
      const [from, to] = range(keys, namespace);
      const result: Stored[] = new Array(to - from);
      for (let index = from; index < to; index++) result[index - from] = items.get(keys[index]!)!;
      return result;
    },
    listAt(at, namespace) {
      forget();
      if (at < forgottenVersion) return undefined;
      const past = new Map<string, Stored | undefined>();
      for (let index = events.length - 1; index >= firstEvent && events[index]!.version > at; index--) {
        past.set(events[index]!.key, events[index]!.previous);
      }
      if (past.size === 0) return this.list(namespace);
      const pastKeys = [...new Set([...keys, ...past.keys()])].sort(byBytes);
      const [from, to] = range(pastKeys, namespace);
      const result: Stored[] = [];
      for (const key of pastKeys.slice(from, to)) {
        const stored = past.has(key) ? past.get(key) : items.get(key);
        if (stored) result.push(stored);
      }
      return result;
    },
    since(after) {
      forget();
      if (after < forgottenVersion) return undefined;
      let from = events.length;
      while (from > firstEvent && events[from - 1]!.version > after) from--;
      return events.slice(from);
    },
    subscribe(namespace, subscriber) {
      let set = subscribers.get(namespace);
      if (!set) {
        set = new Set();
        subscribers.set(namespace, set);
      }
      set.add(subscriber);
      return () => {
        set.delete(subscriber);
      };
    },
    put(object) {
      const version = deps.nextVersion();
      const { name, namespace } = object.metadata;
      const key = storeKey(namespace, name);
      const previous = items.get(key);
      const stored: Stored = { object: withVersion(object, version), version, key };
      if (!previous) keys.splice(lowerBound(keys, key), 0, key);
      items.set(key, stored);
      remember({
        version,
        atMs: deps.nowMs(),
        key,
        namespace: namespace ?? '',
        previous,
        current: stored,
        deleted: false,
      });
      return stored;
    },
    remove(stored, last) {
      const version = deps.nextVersion();
      const current: Stored = { object: withVersion(last ?? stored.object, version), version, key: stored.key };
      items.delete(stored.key);
      keys.splice(lowerBound(keys, stored.key), 1);
      remember({
        version,
        atMs: deps.nowMs(),
        key: stored.key,
        namespace: stored.object.metadata.namespace ?? '',
        previous: stored,
        current,
        deleted: true,
      });
      return current;
    },
  };
}

/** The object with another resourceVersion. */
export function withVersion(object: ApiObject, version: number): ApiObject {
  const metadata: ApiMeta = { ...object.metadata, resourceVersion: String(version) };
  return { ...object, metadata };
}

function byBytes(left: string, right: string): number {
  return left < right ? -1 : left > right ? 1 : 0;
}

/** Index of the first item that is not less than `key`. */
function lowerBound(sorted: readonly string[], key: string): number {
  let low = 0;
  let high = sorted.length;
  while (low < high) {
    const middle = (low + high) >> 1;
    if (sorted[middle]! < key) low = middle + 1;
    else high = middle;
  }
  return low;
}
