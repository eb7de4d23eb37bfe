import type { NLBPortPool } from '../../api/pool.ts';
import type { NLBPort } from '../../api/port.ts';
import type { Pod, Service } from '../../kube/objects.ts';
import type { World as Aws } from '../../sandbox/elbv2/world.ts';
import type { OperatorCall } from '../world.ts';

/** One change of one object, told in the turn of the write. */
export interface Change<T> {
  /** `namespace/name`, or the name. */
  key: string;
  previous: T | undefined;
  /** Undefined where it is gone. */
  object: T | undefined;
}

/** Who may have ports. */
export type Claimant = Pod | Service;

/** What a checker sees: the truth, not what any process believes. */
export interface Scene {
  nowMs(): number;
  /** By `namespace/name`. */
  readonly pods: ReadonlyMap<string, Pod>;
  readonly services: ReadonlyMap<string, Service>;
  readonly ports: ReadonlyMap<string, NLBPort>;
  readonly pools: ReadonlyMap<string, NLBPortPool>;
  aws(): Aws;
  /** The UID of kube-system: what our tags say. */
  readonly clusterId: string;
  /** How far a process's wall clock may be off in this run, milliseconds. */
  readonly skewMs: number;
  /** For how long a call to AWS may be under way in this run, milliseconds. */
  readonly lateCallMs: number;
  /** How long a process has stood still that stands, or did until a moment ago, milliseconds: so old is what it believes. */
  stoodStillMs(): number;
  /** Whether every call to AWS is counted against AWS's own buckets, and nothing but the product draws on them. */
  readonly budgetJudged: boolean;
  /** When a person last laid hands on this NLBPort or its AWS resources; -Infinity where nobody did. */
  touchedMs(portName: string): number;
  /** Reports that the invariant is broken. */
  complain(what: string): void;
}

/** Watches one invariant through a whole run. */
export interface Checker {
  onPod?(change: Change<Pod>): void;
  onService?(change: Change<Service>): void;
  onPort?(change: Change<NLBPort>): void;
  onPool?(change: Change<NLBPortPool>): void;
  /** A call of an operator was carried out; `action` is its name. */
  onCall?(call: OperatorCall, action: string): void;
  /** What is not (yet) as it must be in a world at rest. */
  atRest?(): string[];
}

/** One of the promises of docs/invariants: its name, and who watches it. */
export interface Invariant {
  name: string;
  check(scene: Scene): Checker;
}
