import type { ClaimWish } from '../api/claim.ts';
import { findCondition } from '../api/conditions.ts';
import { type CodedError, codedError } from '../api/errors.ts';
import type { NLBPortPool } from '../api/pool.ts';
import type { NLBPort } from '../api/port.ts';
import { allocateBeside, freePorts } from '../core/allocate.ts';
import { allocateWishes } from '../core/port-plan.ts';
import { isKeptFor, retainedUntilMs } from '../core/retention.ts';
import type { Informer } from '../kube/informer.ts';
import { keyOf, parseKey } from '../kube/objects.ts';
import type { Clock } from '../runtime/clock.ts';
import { claimantKey } from './claims.ts';
import { isForeign, loadBalancerOf } from './port-context.ts';

/** A claim of a pool that holds no port yet. */
export interface WaitingClaim {
  /** Kind of the claimant, and its namespace/name. */
  kind: string;
  key: string;
  uid: string;
  /** Its creationTimestamp: who came first is served first. */
  since: string;
  wish: ClaimWish;
  /** Names of free ports whose groups hold the claimant's address, one for each port of the wish: they are its own. */
  adopts?: readonly string[];
}

/** Finds the claims of one kind that wait for ports of a pool, in any order. */
export type ClaimSource = (poolName: string, pool: NLBPortPool | undefined) => WaitingClaim[];

/** What a pass over the waiting claims gave to one of them. */
export type Assignment =
  /** Names of NLBPorts, one for each port of the wish, in its order. */
  | { kind: 'ports'; names: string[] }
  /** Nothing to give, and why. */
  | { kind: 'waits'; error: CodedError }
  /** The pool is still being set up: nothing to say yet. */
  | { kind: 'settingUp' };

/** Chooses ports for the claims of a pool that wait for some; one pass at a time, in the order of their arrival. */
export interface Assigner {
  /** Goes over all claims of the pool that wait, oldest first, then by name, and says whose assignment changed. */
  pass(poolName: string): Pick<WaitingClaim, 'kind' | 'key'>[];
  /** What the last pass gave to this claimant. */
  get(kind: string, key: string, uid: string): Assignment | undefined;
  /** Forgets an assignment: it was used, lost to another process, or is not needed any more. */
  drop(kind: string, key: string): void;
  /** Claims of the pool that the last pass could not serve. */
  waiting(poolName: string): number;
}

export interface AssignerDeps {
  clock: Clock;
  ports: Informer<NLBPort>;
  pools: Informer<NLBPortPool>;
  /** One for each kind of claimant. */
  sources: readonly ClaimSource[];
}

interface Entry {
  uid: string;
  assignment: Assignment;
}

