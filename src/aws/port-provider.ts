import type { Protocol } from '../api/claim.ts';
import type { Result } from '../api/errors.ts';
import type { Target } from '../api/port.ts';
import type { TargetGroupSettings } from '../core/target-group-settings.ts';
import type { CallOptions } from './elbv2-api.ts';

/** What AWS is to hold for one port. */
export interface PortResources {
  /** Name of the NLBPort: the owner tag. */
  portName: string;
  pool: string;
  loadBalancerArn: string;
  vpcId: string;
  port: number;
  protocol: Protocol;
  settings: TargetGroupSettings;
  /** The pool's tags, put on what is made; ours are added. */
  tags: Record<string, string>;
}

/** A target as AWS sees it. */
export interface TargetHealth extends Target {
  /** `initial`, `healthy`, `unhealthy`, `unhealthy.draining`, `unused`, `draining` or `unavailable`. */
  state: string;
  /** AWS's reason code and description. */
  reason?: string;
}

/**
 * Makes the traffic of one port arrive at its targets, one AWS call at a time; the port controller decides the order.
 * Every method may be repeated after an unknown outcome. Not-found counts as done for deletes and deregistration.
 * Where AWS says no, the result carries a coded error with AWS's own code and request id. `NotWanted` is thrown through.
 */
export interface PortProvider {
  /**
   * Makes the target group, or finds ours of the same name. `healthCheckApplied` is false where the one that was found
   * has other health check settings. Errors: TargetGroupConflict where it is not ours by tag.
   */
  createTargetGroup(
    resources: PortResources,
    options: CallOptions,
  ): Promise<Result<{ targetGroupArn: string; healthCheckApplied: boolean }>>;
  modifyHealthCheck(resources: PortResources, targetGroupArn: string, options: CallOptions): Promise<Result<void>>;
  modifyAttributes(resources: PortResources, targetGroupArn: string, options: CallOptions): Promise<Result<void>>;
  /** Reads owner and targets of a group that is not known to be new. Errors: TargetGroupConflict. */
  inspectTargetGroup(
    resources: PortResources,
    targetGroupArn: string,
    options: CallOptions,
  ): Promise<Result<{ targets: TargetHealth[] }>>;
  /** Makes the listener, or finds ours on this port and points it at the group. Errors: ListenerConflict. */
  createListener(
    resources: PortResources,
    targetGroupArn: string,
    options: CallOptions,
  ): Promise<Result<{ listenerArn: string }>>;
  registerTargets(targetGroupArn: string, targets: Target[], options: CallOptions): Promise<Result<void>>;
  deregisterTargets(targetGroupArn: string, targets: Target[], options: CallOptions): Promise<Result<void>>;
  /** `undefined` where the target group is gone. */
  describeHealth(targetGroupArn: string, options: CallOptions): Promise<Result<TargetHealth[] | undefined>>;
  deleteListener(listenerArn: string, options: CallOptions): Promise<Result<void>>;
  deleteTargetGroup(targetGroupArn: string, options: CallOptions): Promise<Result<void>>;
}
