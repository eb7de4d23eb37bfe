import type { ClaimWish } from '../api/claim.ts';
import { findCondition } from '../api/conditions.ts';
import { type CodedError, codedError } from '../api/errors.ts';
import type { NLBPortPool } from '../api/pool.ts';
import type { NLBPort } from '../api/port.ts';
import { allocateBeside, type FreePorts, freePorts } from '../core/allocate.ts';
import { whyNoIpv6 } from '../core/ip-family.ts';
import { afterPass, isHolding, type Patience, unpassed } from '../core/patience.ts';
import { allocateWishes } from '../core/port-plan.ts';
import { heldByNamespace, quotaError } from '../core/quota.ts';
import { retainedUntilMs } from '../core/retention.ts';
import { usableLoadBalancers } from '../core/usable-load-balancers.ts';
import type { Informer } from '../kube/informer.ts';
import { keyOf, parseKey } from '../kube/objects.ts';
import type { Clock } from '../runtime/clock.ts';
import { claimantKey, isHeldBy } from './claims.ts';
import { keptPorts } from './kept-ports.ts';
import { isForeign } from './port-context.ts';

/** A claim of a pool that does not hold all of its ports yet. */
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
  /** Ports that it holds already, though not all: the rest is sought beside them. */
  held?: readonly NLBPort[];
  /** Whether it is known to have addresses of IPv6 alone: not every load balancer sends to those. */
  needsIpv6?: boolean;
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
  /** When to go over the pool again though nothing changes: what is held back is given to others then. */
  passAgainAtMs(poolName: string): number | undefined;
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
  /** The oldest claim of each pool that waits for several ports. */
  const elderByPool = new Map<string, { key: string; patience: Patience }>();

  /** The patience of a pool's oldest claim for several ports, through one pass. */
  const elderOf = (poolName: string) => {
    const before = elderByPool.get(poolName);
    let elder: { key: string; patience: Patience } | undefined;
    const keyOfClaim = ({ kind, key, uid }: WaitingClaim) => `${claimantKey(kind, key)} ${uid}`;
    return {
      get isFound() {
        return elder !== undefined;
      },
      /** Whether this is the one: asked of those that could not be served, oldest first. */
      isFirst(claim: WaitingClaim): boolean {
        if (elder) return false;
        const key = keyOfClaim(claim);
        elder = before?.key === key ? before : { key, patience: unpassed };
        return true;
      },
      /** The load balancer whose free ports are held back for it now. */
      holdsOn(): string | undefined {
        return elder && isHolding(elder.patience, clock.nowMs()) ? elder.patience.holding?.arn : undefined;
      },
      endPass(given: number, arn: string | undefined): void {
        if (!elder) elderByPool.delete(poolName);
        else {
          const patience = afterPass(elder.patience, given, arn, clock.nowMs());
          elderByPool.set(poolName, { key: elder.key, patience });
        }
      },
    };
  };

  /** The ports that the claim need not be given: it holds them, or its namesake left them and they are kept for it. */
  const keptFor = (claim: WaitingClaim, pool: NLBPortPool): NLBPort[] => {
    const ofUse = usableLoadBalancers(pool, claim.needsIpv6).map(({ arn }) => arn);
    const held = (claim.held ?? []).filter(({ spec }) => spec.pool === pool.metadata.name);
    const left = keptPorts({ ports, clock }, claim.kind, claim.key, pool);
    return [...held, ...left].filter(({ spec }) => ofUse.includes(spec.loadBalancer.arn));
  };

  const heldPorts = ({ kind, key, uid }: WaitingClaim): NLBPort[] =>
    ports.by('claimant', claimantKey(kind, key)).filter(port => isHeldBy(port, uid));

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
      const unreached: { claim: WaitingClaim; error: CodedError }[] = [];
      const overQuota: { claim: WaitingClaim; error: CodedError }[] = [];
      const heldBy = heldByNamespace(poolPorts);
      const take = (claim: WaitingClaim, names: readonly string[]) => {
        const { namespace = '' } = parseKey(claim.key);
        const mine = heldPorts(claim).map(keyOf);
        const more = names.filter(name => !mine.includes(name)).length;
        heldBy.set(namespace, (heldBy.get(namespace) ?? 0) + more);
      };
      const fresh: WaitingClaim[] = [];
      for (const claim of claims) {
        const entry = entries.get(claimantKey(claim.kind, claim.key));
        if (entry?.uid === claim.uid && entry.assignment.kind === 'ports') {
          for (const name of entry.assignment.names) taken.add(name);
          take(claim, entry.assignment.names);
        } else fresh.push(claim);
      }
      const arns = usableLoadBalancers(pool).map(({ arn }) => arn);
      const reaching = (claim: WaitingClaim) =>
        new Set(usableLoadBalancers(pool, claim.needsIpv6).map(({ arn }) => arn));
      let free = freePorts(
        arns,
        poolPorts,
        port => taken.has(port.metadata.name) || pool === undefined || isForeign(port, pool),
      );
      const elder = elderOf(poolName);
      let heldBack: readonly NLBPort[] = [];
      let passedOver = 0;
      const reserved = new Set(pool?.spec.reservedPorts);
      const isOpen = (port: NLBPort) => !reserved.has(port.spec.port);
      const give = (claim: WaitingClaim, given: readonly NLBPort[]) => {
        const names = given.map(keyOf);
        free = filterPorts(free, port => !given.includes(port));
        take(claim, names);
        set(claim, { kind: 'ports', names });
      };
      for (const claim of fresh) {
        if (claim.adopts && !claim.adopts.some(name => taken.has(name))) {
          for (const name of claim.adopts) taken.add(name);
          set(claim, { kind: 'ports', names: [...claim.adopts] });
          take(claim, claim.adopts);
          continue;
        }
        const { namespace = '' } = parseKey(claim.key);
        const lacking = claim.wish.ports.length - heldPorts(claim).length;
        const error = pool && quotaError(pool, namespace, heldBy.get(namespace) ?? 0, lacking);
        if (error) {
          overQuota.push({ claim, error });
          continue;
        }
        const kept = pool ? keptFor(claim, pool) : [];
        const ofUse = new Map([...free].filter(([arn]) => reaching(claim).has(arn)));
        if (pool && arns.length > 0 && reaching(claim).size === 0) {
          const message = `Cannot give a port of pool "${poolName}" to addresses of IPv6 alone: ${whyNoIpv6(pool)}`;
          unreached.push({ claim, error: codedError('AddressFamily', message) });
          continue;
        }
        if (numbersOf(claim).length > 0) {
          const chosen = allocateWishes(ofUse, claim.wish.ports, kept, reserved);
          if (!chosen) unserved.push(claim);
          else give(claim, chosen.ports);
          continue;
        }
        const result = allocateBeside(filterPorts(ofUse, isOpen), kept, claim.wish.ports);
        if (result.kind === 'exhausted') {
          unserved.push(claim);
          if (claim.wish.ports.length > 1 && elder.isFirst(claim)) {
            const arn = elder.holdsOn();
            heldBack = (free.get(arn ?? '') ?? []).filter(isOpen);
            free = filterPorts(free, port => !heldBack.includes(port));
          }
          continue;
        }
        if (elder.isFound) passedOver += result.ports.length;
        give(claim, result.ports);
      }
      const left = filterPorts(free, isOpen);
      elder.endPass(passedOver, mostFreeOn(left));
      const waiting = unserved.length + overQuota.length + unreached.length;
      // A pool is what any pod's label names: of those that nobody asks any more nothing is kept.
      if (waiting > 0) waitingByPool.set(poolName, waiting);
      else waitingByPool.delete(poolName);
      for (const { claim, error } of [...overQuota, ...unreached]) set(claim, { kind: 'waits', error });
      const shortage = {
        free: left,
        reserved: [...free.values()].flat().filter(port => !isOpen(port)).length,
        heldBack: heldBack.length,
        ports: poolPorts,
        waiting: unserved.filter(claim => numbersOf(claim).length === 0).length,
        nowMs: clock.nowMs(),
      };
      for (const claim of unserved) {
        const reason = pool ? whyNot(pool, shortage, claim.wish.ports.length) : { kind: 'settingUp' as const };
        set(claim, aboutNumbers(claim, poolName, poolPorts, reason));
      }
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
    passAgainAtMs(poolName) {
      const holding = elderByPool.get(poolName)?.patience.holding;
      return holding && clock.nowMs() < holding.untilMs ? holding.untilMs : undefined;
    },
  };
}

