import type { NLBPort } from '../api/port.ts';

/**
 * Finds one port for every name among those that a claimant holds, all on one load balancer, in the order of the names.
 * Undefined: no load balancer has them all.
 */
export function findSet(held: readonly NLBPort[], names: readonly string[]): NLBPort[] | undefined {
  const byName = held.toSorted((a, b) => (a.metadata.name < b.metadata.name ? -1 : 1));
  for (const [, there] of Map.groupBy(byName, port => port.spec.loadBalancer.arn)) {
    const set = names.flatMap(name => there.find(port => port.spec.claim?.portName === name) ?? []);
    if (set.length === names.length) return set;
  }
  return undefined;
}

/**
 * The ports that a claimant's commit stands for, in its order; undefined where it is void, as one of them is lost.
 * `held`: the ports that it holds; `committed`: the names in its annotation; `names`: the port names of its wish, undefined
 * where that can't be read. A commit is whole or void. Names that someone added to it do not void it: then what the wish
 * asks for decides.
 */
export function committedSet(
  held: readonly NLBPort[],
  committed: readonly string[],
  names: readonly string[] | undefined,
): NLBPort[] | undefined {
  const named = committed.flatMap(name => held.find(port => port.metadata.name === name) ?? []);
  if (named.length === 0) return undefined;
  if (named.length === committed.length && isSet(named)) return named;
  const wished = names && findSet(named, names);
  return wished && named.filter(port => wished.includes(port));
}

/**
 * The same for a Service, where two ports of a commit may have been bound under one name: a number stays bound under its
 * first name when the Service gives it another.
 */
export function committedServiceSet(
  held: readonly NLBPort[],
  committed: readonly string[],
  names: readonly string[] | undefined,
): NLBPort[] | undefined {
  const named = held.filter(port => committed.includes(port.metadata.name));
  if (named.length === 0 || named.length !== committed.length || !isTogether(named)) {
    return committedSet(held, committed, names);
  }
  return committed.flatMap(name => named.find(port => port.metadata.name === name) ?? []);
}

/** Whether the ports can serve one claimant together: on one load balancer, each under a name of its own. */
function isSet(ports: readonly NLBPort[]): boolean {
  const names = new Set(ports.map(({ spec }) => spec.claim?.portName));
  return names.size === ports.length && isTogether(ports);
}

function isTogether(ports: readonly NLBPort[]): boolean {
  return new Set(ports.map(({ spec }) => spec.loadBalancer.arn)).size === 1;
}
