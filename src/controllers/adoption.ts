import type { PortWish } from '../api/claim.ts';
import type { NLBPortPool } from '../api/pool.ts';
import type { NLBPort } from '../api/port.ts';
import { foundBehind, isBeingFound } from '../core/adoption.ts';
import type { Informer } from '../kube/informer.ts';
import type { KubeObject } from '../kube/objects.ts';
import { committedNames } from './claims.ts';
import { isHeldBack } from './restored.ts';

/**
 * The ports that a claimant says it holds, that nobody has, and whose groups hold its addresses and no others: it is
 * behind them already. One name for each wish, in their order. `wait` while that is not known yet: the ports are about to
 * be made again, or looked into, or a person has to decide. Then what is written on the claimant stays as it is.
 */
export function adoption(
  claimant: KubeObject,
  wishes: readonly PortWish[],
  ips: ReadonlySet<string>,
  pool: NLBPortPool | undefined,
  ports: Informer<NLBPort>,
): string[] | 'wait' | undefined {
  const names = committedNames(claimant);
  if (names.length === 0 || !pool) return undefined;
  if (isHeldBack(pool)) return 'wait';
  const known = names.map(name => ports.get(name));
  const mayCome = isBeingMade(pool, ports.by('pool', pool.metadata.name));
  if (known.some(port => (port ? isBeingFound(port) : mayCome))) return 'wait';
  const found = known.filter((port): port is NLBPort => {
    const targets = port ? foundBehind(port) : [];
    return targets.length > 0 && targets.every(({ ip }) => ips.has(ip));
  });
  return found.length === wishes.length ? inOrderOf(wishes, found) : undefined;
}

/** Each wish gets the port whose targets have its number, as far as there is one; the rest as they stand in the commit. */
function inOrderOf(wishes: readonly PortWish[], found: readonly NLBPort[]): string[] {
  const left = [...found];
  const take = (fits: (port: NLBPort) => boolean): NLBPort[] => {
    const at = left.findIndex(fits);
    return at < 0 ? [] : left.splice(at, 1);
  };
  const exact = wishes.map(wish => take(port => foundBehind(port).every(target => target.port === wish.targetPort)));
  return exact.map(([port]) => (port ?? take(() => true)[0]!).metadata.name);
}

/** Whether ports of the pool are still to be made: those that are gone will be among them. */
function isBeingMade({ status }: NLBPortPool, ports: readonly NLBPort[]): boolean {
  if (status?.observedGeneration === undefined) return true;
  const capacity = (status?.loadBalancers ?? []).reduce((sum, loadBalancer) => sum + loadBalancer.capacity, 0);
  return ports.filter(({ spec }) => !spec.retire).length < capacity;
}
