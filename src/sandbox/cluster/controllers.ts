import type { Clock, Timer } from '../../runtime/clock.ts';
import { customKinds } from './custom-kind.ts';
import { collectGarbage } from './garbage-collector.ts';
import { type ApiObject, asList, asObject, asString, deepEqual, type JsonObject, withField } from './json.ts';
import type { Kind } from './kind.ts';
import type { KindRegistry } from './kind-registry.ts';
import { cleanupFinalizer } from './kinds/custom-resource-definition.ts';
import { type ObjectWriter, timeText } from './object-writer.ts';
import type { Store, StoreEvent } from './store.ts';

export interface ControllersDeps {
  store: Store;
  kinds: KindRegistry;
  writer: ObjectWriter;
  clock: Clock;
  /** Time from a deletion to its consequences, milliseconds; also between two looks at what is left. */
  cleanupMs: number;
}

/**
 * What a cluster does by itself: serving what definitions define, emptying namespaces and definitions that are being
 * deleted, and collecting what the deleted owned.
 */
export function startControllers(deps: ControllersDeps): { stop(): void } {
  const { store, kinds } = deps;
  const timers = new Set<Timer>();
  let stopped = false;
  const later = (run: () => void) => {
    if (stopped) return;
    const timer = deps.clock.after(deps.cleanupMs, () => {
      timers.delete(timer);
      run();
    });
    timers.add(timer);
  };

  store.collection('customresourcedefinitions.apiextensions.k8s.io').subscribe(undefined, event => {
    followDefinition(kinds, event);
    const { metadata } = event.current.object;
    if (!event.deleted && metadata.deletionTimestamp && !event.previous?.object.metadata.deletionTimestamp) {
      later(() => emptyDefinition(deps, metadata.name, later));
    }
  });
  store.collection('namespaces').subscribe(undefined, event => {
    const { metadata } = event.current.object;
    if (!event.deleted && metadata.deletionTimestamp && !event.previous?.object.metadata.deletionTimestamp) {
      later(() => emptyNamespace(deps, metadata.name, later));
    }
  });

  collectGarbage(deps, later);

  return {
    stop() {
      stopped = true;
      for (const timer of timers) timer.cancel();
      timers.clear();
    },
  };
}

function followDefinition(kinds: KindRegistry, event: StoreEvent): void {
  const spec = asObject(event.current.object.spec);
  const group = asString(spec.group);
  const plural = asString(asObject(spec.names).plural);
  if (!event.deleted && event.previous?.object.spec === event.current.object.spec) return;
  kinds.remove(group, plural);
  if (event.deleted) return;
  for (const kind of customKinds(event.current.object).kinds) kinds.add(kind);
}

function emptyDefinition(deps: ControllersDeps, name: string, later: (run: () => void) => void): void {
  const definitions = deps.store.collection('customresourcedefinitions.apiextensions.k8s.io');
  const stored = definitions.get(undefined, name);
  if (!stored) return;
  const left = deps.store.collection(name);
  const spec = asObject(stored.object.spec);
  const kind = deps.kinds
    .all()
    .find(item => item.group === spec.group && item.plural === asString(asObject(spec.names).plural));
  if (kind)
    removeAll(
      deps,
      kind,
      left.list().map(item => item.object),
    );
  if (left.size > 0) {
    later(() => emptyDefinition(deps, name, later));
    return;
  }
  const finalizers = (stored.object.metadata.finalizers ?? []).filter(item => item !== cleanupFinalizer);
  const metadata = withField(stored.object.metadata, 'finalizers', finalizers.length > 0 ? finalizers : undefined);
  if (finalizers.length > 0) definitions.put({ ...stored.object, metadata });
  else definitions.remove(stored, { ...stored.object, metadata });
}

