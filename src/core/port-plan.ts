import type { PortWish } from '../api/claim.ts';
import type { NLBPort } from '../api/port.ts';
import type { FreePorts } from './allocate.ts';

/** Which of its ports a claimant keeps after its wish was edited, and which it still lacks. */
export interface PortPlan<W extends PortWish> {
  kept: { port: NLBPort; wish: W }[];
  /** Those that fit no wish any more. */
  dropped: NLBPort[];
  /** Wishes without a port. */
  missing: W[];
}

/**
 * Compares what is held with what is wished. A wish for a number is fulfilled by that number alone, whatever name the
 * port was bound under; another by its name. What is held on several load balancers (which no bind makes) fits nowhere but
 * on the first.
 */
export function planPorts<W extends PortWish>(held: readonly NLBPort[], wishes: readonly W[]): PortPlan<W> {
  const [first] = held;
  const left = held.filter(({ spec }) => spec.loadBalancer.arn === first?.spec.loadBalancer.arn);
  const kept: PortPlan<W>['kept'] = [];
  const missing: W[] = [];
  for (const wish of wishes) {
    const at = left.findIndex(({ spec }) =>
      wish.number === undefined ? spec.claim?.portName === wish.name : spec.port === wish.number,
    );
    const [port] = at < 0 ? [] : left.splice(at, 1);
    if (port) kept.push({ port, wish });
    else missing.push(wish);
  }
  return { kept, dropped: held.filter(port => !kept.some(each => each.port === port)), missing };
}

/**
 * The plan of a load balancer on which every wish has a port already, the first of several by the ports' names. Undefined
 * where there is none: a claimant that was moved holds ports on two for a while.
 */
export function wholePlan<W extends PortWish>(held: readonly NLBPort[], wishes: readonly W[]): PortPlan<W> | undefined {
  const byName = held.toSorted((a, b) => (a.metadata.name < b.metadata.name ? -1 : 1));
  for (const [, there] of Map.groupBy(byName, port => port.spec.loadBalancer.arn)) {
    const plan = planPorts(there, wishes);
    if (plan.missing.length === 0) return plan;
  }
  return undefined;
}

/**
 * Chooses a free port for every wish on one load balancer, in the pool's order of them: the numbers that are wished, and
 * for the others the first that are free. `kept` are ports that the claimant's namesake left to it: such a number is as good
 * as free for the wish of the same name, and its load balancer comes first. Numbers that are `reserved` are given to wishes for them alone. Undefined where no
 * load balancer has them all.
 */
export function allocateWishes(
  free: FreePorts,
  wishes: readonly PortWish[],
  kept: readonly NLBPort[] = [],
  reserved: ReadonlySet<number> = new Set(),
): { ports: NLBPort[]; free: FreePorts } | undefined {
  const fixed = new Set(wishes.flatMap(({ number }) => number ?? []));
  const keptOn = (arn: string) => kept.filter(({ spec }) => spec.loadBalancer.arn === arn);
  for (const [arn, ports] of [...free].toSorted(([a], [b]) => keptOn(b).length - keptOn(a).length)) {
    const others = ports.filter(({ spec }) => !fixed.has(spec.port) && !reserved.has(spec.port));
    const keptHere = keptOn(arn);
    const chosen = wishes.map(({ name, number }) => {
      const own = keptHere.find(
        ({ spec }) => spec.claim?.portName === name && (number === undefined || spec.port === number),
      );
      if (own) return own;
      return number === undefined ? others.shift() : ports.find(({ spec }) => spec.port === number);
    });
    if (chosen.includes(undefined)) continue;
    const taken = chosen as NLBPort[];
    return {
      ports: taken,
      free: new Map(free).set(
        arn,
        ports.filter(port => !taken.includes(port)),
      ),
    };
  }
  return undefined;
}