/** Makes an assigner. What it gave away counts as taken until the cache shows it bound or it is dropped. */
export function createAssigner({ clock, ports, pools, sources }: AssignerDeps): Assigner {
  const entries = new Map<string, Entry>();
  const waitingByPool = new Map<string, number>();

  /** The ports that the claimant's namesake left and that are kept for it. */
  const keptFor = (claim: WaitingClaim, pool: NLBPortPool): NLBPort[] => {
    const { namespace = '', name } = parseKey(claim.key);
    const isUsableFor = (port: NLBPort) => {
      const loadBalancer = loadBalancerOf(port, pool);
      if (port.spec.pool !== pool.metadata.name || !loadBalancer || !isUsable(loadBalancer)) return false;
      const namesake = { kind: claim.kind, namespace, name };
      return isKeptFor(port, namesake, port.spec.claim?.portName ?? '', pool, isForeign(port, pool), clock.nowMs());
    };
    return ports.by('claimant', claimantKey(claim.kind, claim.key)).filter(isUsableFor);
  };

  return {
    pass(poolName) {
      const pool = pools.get(poolName);
      const claims = sources.flatMap(source => source(poolName, pool)).toSorted(byArrival);
      const changed: WaitingClaim[] = [];
      const set = (claim: WaitingClaim, assignment: Assignment) => {
        const key = claimantKey(claim.kind, claim.key);
        const before = entries.get(key);
        entries.set(key, { uid: claim.uid, assignment });
        if (
          assignment.kind === 'ports' ||
          before === undefined ||
          before.uid !== claim.uid ||
          !sameWait(before.assignment, assignment)
        ) {
          changed.push(claim);
        }
      };

      const poolPorts = ports.by('pool', poolName);
      const taken = new Set<string>();
      const unserved: WaitingClaim[] = [];
      const fresh: WaitingClaim[] = [];
      for (const claim of claims) {
        const entry = entries.get(claimantKey(claim.kind, claim.key));
        if (entry?.uid === claim.uid && entry.assignment.kind === 'ports') {
          for (const name of entry.assignment.names) taken.add(name);
        } else fresh.push(claim);
      }
      const arns = (pool?.status?.loadBalancers ?? []).filter(isUsable).map(({ arn }) => arn);
      let free = freePorts(
        arns,
        poolPorts,
        port => taken.has(port.metadata.name) || pool === undefined || isForeign(port, pool),
      );
      for (const claim of fresh) {
        if (claim.adopts && !claim.adopts.some(name => taken.has(name))) {
          for (const name of claim.adopts) taken.add(name);
          set(claim, { kind: 'ports', names: [...claim.adopts] });
          continue;
        }
        const kept = pool ? keptFor(claim, pool) : [];
        if (claim.wish.ports.some(({ number }) => number !== undefined)) {
          const chosen = allocateWishes(free, claim.wish.ports, kept);
          if (!chosen) unserved.push(claim);
          else {
            free = chosen.free;
            set(claim, { kind: 'ports', names: chosen.ports.map(keyOf) });
          }
          continue;
        }
        const result = allocateBeside(free, kept, claim.wish.ports);
        if (result.kind === 'exhausted') {
          unserved.push(claim);
          continue;
        }
        free = result.free;
        set(claim, { kind: 'ports', names: result.ports.map(port => port.metadata.name) });
      }
      waitingByPool.set(poolName, unserved.length);
      const reason = pool ? whyNot(pool, poolPorts, unserved.length, clock.nowMs()) : { kind: 'settingUp' as const };
      for (const claim of unserved) set(claim, aboutNumbers(claim, poolName, reason));
      return changed;
    },
    get(kind, key, uid) {
      const entry = entries.get(claimantKey(kind, key));
      return entry?.uid === uid ? entry.assignment : undefined;
    },
    drop(kind, key) {
      entries.delete(claimantKey(kind, key));
    },
    waiting: poolName => waitingByPool.get(poolName) ?? 0,
  };
}

/** Creation in whole seconds, as the API server records it; then the name. */
function byArrival(a: WaitingClaim, b: WaitingClaim): number {
  if (a.since !== b.since) return a.since < b.since ? -1 : 1;
  return a.key < b.key ? -1 : 1;
}

/** New listeners can be made on a load balancer that is still provisioning, too. */
function isUsable({ state }: { state: string }): boolean {
  return state !== 'failed';
}

function sameWait(a: Assignment, b: Assignment): boolean {
  if (a.kind === 'waits' && b.kind === 'waits') return a.error.reason === b.error.reason;
  return a.kind === 'settingUp' && b.kind === 'settingUp';
}

/** A claim that names numbers is told of those: others may well be free. */
function aboutNumbers({ wish }: WaitingClaim, poolName: string, reason: Assignment): Assignment {
  const wanted = wish.ports.flatMap(({ number }) => number ?? []);
  if (wanted.length === 0 || reason.kind !== 'waits' || reason.error.reason !== 'PoolFull') return reason;
  const [what, them] = wanted.length === 1 ? ['port', 'it'] : ['ports', 'all of them'];
  const message = `Cannot allocate ${what} ${wanted.join(', ')} in pool "${poolName}": no load balancer has ${them} free`;
  return { kind: 'waits', error: codedError('PortTaken', message) };
}

function whyNot(pool: NLBPortPool, ports: readonly NLBPort[], waiting: number, nowMs: number): Assignment {
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
  const resting = ports.filter(port => port.spec.claim?.releasedAt !== undefined);
  const isKept = (port: NLBPort) => nowMs < retainedUntilMs(port, pool, isForeign(port, pool));
  const reserved = resting.filter(isKept).length;
  const notes = [
    ...(reserved > 0 ? [`${reserved} kept for the namesakes of claimants that are gone`] : []),
    ...(resting.length > reserved ? [`${resting.length - reserved} resting after a release`] : []),
  ];
  const found = `0 of ${capacity} ports free${notes.length > 0 ? ` (${notes.join(', ')})` : ''}`;
  const message = `Cannot allocate a port in pool "${name}": ${found}, 1 needed; add a load balancer: ${claims}`;
  return { kind: 'waits', error: codedError('PoolFull', message) };
}