/** The ports left for which `isLeft` holds. */
function filterPorts(free: FreePorts, isLeft: (port: NLBPort) => boolean): FreePorts {
  return new Map([...free].map(([arn, ports]) => [arn, ports.filter(isLeft)]));
}

/** The load balancer that has most free ports, the first of several. */
function mostFreeOn(free: FreePorts): string | undefined {
  return [...free].toSorted(([, a], [, b]) => b.length - a.length)[0]?.[0];
}

/** Creation in whole seconds, as the API server records it; then the name. */
function byArrival(a: WaitingClaim, b: WaitingClaim): number {
  if (a.since !== b.since) return a.since < b.since ? -1 : 1;
  return a.key < b.key ? -1 : 1;
}

function sameWait(a: Assignment, b: Assignment): boolean {
  // How many wait changes all the time, and is no news to any one of them.
  const isSameError = (one: CodedError, other: CodedError) =>
    one.reason === other.reason && (one.reason === 'PoolFull' || one.message === other.message);
  if (a.kind === 'waits' && b.kind === 'waits') return isSameError(a.error, b.error);
  return a.kind === 'settingUp' && b.kind === 'settingUp';
}

/** A claim that names numbers is told of those: others may well be free. */
function aboutNumbers(
  claim: WaitingClaim,
  poolName: string,
  ports: readonly NLBPort[],
  reason: Assignment,
): Assignment {
  const wanted = numbersOf(claim);
  if (wanted.length === 0 || reason.kind !== 'waits' || reason.error.reason !== 'PoolFull') return reason;
  const [what, them] = wanted.length === 1 ? ['port', 'it'] : ['ports', 'all of them'];
  const message = `Cannot allocate ${what} ${wanted.join(', ')} in pool "${poolName}": no load balancer has ${them} free${holders(ports, wanted)}`;
  return { kind: 'waits', error: codedError('PortTaken', message) };
}

