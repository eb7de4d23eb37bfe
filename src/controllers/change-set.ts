import { type CodedError, codedError } from '../api/errors.ts';
import type { NLBPortPool } from '../api/pool.ts';
import type { NLBPort } from '../api/port.ts';
import { freePorts } from '../core/allocate.ts';
import { allocateWishes, type PortPlan, planPorts, reusing, standIns } from '../core/port-plan.ts';
import { heldByNamespace, quotaError } from '../core/quota.ts';
import { needsIpv6, type ServicePortWish } from '../core/service-wish.ts';
import { usableLoadBalancers } from '../core/usable-load-balancers.ts';
import type { Informer } from '../kube/informer.ts';
import { keyOf, type Service } from '../kube/objects.ts';
import { bindSet, type ClaimPortDeps } from './claim-port.ts';
import { keptPorts } from './kept-ports.ts';
import { isForeign } from './port-context.ts';
import { toldNameOf } from './service-status.ts';

export interface ChangeSetDeps extends ClaimPortDeps {
  pools: Informer<NLBPortPool>;
}

/** What becomes of a committed set of ports after its Service was edited. */
export type SetChange =
  /** The set to commit, all of it bound. */
  | { kind: 'commit'; ports: NLBPort[] }
  /** Another was faster: what was bound is given back as a spare, or chosen again. */
  | { kind: 'again' }
  /** It stays as it is, and serves these wishes; `lacks`: why others have no port. */
  | { kind: 'stays'; serves: ServedPort[]; lacks?: CodedError };

type ServedPort = PortPlan<ServicePortWish>['kept'][number];

/**
 * Binds what an edited Service lacks beside the ports that it has: those serve until the new set is committed. Where it can't
 * have all of that, ports whose names it no longer has go on under the new ones, and the rest alone is sought.
 */
export async function changeSet(
  deps: ChangeSetDeps,
  service: Service,
  committed: readonly NLBPort[],
  wishes: readonly ServicePortWish[],
): Promise<SetChange> {
  const { plan, reused, serves } = plansFor(service, committed, wishes);
  const pool = deps.pools.get(committed[0]!.spec.pool);
  let lacks: CodedError | undefined;
  for (const { kept, missing, dropped } of [plan, reused]) {
    if (missing.length + dropped.length === 0) return { kind: 'stays', serves };
    lacks = pool && overQuota(deps, service, pool, missing.length - dropped.length);
    if (lacks) continue;
    const chosen = missing.length === 0 ? [] : pool && choose(deps, service, pool, committed, { kept, missing });
    if (!chosen) {
      lacks = portTaken(missing);
      continue;
    }
    const { namespace = '', name, uid = '' } = service.metadata;
    const bound = await bindSet(deps, { kind: 'Service', namespace, name, uid }, missing, chosen.map(keyOf));
    if (!bound) return { kind: 'again' };
    const portOf = (wish: ServicePortWish) =>
      kept.find(each => each.wish === wish)?.port ??
      bound.find(port => keyOf(port) === keyOf(chosen[missing.indexOf(wish)]!));
    return { kind: 'commit', ports: wishes.flatMap(wish => portOf(wish) ?? []) };
  }
  return { kind: 'stays', serves, ...(lacks ? { lacks } : {}) };
}

/** What the ports of a set serve that can't be changed to what the Service wishes. */
export function servedAsIs(
  service: Service,
  committed: readonly NLBPort[],
  wishes: readonly ServicePortWish[],
): ServedPort[] {
  return plansFor(service, committed, wishes).serves;
}

function plansFor(service: Service, committed: readonly NLBPort[], wishes: readonly ServicePortWish[]) {
  const plan = planPorts(committed, wishes, toldNameOf(service));
  const stoodIn = standIns(plan, toldNameOf(service));
  return { plan, reused: reusing(plan, stoodIn), serves: [...plan.kept, ...stoodIn] };
}

function portTaken(missing: readonly ServicePortWish[]): CodedError {
  const names = missing.map(({ name }) => `"${name}"`).join(', ');
  const cannot = `Cannot give ${names} to the Service beside what it holds`;
  return codedError('PortTaken', `${cannot}: no such port is free on its load balancer`);
}

/** Why the namespace can't have so many ports more, where the pool limits it. */
function overQuota(deps: ChangeSetDeps, service: Service, pool: NLBPortPool, more: number): CodedError | undefined {
  const { namespace = '' } = service.metadata;
  // What goes for what comes is given back as soon as that is committed.
  if (more <= 0) return undefined;
  return quotaError(
    pool,
    namespace,
    heldByNamespace(deps.ports.by('pool', pool.metadata.name)).get(namespace) ?? 0,
    more,
  );
}

/**
 * Ports for the wishes, on the load balancer that the set is on, or another one where nothing of the set stays and only that
 * has the numbers. What is kept for the Service, as it had that before, is its own again.
 */
function choose(
  deps: ChangeSetDeps,
  service: Service,
  pool: NLBPortPool,
  committed: readonly NLBPort[],
  { kept, missing }: Pick<PortPlan<ServicePortWish>, 'kept' | 'missing'>,
): NLBPort[] | undefined {
  const { arn: own } = committed[0]!.spec.loadBalancer;
  const usable = usableLoadBalancers(pool, needsIpv6(service)).map(({ arn }) => arn);
  const isBound = kept.length > 0 || missing.some(({ number }) => number === undefined);
  const arns = isBound ? [own] : usable.toSorted((a, b) => Number(b === own) - Number(a === own));
  const free = freePorts(arns, deps.ports.by('pool', pool.metadata.name), port => isForeign(port, pool));
  const left = keptPorts(deps, 'Service', keyOf(service), pool);
  return allocateWishes(free, missing, left, new Set(pool.spec.reservedPorts))?.ports;
}
