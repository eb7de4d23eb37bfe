import { type ApiMeta, type ApiObject, asList, asObject, asString, withField } from './json.ts';
import type { KindRegistry } from './kind-registry.ts';
import type { ObjectWriter } from './object-writer.ts';
import type { Store, Stored, StoreEvent } from './store.ts';

/** Where a dependent stands. */
interface Dependent {
  collection: string;
  namespace: string | undefined;
  name: string;
}

/**
 * Does what Kubernetes' garbage collector does: an object whose owners are all gone is deleted, one that is being
 * deleted in the foreground goes once its dependents that block it are gone, and one that orphans them goes after
 * their references are taken away.
 */
export function collectGarbage(
  deps: { store: Store; kinds: KindRegistry; writer: ObjectWriter },
  later: (run: () => void) => void,
): void {
  const { store } = deps;
  const alive = new Set<string>();
  const byOwner = new Map<string, Map<string, Dependent>>();

  store.follow((collection, event) => {
    note(collection, event);
    const { metadata } = event.current.object;
    if (event.deleted) {
      if (byOwner.has(metadata.uid)) later(() => releaseAll(metadata.uid));
    } else if (ownersOf(event.current.object).length > 0 && !event.previous) {
      later(() => judge({ collection, namespace: metadata.namespace, name: metadata.name }));
    }
    if (!event.deleted && waitsFor(metadata) && !(event.previous && waitsFor(event.previous.object.metadata))) {
      later(() => finish({ collection, namespace: metadata.namespace, name: metadata.name }));
    }
  });

  function note(collection: string, event: StoreEvent): void {
    const { metadata } = event.current.object;
    if (event.deleted) alive.delete(metadata.uid);
    else alive.add(metadata.uid);
    const key = `${collection} ${event.key}`;
    if (event.previous) for (const { uid } of ownersOf(event.previous.object)) byOwner.get(uid)?.delete(key);
    if (event.deleted) return;
    for (const { uid } of ownersOf(event.current.object)) {
      let dependents = byOwner.get(uid);
      if (!dependents) {
        dependents = new Map();
        byOwner.set(uid, dependents);
      }
      dependents.set(key, { collection, namespace: metadata.namespace, name: metadata.name });
    }
  }

  function releaseAll(owner: string): void {
    const dependents = [...(byOwner.get(owner)?.values() ?? [])];
    byOwner.delete(owner);
    for (const dependent of dependents) judge(dependent);
  }

  /** Deletes an object whose owners are gone; one that has others left loses the references to the gone. */
  function judge({ collection, namespace, name }: Dependent): void {
    const stored = store.collection(collection).get(namespace, name);
    if (!stored || stored.object.metadata.deletionTimestamp !== undefined) return;
    const owners = ownersOf(stored.object);
    const left = owners.filter(({ uid }) => alive.has(uid));
    if (owners.length === 0 || left.length === owners.length) return;
    if (left.length === 0) remove(collection, stored);
    else keepOwners(collection, stored, uid => alive.has(uid));
  }

  function remove(collection: string, { object: { metadata } }: Stored): void {
    const kind = deps.kinds.all().find(item => item.collection === collection);
    if (!kind) return;
    deps.writer.remove(
      { kind, namespace: metadata.namespace, name: metadata.name },
      { dryRun: false, graceSeconds: undefined, uid: undefined, resourceVersion: undefined, propagation: 'Background' },
    );
  }

  function keepOwners(collection: string, { object }: Stored, keeps: (uid: string) => boolean): void {
    const references = asList(object.metadata.ownerReferences).filter(item => keeps(asString(asObject(item).uid)));
    const metadata = withField(object.metadata, 'ownerReferences', references.length > 0 ? references : undefined);
    store.collection(collection).put({ ...object, metadata });
  }

  /** Carries a foreground or orphaning deletion on, until nothing is left to wait for. */
  function finish({ collection, namespace, name }: Dependent): void {
    const owner = store.collection(collection).get(namespace, name);
    const waits = owner && waitsFor(owner.object.metadata);
    if (!owner || !waits) return;
    const { uid } = owner.object.metadata;
    let blocked = false;
    for (const dependent of byOwner.get(uid)?.values() ?? []) {
      const stored = store.collection(dependent.collection).get(dependent.namespace, dependent.name);
      if (!stored) continue;
      if (waits === 'orphan') keepOwners(dependent.collection, stored, other => other !== uid);
      else {
        if (ownersOf(stored.object).some(item => item.uid === uid && item.blocks)) blocked = true;
        if (stored.object.metadata.deletionTimestamp === undefined) remove(dependent.collection, stored);
      }
    }
    if (blocked) later(() => finish({ collection, namespace, name }));
    else takeFinalizer(collection, owner, waits);
  }

  function takeFinalizer(collection: string, { key }: Stored, finalizer: string): void {
    const slash = key.indexOf('/');
    const stored = store
      .collection(collection)
      .get(slash < 0 ? undefined : key.slice(0, slash), slash < 0 ? key : key.slice(slash + 1));
    if (!stored) return;
    const { object } = stored;
    const finalizers = (object.metadata.finalizers ?? []).filter(item => item !== finalizer);
    const metadata = withField(object.metadata, 'finalizers', finalizers.length > 0 ? finalizers : undefined);
    const isLast = finalizers.length === 0 && (metadata.deletionGracePeriodSeconds ?? 0) === 0;
    if (isLast) store.collection(collection).remove(stored, { ...object, metadata });
    else store.collection(collection).put({ ...object, metadata });
  }
}

function waitsFor(metadata: ApiMeta): 'orphan' | 'foregroundDeletion' | undefined {
  if (metadata.deletionTimestamp === undefined) return undefined;
  if (metadata.finalizers?.includes('orphan')) return 'orphan';
  return metadata.finalizers?.includes('foregroundDeletion') ? 'foregroundDeletion' : undefined;
}

function ownersOf(object: ApiObject): { uid: string; blocks: boolean }[] {
  const references = object.metadata.ownerReferences;
  if (references === undefined) return [];
  return asList(references).map(item => {
    const owner = asObject(item);
    return { uid: asString(owner.uid), blocks: owner.blockOwnerDeletion === true };
  });
}
