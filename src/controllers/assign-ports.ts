import { findCondition } from '../api/conditions.ts';
import { type CodedError, codedError } from '../api/errors.ts';
import { poolLabel } from '../api/names.ts';
import type { NLBPortPool } from '../api/pool.ts';
import type { NLBPort } from '../api/port.ts';
import { allocate, freePorts } from '../core/allocate.ts';
import { podWish } from '../core/pod-wish.ts';
import type { Informer } from '../kube/informer.ts';
import { keyOf, type Pod } from '../kube/objects.ts';
import { claimantKey, hasEnded, isHeldBy } from './claims.ts';
import { isForeign } from './port-context.ts';

/** What a pass over the waiting claims gave to one of them. */
export type Assignment =
  | { kind: 'ports'; names: string[] }
  /** Nothing to give, and why. */
  | { kind: 'waits'; error: CodedError }
  /** The pool is still being set up: nothing to say yet. */
  | { kind: 'settingUp' };

/** Chooses ports for the pods of a pool that wait for one; one pass at a time, in the order of their arrival. */
export interface Assigner {
  /** Goes over all pods of the pool that wait, oldest first, then by name, and says whose assignment changed. */
  pass(poolName: string): string[];
  /** What the last pass gave to this pod. */
  get(podKey: string, uid: string): Assignment | undefined;
  /** Forgets an assignment: it was used, lost to another process, or is not needed any more. */
  drop(podKey: string): void;
  /** Claims of the pool that the last pass could not serve. */
  waiting(poolName: string): number;
}

export interface AssignerDeps {
  pods: Informer<Pod>;
  ports: Informer<NLBPort>;
  pools: Informer<NLBPortPool>;
}

interface Entry {
  uid: string;
  assignment: Assignment;
}

/** Makes an assigner. What it gave away counts as taken until the cache shows it bound or it is dropped. */
export function createAssigner({ pods, ports, pools }: AssignerDeps): Assigner {
  const entries = new Map<string, Entry>();
  const waitingByPool = new Map<string, number>();

  const isWaiting = (pod: Pod, pool: NLBPortPool | undefined): boolean =>
    !hasEnded(pod) &&
    pod.metadata.deletionTimestamp === undefined &&
    !ports.by('claimant', claimantKey('Pod', keyOf(pod))).some(port => isHeldBy(port, pod.metadata.uid)) &&
    podWish(pod, pool).ok;

  return {
    pass(poolName) {
      const pool = pools.get(poolName);
      const claims = pods
        .by('pool', poolName)
        .filter(pod => pod.metadata.labels?.[poolLabel] === poolName && isWaiting(pod, pool))
        .toSorted(byArrival);
      const changed: string[] = [];
      const set = (pod: Pod, assignment: Assignment) => {
        const key = keyOf(pod);
        const before = entries.get(key);
        entries.set(key, { uid: pod.metadata.uid ?? '', assignment });
        if (
          assignment.kind === 'ports' ||
          before === undefined ||
          before.uid !== pod.metadata.uid ||
          !sameWait(before.assignment, assignment)
        ) {
          changed.push(key);
        }
      };

      const poolPorts = ports.by('pool', poolName);
      const taken = new Set<string>();
      const unserved: Pod[] = [];
      const fresh: Pod[] = [];
      for (const pod of claims) {
        const entry = entries.get(keyOf(pod));
        if (entry?.uid === pod.metadata.uid && entry?.assignment.kind === 'ports') {
          for (const name of entry.assignment.names) taken.add(name);
        } else fresh.push(pod);
      }
      const arns = (pool?.status?.loadBalancers ?? []).filter(isUsable).map(({ arn }) => arn);
      let free = freePorts(
        arns,
        poolPorts,
        port => taken.has(port.metadata.name) || pool === undefined || isForeign(port, pool),
      );
      for (const pod of fresh) {
        const result = allocate(free, 1);
        if (result.kind === 'exhausted') {
          unserved.push(pod);
          continue;
        }
        free = result.free;
        set(pod, { kind: 'ports', names: result.ports.map(port => port.metadata.name) });
      }
      waitingByPool.set(poolName, unserved.length);
      const reason = pool ? whyNot(pool, poolPorts, unserved.length) : { kind: 'settingUp' as const };
      for (const pod of unserved) set(pod, reason);
      return changed;
    },
    get(podKey, uid) {
      const entry = entries.get(podKey);
      return entry?.uid === uid ? entry.assignment : undefined;
    },
    drop(podKey) {
      entries.delete(podKey);
    },
    waiting: poolName => waitingByPool.get(poolName) ?? 0,
  };
}

/** Creation in whole seconds, as the API server records it; then the name. */
function byArrival(a: Pod, b: Pod): number {
  const [atA, atB] = [a.metadata.creationTimestamp ?? '', b.metadata.creationTimestamp ?? ''];
  if (atA !== atB) return atA < atB ? -1 : 1;
  const [nameA, nameB] = [keyOf(a), keyOf(b)];
  return nameA < nameB ? -1 : 1;
}

/** New listeners can be made on a load balancer that is still provisioning, too. */
function isUsable({ state }: { state: string }): boolean {
  return state !== 'failed';
}

function sameWait(a: Assignment, b: Assignment): boolean {
  if (a.kind === 'waits' && b.kind === 'waits') return a.error.reason === b.error.reason;
  return a.kind === 'settingUp' && b.kind === 'settingUp';
}

function whyNot(pool: NLBPortPool, ports: readonly NLBPort[], waiting: number): Assignment {
  const { name, generation } = pool.metadata;
  const { loadBalancers = [], observedGeneration, conditions } = pool.status ?? {};
  const ready = findCondition(conditions, 'Ready');
  if (observedGeneration !== generation || ready === undefined) return { kind: 'settingUp' };
  if (!loadBalancers.some(isUsable)) {
    const message = `Cannot allocate a port in pool "${name}": no load balancer can be used; ${ready.message}`;
    return { kind: 'waits', error: codedError('PoolNotReady', message) };
  }
  const capacity = loadBalancers.reduce((sum, loadBalancer) => sum + loadBalancer.capacity, 0);
  const there = ports.filter(port => !port.spec.retire && !isForeign(port, pool)).length;
  if (there < capacity) return { kind: 'settingUp' };
  const claims = waiting === 1 ? '1 claim waits' : `${waiting} claims wait`;
  const message = `Cannot allocate a port in pool "${name}": 0 of ${capacity} ports free, 1 needed; add a load balancer: ${claims}`;
  return { kind: 'waits', error: codedError('PoolFull', message) };
}
