import type * as elbv2 from '@aws-sdk/client-elastic-load-balancing-v2';

/**
 * Every ELBv2 action that this product calls, with its shapes: the whole of what it may do to an AWS account. The IAM
 * policy is made from this list, and nothing else of the SDK is called.
 */
export interface Elbv2Calls {
  DescribeLoadBalancers: [elbv2.DescribeLoadBalancersCommandInput, elbv2.DescribeLoadBalancersCommandOutput];
  DescribeListeners: [elbv2.DescribeListenersCommandInput, elbv2.DescribeListenersCommandOutput];
  DescribeTargetGroups: [elbv2.DescribeTargetGroupsCommandInput, elbv2.DescribeTargetGroupsCommandOutput];
  DescribeTargetHealth: [elbv2.DescribeTargetHealthCommandInput, elbv2.DescribeTargetHealthCommandOutput];
  DescribeTargetGroupAttributes: [
    elbv2.DescribeTargetGroupAttributesCommandInput,
    elbv2.DescribeTargetGroupAttributesCommandOutput,
  ];
  DescribeTags: [elbv2.DescribeTagsCommandInput, elbv2.DescribeTagsCommandOutput];
  CreateTargetGroup: [elbv2.CreateTargetGroupCommandInput, elbv2.CreateTargetGroupCommandOutput];
  ModifyTargetGroup: [elbv2.ModifyTargetGroupCommandInput, elbv2.ModifyTargetGroupCommandOutput];
  ModifyTargetGroupAttributes: [
    elbv2.ModifyTargetGroupAttributesCommandInput,
    elbv2.ModifyTargetGroupAttributesCommandOutput,
  ];
  DeleteTargetGroup: [elbv2.DeleteTargetGroupCommandInput, elbv2.DeleteTargetGroupCommandOutput];
  CreateListener: [elbv2.CreateListenerCommandInput, elbv2.CreateListenerCommandOutput];
  ModifyListener: [elbv2.ModifyListenerCommandInput, elbv2.ModifyListenerCommandOutput];
  DeleteListener: [elbv2.DeleteListenerCommandInput, elbv2.DeleteListenerCommandOutput];
  RegisterTargets: [elbv2.RegisterTargetsCommandInput, elbv2.RegisterTargetsCommandOutput];
  DeregisterTargets: [elbv2.DeregisterTargetsCommandInput, elbv2.DeregisterTargetsCommandOutput];
}

export type Elbv2Action = keyof Elbv2Calls;

/**
 * Who goes first when the budget is short: deregistering the dead (its address may be a stranger's already), binding a
 * claim, making resources for a claim that waits, other releases, warming, auditing.
 */
export const callPriorities = ['deregister', 'bind', 'provision', 'release', 'warm', 'audit'] as const;
export type CallPriority = (typeof callPriorities)[number];

export interface CallOptions {
  priority: CallPriority;
  /**
   * Asked after the budget wait and after signing, in the same turn as the sending: false stops the call, which then
   * throws `NotWanted`. It holds the lease's deadline and a fresh look at the object that the call is for.
   */
  stillWanted?: () => boolean;
  /** Aborting it ends the wait, or the call where it is on its way; `NotWanted` is thrown. */
  signal?: AbortSignal;
  /**
   * Since when the call's cause waits, in milliseconds since 1970: among calls of one priority the oldest cause goes
   * first, so that one room is finished before the next is begun. @default the time of the call
   */
  waitingSinceMs?: number;
}

/** The narrow door to AWS. Throws `AwsError` for every answer that is none, and `NotWanted`. */
export interface Elbv2Api {
  call<A extends Elbv2Action>(action: A, input: Elbv2Calls[A][0], options: CallOptions): Promise<Elbv2Calls[A][1]>;
}