function emptyNamespace(deps: ControllersDeps, name: string, later: (run: () => void) => void): void {
  const namespaces = deps.store.collection('namespaces');
  const stored = namespaces.get(undefined, name);
  if (!stored) return;
  const left: ApiObject[][] = [];
  const kindsLeft: Kind[] = [];
  const seen = new Set<string>();
  for (const kind of deps.kinds.all()) {
    if (!kind.namespaced || seen.has(kind.collection)) continue;
    seen.add(kind.collection);
    const collection = deps.store.collection(kind.collection);
    removeAll(
      deps,
      kind,
      collection.list(name).map(item => item.object),
    );
    const remaining = collection.list(name).map(item => item.object);
    if (remaining.length === 0) continue;
    left.push(remaining);
    kindsLeft.push(kind);
  }
  if (left.length > 0 || (stored.object.metadata.finalizers ?? []).length > 0) {
    sayWhatRemains(deps, stored.object, kindsLeft, left);
    later(() => emptyNamespace(deps, name, later));
    return;
  }
  namespaces.remove(stored, { ...stored.object, spec: {} });
}

/** The conditions in which a namespace that terminates says what it waits for. */
function sayWhatRemains(deps: ControllersDeps, namespace: ApiObject, kinds: Kind[], left: ApiObject[][]): void {
  const resources = kinds
    .map((kind, at) => `${kind.plural}.${kind.group} has ${left[at]!.length} resource instances`)
    .toSorted();
  const holders = new Map<string, number>();
  for (const finalizer of left.flat().flatMap(({ metadata }) => metadata.finalizers ?? [])) {
    holders.set(finalizer, (holders.get(finalizer) ?? 0) + 1);
  }
  const finalizers = [...holders].map(([name, count]) => `${name} in ${count} resource instances`).toSorted();
  const lastTransitionTime = timeText(deps.clock.nowMs());
  const before = asList(asObject(namespace.status).conditions).map(asObject);
  const condition = (type: string, status: string, reason: string, message: string): JsonObject => {
    const same = before.find(other => other.type === type && other.status === status && other.message === message);
    return same ?? { type, status, lastTransitionTime, reason, message };
  };
  const conditions = [
    condition(
      'NamespaceDeletionDiscoveryFailure',
      'False',
      'ResourcesDiscovered',
      'All resources successfully discovered',
    ),
    condition(
      'NamespaceDeletionGroupVersionParsingFailure',
      'False',
      'ParsedGroupVersions',
      'All legacy kube types successfully parsed',
    ),
    condition(
      'NamespaceDeletionContentFailure',
      'False',
      'ContentDeleted',
      'All content successfully deleted, may be waiting on finalization',
    ),
    resources.length > 0
      ? condition(
          'NamespaceContentRemaining',
          'True',
          'SomeResourcesRemain',
          `Some resources are remaining: ${resources.join(', ')}`,
        )
      : condition('NamespaceContentRemaining', 'False', 'ContentRemoved', 'All content successfully removed'),
    finalizers.length > 0
      ? condition(
          'NamespaceFinalizersRemaining',
          'True',
          'SomeFinalizersRemain',
          `Some content in the namespace has finalizers remaining: ${finalizers.join(', ')}`,
        )
      : condition(
          'NamespaceFinalizersRemaining',
          'False',
          'ContentHasNoFinalizers',
          'All content-preserving finalizers finished',
        ),
  ];
  if (deepEqual(before, conditions)) return;
  deps.store.collection('namespaces').put({ ...namespace, status: { ...asObject(namespace.status), conditions } });
}

function removeAll(deps: ControllersDeps, kind: Kind, objects: readonly ApiObject[]): void {
  for (const { metadata } of objects) {
    if (metadata.deletionTimestamp !== undefined) continue;
    deps.writer.remove(
      { kind, namespace: metadata.namespace, name: metadata.name },
      { dryRun: false, graceSeconds: undefined, uid: undefined, resourceVersion: undefined, propagation: 'Background' },
    );
  }
}
