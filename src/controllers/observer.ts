import type { FindingKind } from '../core/audit.ts';

/** What one audit came to. */
export interface AuditReport {
  /** `complete`: all of AWS was listed. `incomplete`: a listing failed, so nothing was compared. */
  result: 'complete' | 'incomplete';
  /** How much was found of each kind; kinds without any are left out. */
  found: Partial<Record<FindingKind, number>>;
  /** Whether the cluster looks restored. */
  restored: boolean;
}

/** What the loops tell about themselves, for metrics; nothing they do depends on it. */
export interface Observer {
  /**
   * A claim asked for a port: `bound`, `waiting` or `refused`, with the reason where it was not bound. `pool` is empty where
   * there is none of the name that it gave.
   */
  allocation(pool: string, result: 'bound' | 'waiting' | 'refused', reason: string): void;
  /** A labelled pod is known; the first of several calls counts. */
  podSeen(pod: string): void;
  podBound(pool: string, pod: string): void;
  podGone(pod: string): void;
  /** A pod's address was handed to the AWS half. */
  targetKnown(pool: string, port: string): void;
  /** AWS accepted the target of a port. */
  registered(pool: string, port: string): void;
  /** AWS called the target of a port healthy. */
  healthy(pool: string, port: string): void;
  /** The NLBPort is there no longer. */
  portGone(port: string): void;
  /** An audit ended. */
  audited(report: AuditReport): void;
}

/** An observer that keeps nothing. */
export function silentObserver(): Observer {
  return {
    allocation() {},
    podSeen() {},
    podBound() {},
    podGone() {},
    targetKnown() {},
    registered() {},
    healthy() {},
    portGone() {},
    audited() {},
  };
}
