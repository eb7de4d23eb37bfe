import type { ClaimWish } from '../api/claim.ts';
import type { Result } from '../api/errors.ts';
import type { NLBPortPool } from '../api/pool.ts';
import type { NLBPort } from '../api/port.ts';
import type { Informer } from '../kube/informer.ts';
import { keyOf } from '../kube/objects.ts';
import type { ReconcileResult } from '../kube/work-queue.ts';
import type { Assigner } from './assign-ports.ts';
import { bindSet, type ClaimPortDeps, holdsAnyOf, releasePorts } from './claim-port.ts';
import { type ClaimReport, errorReport, findReady, plainReport, type Told, withoutCommit } from './claim-report.ts';
import { again, type Claimants, whenCaughtUp } from './claimants.ts';
import { committedNames } from './claims.ts';
import type { Observer } from './observer.ts';

export interface SeekPortsDeps extends ClaimPortDeps {
  pools: Informer<NLBPortPool>;
  assigner: Assigner;
  requestPass: (poolName: string) => void;
  observer: Observer;
}

/**
 * Binds to a claimant what a pass over its pool has given to it, beside what it holds already (`mine`), or tells it why it
 * has nothing. Resolves to the ports that it has from now on, not yet committed, or to when to come back.
 */
export async function seekPorts<T extends Told>(
  deps: SeekPortsDeps,
  claimants: Claimants<T, ClaimReport>,
  object: T,
  mine: readonly NLBPort[],
  poolName: string,
  wish: Result<ClaimWish>,
): Promise<NLBPort[] | ReconcileResult> {
  const { assigner, observer } = deps;
  const { kind } = claimants.kind.resource;
  const key = keyOf(object);
  const { namespace = '', name, uid = '' } = object.metadata;
  const tell = (outcome: 'refused' | 'waiting', report: ClaimReport) => {
    // Whoever makes pods may name pools that there are not, ever others: each would be a series of its own, for good.
    const pool = deps.pools.get(poolName) ? poolName : '';
    if (findReady(object)?.reason !== report.reason) observer.allocation(pool, outcome, report.reason);
    return giveUp(deps, claimants, object, mine, report);
  };
  if (!wish.ok) {
    assigner.drop(kind, key);
    if (/^(PoolNotFound|NoDefaultPool)$/.test(wish.error.reason) && isOfLostPorts(deps, object)) {
      claimants.noteOnce(object, wish.error.reason, wish.error.message);
      return {};
    }
    return tell('refused', withoutCommit(errorReport(wish.error)));
  }
  const assignment = assigner.get(kind, key, uid);
  if (!assignment) {
    deps.requestPass(poolName);
    return {};
  }
  if (assignment.kind === 'settingUp') {
    return giveUp(deps, claimants, object, mine, plainReport('WaitingForPool', 'The pool is being set up'));
  }
  if (assignment.kind === 'waits') return tell('waiting', withoutCommit(errorReport(assignment.error)));
  const { ports } = wish.value;
  // The wish may be another than the one that was served.
  const fits = ({ number }: { number?: number }, at: number) =>
    number === undefined || deps.ports.get(assignment.names[at] ?? '')?.spec.port === number;
  const isForThis = assignment.names.length === ports.length && ports.every(fits);
  const claimant = { kind, namespace, name, uid };
  const bound = isForThis ? await bindSet(deps, claimant, ports, assignment.names) : undefined;
  assigner.drop(kind, key);
  if (!bound) {
    deps.requestPass(poolName);
    return {};
  }
  for (const { metadata, spec } of bound) {
    const { arn } = spec.loadBalancer;
    deps.log.info({ [kind.toLowerCase()]: key, port: metadata.name, pool: poolName, loadBalancer: arn }, 'Port bound');
  }
  observer.allocation(poolName, 'bound', 'Bound');
  const boundNames = new Set(bound.map(keyOf));
  return [...mine.filter(port => !boundNames.has(keyOf(port))), ...bound];
}

/**
 * Whether the object says that it holds ports, and none of them exists: a pool goes only after its claims and its ports, so
 * it is still to come, as where a cluster was restored. What is written on the object is all that is known then.
 */
function isOfLostPorts(deps: ClaimPortDeps, object: Told): boolean {
  const names = committedNames(object);
  return names.length > 0 && findReady(object) !== undefined && !names.some(name => deps.ports.get(name));
}

/** Tells a claimant that it waits, or why it has nothing, and gives back what it holds of a set that it can't have. */
export async function giveUp<T extends Told>(
  deps: ClaimPortDeps,
  claimants: Claimants<T, ClaimReport>,
  object: T,
  mine: readonly NLBPort[],
  report: ClaimReport,
): Promise<ReconcileResult> {
  if (mine.length > 0) {
    // The live object may have committed them: another process did so, or an answer got lost.
    const live = await claimants.live(object);
    if (live === 'stale cache') return whenCaughtUp;
    if (live && committedNames(live).length > 0) return again;
    if (!(await releasePorts(deps, mine, () => true))) return again;
  }
  return claimants.report(object, report);
}

/**
 * Whether a commit stands for ports that only the cache does not show as the claimant's: the live ones decide, and the
 * cache shows them by then. `mine`: what it shows.
 */
export async function holdsUnseen(deps: ClaimPortDeps, object: Told, mine: readonly NLBPort[]): Promise<boolean> {
  const seen = new Set(mine.map(keyOf));
  const unseen = committedNames(object).filter(name => !seen.has(name));
  return holdsAnyOf(deps, object.metadata.uid, unseen);
}
