import type { Timer } from '../../runtime/clock.ts';
import type { Throttle } from './throttle.ts';

/** Protocols of listeners and target groups. */
export type Protocol = 'TCP' | 'UDP' | 'TCP_UDP' | 'TLS' | 'HTTP' | 'HTTPS';

/** Everything that one account has in one region. Maps are in order of creation. */
export interface World {
  readonly account: string;
  readonly region: string;
  readonly partition: string;
  readonly throttle: Throttle;
  readonly loadBalancers: Map<string, LoadBalancer>;
  readonly loadBalancersByName: Map<string, LoadBalancer>;
  readonly targetGroups: Map<string, TargetGroup>;
  readonly targetGroupsByName: Map<string, TargetGroup>;
  readonly listeners: Map<string, Listener>;
  /** Zone of each subnet that was ever named: one each. */
  readonly zones: Map<string, string>;
  /** Counts everything that is created; a page's marker is the number of its last entry. */
  sequence: number;
}

/** What every resource has. */
export interface Resource {
  readonly arn: string;
  readonly sequence: number;
  readonly createdMs: number;
  /** When describes begin to show it, by the monotonic clock. */
  readonly visibleMs: number;
  readonly tags: Map<string, string>;
  /** Attributes that were set; the rest have their defaults. */
  readonly attributes: Map<string, string>;
}

/** One zone of a load balancer and its address there. */
export interface Zone {
  readonly subnet: string;
  readonly name: string;
  /** Undefined where no data plane stands behind it. */
  readonly address: string | undefined;
  readonly allocationId?: string;
}

export interface LoadBalancer extends Resource {
  readonly kind: 'load-balancer';
  readonly name: string;
  readonly id: string;
  readonly type: 'network' | 'application';
  readonly scheme: 'internet-facing' | 'internal';
  readonly dnsName: string;
  /** When it is provisioned, by the monotonic clock. */
  readonly activeMs: number;
  /** How it was asked for, to tell whether a second create asks for the same. */
  readonly request: string;
  ipAddressType: string;
  prefixForIpv6SourceNat: string;
  zones: Zone[];
  securityGroups: string[];
  enforceInboundRules: string;
  readonly listeners: Map<number, Listener>;
}

/** Where a listener sends its traffic. */
export interface Forward {
  readonly group: TargetGroup;
  readonly weight: number;
}

export interface Listener extends Resource {
  readonly kind: 'listener';
  readonly loadBalancer: LoadBalancer;
  port: number;
  protocol: Protocol;
  forwards: Forward[];
  sslPolicy: string | undefined;
  certificates: string[];
  alpnPolicy: string[];
}

export interface HealthCheck {
  protocol: 'TCP' | 'HTTP' | 'HTTPS';
  port: string;
  path: string | undefined;
  intervalSeconds: number;
  timeoutSeconds: number;
  healthyThreshold: number;
  unhealthyThreshold: number;
  matcher: string | undefined;
}

export interface TargetGroup extends Resource {
  readonly kind: 'target-group';
  readonly name: string;
  readonly protocol: Protocol;
  readonly port: number;
  readonly vpcId: string;
  readonly targetType: 'ip' | 'instance' | 'alb';
  readonly ipAddressType: 'ipv4' | 'ipv6';
  readonly healthCheck: HealthCheck;
  /** By `id port`, in order of registration; those draining are among them. */
  readonly targets: Map<string, Target>;
  /** Gone for the control plane, while new flows still arrive: deregistration takes its time to come through. */
  readonly lingering: Set<Target>;
  readonly listeners: Set<Listener>;
  /** Until then it still counts as in use, by the monotonic clock. */
  inUseUntilMs: number;
}

/** What a target's checks say so far. */
export type HealthState = 'initial' | 'healthy' | 'unhealthy' | 'unavailable';

export interface Target {
  readonly group: TargetGroup;
  readonly id: string;
  readonly port: number;
  readonly zone: string | undefined;
  /** When describes begin to show it, by the monotonic clock. */
  readonly visibleMs: number;
  health: HealthState;
  reason: string | undefined;
  description: string | undefined;
  /** Until then an unhealthy one is shown as `unhealthy.draining`, by the monotonic clock. */
  unhealthyDrainingUntilMs: number;
  /** Consecutive results of one kind. */
  successes: number;
  failures: number;
  /** When the registration has come through, by the monotonic clock. */
  registeredMs: number;
  /** When new flows may begin, by the monotonic clock; Infinity until the first healthy check. */
  flowingMs: number;
  /** Set while it drains: until when new flows still arrive, and when it is gone, by the monotonic clock. */
  draining: { newFlowsUntilMs: number; endTimer: Timer } | undefined;
  /** The next step of its health checks. */
  checkTimer: Timer | undefined;
  /** Invalidates the answer of a check that is under way. */
  checkRound: number;
  /** Ends each live flow to it. */
  readonly flows: Set<() => void>;
}

/** The name of a target within its group: an id alone is not enough. */
export function targetKey(id: string, port: number): string {
  return `${id} ${port}`;
}

/** True while a listener sends traffic to the group. */
export function isInUse(group: TargetGroup): boolean {
  return group.listeners.size > 0;
}

/** The load balancer that uses the group: at most one can. */
export function loadBalancerOf(group: TargetGroup): LoadBalancer | undefined {
  for (const listener of group.listeners) return listener.loadBalancer;
  return undefined;
}
