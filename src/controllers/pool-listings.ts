import type { CodedError } from '../api/errors.ts';
import type { NLBPortPool } from '../api/pool.ts';
import type { FoundListener, Inventory, LoadBalancer } from '../aws/inventory.ts';
import { whyNoListener } from '../core/ip-family.ts';
import type { Clock } from '../runtime/clock.ts';

export interface PoolListingsDeps {
  inventory: Inventory;
  clock: Clock;
  isLeader: () => boolean;
  /** Aborted when the process is to stop leading. */
  signal: AbortSignal;
  options: {
    /** Time between listings of a pool's load balancers and their listeners. */
    resyncMs: number;
    /** Time before a listing that failed is tried again. */
    retryMs: number;
  };
}

/** What the last complete listing of a pool's load balancers showed. */
export interface PoolListing {
  generation: number;
  atMs: number;
  loadBalancers: LoadBalancer[];
  listeners: Map<string, FoundListener[]>;
  problems: CodedError[];
  /** Set where the last try failed: the rest is older then. */
  failed?: CodedError | undefined;
  /** Whether this turn made it. */
  fresh: boolean;
}

/** The listings of all pools, by name. */
export interface PoolListings {
  /** The last one, or a new one where it is too old or of another spec. */
  current(pool: NLBPortPool): Promise<PoolListing>;
  forget(poolName: string): void;
}

/** Asks AWS for the load balancers of pools and their listeners, and keeps what it said until that is too old. */
export function createPoolListings(deps: PoolListingsDeps): PoolListings {
  const listings = new Map<string, PoolListing>();
  return {
    async current(pool) {
      const { name, generation = 0 } = pool.metadata;
      const last = listings.get(name);
      const nowMs = deps.clock.nowMs();
      const maxAgeMs = last?.failed ? deps.options.retryMs : deps.options.resyncMs;
      if (last && last.generation === generation && nowMs < last.atMs + maxAgeMs) return { ...last, fresh: false };
      const fresh = await list(deps, pool);
      const before = last ?? { loadBalancers: [], listeners: new Map(), problems: [] };
      const { loadBalancers, listeners, problems } = 'failed' in fresh ? before : fresh;
      const failed = 'failed' in fresh ? fresh.failed : undefined;
      const listing: PoolListing = { loadBalancers, listeners, problems, failed, generation, atMs: nowMs, fresh: true };
      listings.set(name, listing);
      return listing;
    },
    forget: poolName => void listings.delete(poolName),
  };
}

/** One complete listing, or why there is none. */
async function list(
  deps: PoolListingsDeps,
  pool: NLBPortPool,
): Promise<Omit<PoolListing, 'generation' | 'atMs' | 'fresh'> | { failed: CodedError }> {
  const options = { priority: 'audit' as const, stillWanted: deps.isLeader, signal: deps.signal };
  const choices = pool.spec.loadBalancers.map(({ arn, tags = {} }) => (arn === undefined ? { tags } : { arn }));
  const found = await deps.inventory.findLoadBalancers(choices, options);
  if (!found.ok) return { failed: found.error };
  const refused = found.value.found.flatMap(entry => whyNoListener(entry, pool.spec.protocol) ?? []);
  const loadBalancers = found.value.found.filter(entry => !whyNoListener(entry, pool.spec.protocol));
  const listeners = new Map<string, FoundListener[]>();
  for (const { arn } of loadBalancers) {
    const listed = await deps.inventory.listListeners(arn, options);
    if (!listed.ok) return { failed: listed.error };
    listeners.set(arn, listed.value);
  }
  return { loadBalancers, listeners, problems: [...found.value.problems, ...refused] };
}
