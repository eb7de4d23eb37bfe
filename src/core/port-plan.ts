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

/** The name by which something is known of a port; undefined where nothing is. */
type NameOf = (port: NLBPort) => string | undefined;

/**
 * Compares what is held with what is wished. A wish for a number is fulfilled by that number alone, whatever name the
 * port was bound under; another by its name: the one that it was last told to have (`toldName`), else that of the bind. What
 * was told counts for nothing where more wishes would lack a port by it. What is held on several load balancers (which no
 * bind makes) fits nowhere but on the first.
 */
export function planPorts<W extends PortWish>(
  held: readonly NLBPort[],
  wishes: readonly W[],
  toldName: NameOf = () => undefined,
): PortPlan<W> {
  const [first] = held;
  const here = held.filter(({ spec }) => spec.loadBalancer.arn === first?.spec.loadBalancer.arn);
  const isNumber = ({ spec }: NLBPort, { number }: W) => spec.port === number;
  const isNamed = (nameOf: NameOf) => (port: NLBPort, wish: W) =>
    wish.number === undefined && nameOf(port) === wish.name;
  const told = pairUp(here, wishes, [isNumber, isNamed(toldName), isNamed(boundName)]);
  const bound = pairUp(here, wishes, [isNumber, isNamed(boundName)]);
  const byWish = told.size < bound.size ? bound : told;
  const kept = wishes.flatMap(wish => {
    const port = byWish.get(wish);
    return port ? { port, wish } : [];
  });
  return planOf(held, wishes, kept);
}

/**
 * What the ports of a committed set that fit no wish serve until it can be changed: a wish that has no port, of the name that
 * the port was last told to have, else with the same target port. One without a number takes any, as its name was all that the
 * port did not fit.
 */
export function standIns<W extends PortWish>({ dropped, missing }: PortPlan<W>, toldName: NameOf): PortPlan<W>['kept'] {
  const byWish = pairUp(dropped, missing, [
    (port, { name }) => (toldName(port) ?? boundName(port)) === name,
    ({ spec }, { targetPort }) => spec.targets?.some(({ port }) => port === targetPort) ?? false,
    (_, { number }) => number === undefined,
  ]);
  return [...byWish].map(([wish, port]) => ({ port, wish }));
}

/** The plan by which stand-ins of wishes without a number are these wishes' ports from now on. */
export function reusing<W extends PortWish>(
  { kept, dropped, missing }: PortPlan<W>,
  stoodIn: PortPlan<W>['kept'],
): PortPlan<W> {
  const held = [...kept.map(({ port }) => port), ...dropped];
  const wishes = [...kept.map(({ wish }) => wish), ...missing];
  return planOf(held, wishes, [...kept, ...stoodIn.filter(({ wish }) => wish.number === undefined)]);
}

/**
 * The plan of a load balancer on which every wish has a port already, the first of several by the ports' names. Undefined
 * where there is none: a claimant that was moved holds ports on two for a while.
 */
export function wholePlan<W extends PortWish>(
  held: readonly NLBPort[],
  wishes: readonly W[],
  toldName?: NameOf,
): PortPlan<W> | undefined {
  const byName = held.toSorted((a, b) => (a.metadata.name < b.metadata.name ? -1 : 1));
  for (const [, there] of Map.groupBy(byName, port => port.spec.loadBalancer.arn)) {
    const plan = planPorts(there, wishes, toldName);
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

function boundName({ spec }: NLBPort): string | undefined {
  return spec.claim?.portName;
}

/** Gives each wish at most one port, and each port to at most one: all that fit in the first way, then in the second. */
function pairUp<W>(
  ports: readonly NLBPort[],
  wishes: readonly W[],
  ways: readonly ((port: NLBPort, wish: W) => boolean)[],
): Map<W, NLBPort> {
  const left = [...ports];
  const byWish = new Map<W, NLBPort>();
  for (const fits of ways) {
    for (const wish of wishes) {
      const at = byWish.has(wish) ? -1 : left.findIndex(port => fits(port, wish));
      const [port] = at < 0 ? [] : left.splice(at, 1);
      if (port) byWish.set(wish, port);
    }
  }
  return byWish;
}

function planOf<W extends PortWish>(
  held: readonly NLBPort[],
  wishes: readonly W[],
  kept: PortPlan<W>['kept'],
): PortPlan<W> {
  return {
    kept,
    dropped: held.filter(port => !kept.some(each => each.port === port)),
    missing: wishes.filter(wish => !kept.some(each => each.wish === wish)),
  };
}
