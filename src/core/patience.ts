/** How long the oldest claim for several ports of a pool has been passed over by younger ones that need less. */
export interface Patience {
  /** Ports given to younger claims since it waits, or since ports were last held back for it. */
  passedOver: number;
  /** How often ports were held back for it, in vain so far. */
  rounds: number;
  /** What comes free on this load balancer is held back for it until then. */
  holding?: { arn: string; untilMs: number };
}

/** That of a claim which has just begun to wait. */
export const unpassed: Patience = { passedOver: 0, rounds: 0 };

/**
 * Ports given to younger claims before any are held back: two full load balancers, so that in a pool that is not busy
 * nobody ever waits for a claim that needs more.
 */
const portsBeforeHolding = 100;

/** How long ports are held back the first time; each further time it is twice as long, until it suffices. */
const firstHoldMs = 30_000;

/** Whether ports are held back now. */
export function isHolding(patience: Patience, nowMs: number): boolean {
  return patience.holding !== undefined && nowMs < patience.holding.untilMs;
}

/**
 * The patience after a pass in which the claim was not served and `given` ports went to younger claims. `arn`: the load
 * balancer that has most free ports, on which to hold back. See docs/decisions/0016-several-ports-wait-whole.md.
 */
export function afterPass(patience: Patience, given: number, arn: string | undefined, nowMs: number): Patience {
  if (isHolding(patience, nowMs)) return patience;
  const { passedOver, rounds, holding } = patience;
  const total = (holding ? 0 : passedOver) + given;
  if (total < portsBeforeHolding || arn === undefined) return { passedOver: total, rounds };
  return { passedOver: 0, rounds: rounds + 1, holding: { arn, untilMs: nowMs + firstHoldMs * 2 ** rounds } };
}