function numbersOf({ wish }: WaitingClaim): number[] {
  return wish.ports.flatMap(({ number }) => number ?? []);
}

/** Who has the numbers, as far as somebody has. */
function holders(ports: readonly NLBPort[], wanted: readonly number[]): string {
  // In one order for all processes, which would write over each other's words again and again.
  const byName = ports.toSorted((a, b) => (a.metadata.name < b.metadata.name ? -1 : 1));
  const claims = byName.flatMap(({ spec }) => (spec.claim && wanted.includes(spec.port) ? [spec] : []));
  const said = claims.map(({ port, claim }) => {
    const who = `${claim?.namespace}/${claim?.name}`;
    return claim?.releasedAt === undefined ? `${who} holds ${port}` : `${port} rests after ${who}`;
  });
  return said.length === 0 ? '' : `; ${said.slice(0, 3).join(', ')}`;
}

interface Shortage {
  /** What is left when everyone who could be served was. */
  free: FreePorts;
  /** Free ports that only claims for their numbers get. */
  reserved: number;
  heldBack: number;
  ports: readonly NLBPort[];
  waiting: number;
  nowMs: number;
}

function whyNot(pool: NLBPortPool, shortage: Shortage, needed: number): Assignment {
  const { free, heldBack, ports, waiting, nowMs } = shortage;
  const { name, generation } = pool.metadata;
  const { loadBalancers = [], observedGeneration, conditions } = pool.status ?? {};
  const ready = findCondition(conditions, 'Ready');
  if (observedGeneration !== generation || ready === undefined) return { kind: 'settingUp' };
  const wanted = needed === 1 ? 'a port' : `${needed} ports`;
  const cannot = `Cannot allocate ${wanted} in pool "${name}"`;
  if (ready.reason === 'ClusterRestored') {
    const message = `Cannot allocate a port in pool "${name}": a person must decide first; ${ready.message}`;
    return { kind: 'waits', error: codedError('PoolNotReady', message) };
  }
  if (usableLoadBalancers(pool).length === 0) {
    const message = `${cannot}: no load balancer can be used; ${ready.message}`;
    return { kind: 'waits', error: codedError('PoolNotReady', message) };
  }
  const capacity = loadBalancers.reduce((sum, loadBalancer) => sum + loadBalancer.capacity, 0);
  const there = ports.filter(port => !port.spec.retire && !isForeign(port, pool)).length;
  if (there < capacity) return { kind: 'settingUp' };
  const most = Math.max(0, ...[...free.values()].map(list => list.length));
  const found =
    needed === 1
      ? `${most} of ${capacity} ports free`
      : `at most ${most} of ${capacity} ports free on one load balancer`;
  const resting = ports.filter(port => port.spec.claim?.releasedAt !== undefined);
  const isKept = (port: NLBPort) => nowMs < retainedUntilMs(port, pool, isForeign(port, pool));
  const retained = resting.filter(isKept).length;
  const notes = [
    ...(heldBack > 0 ? [`${heldBack} held back for the oldest claim that needs several`] : []),
    ...(shortage.reserved > 0 ? [`${shortage.reserved} reserved for claims that name them`] : []),
    ...(retained > 0 ? [`${retained} kept for the namesakes of claimants that are gone`] : []),
    ...(resting.length > retained ? [`${resting.length - retained} resting after a release`] : []),
  ];
  const noted = notes.length > 0 ? ` (${notes.join(', ')})` : '';
  const claims = waiting === 1 ? '1 claim waits' : `${waiting} claims wait`;
  const message = `${cannot}: ${found}${noted}, ${needed} needed; add a load balancer: ${claims}`;
  return { kind: 'waits', error: codedError('PoolFull', message) };
}
