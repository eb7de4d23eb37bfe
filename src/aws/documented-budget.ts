import type { Elbv2Action } from './elbv2-api.ts';

/** Calls that share a bucket; every call also draws on `account`. */
export type CallClass = 'describe' | 'register' | 'mutate';
export type BucketName = 'account' | CallClass;

/** A bucket as AWS documents it: calls at once, and calls per second after that. */
export interface BudgetRow {
  burst: number;
  perSecond: number;
}

/** One row per bucket; `undefined` means no limit. */
export type BudgetRows = Record<BucketName, BudgetRow | undefined>;

/**
 * What AWS gives an account in a region, shared with every other tool that uses it. Source: the ELB API Reference,
 * "Request throttling". AWS raises some of it on request, so each row can be set.
 */
export const documentedBudget = {
  /** All ELBv2 calls together. */
  account: { burst: 40, perSecond: 10 },
  /** Describe* calls. */
  describe: { burst: 40, perSecond: 10 },
  /** RegisterTargets and DeregisterTargets. */
  register: { burst: 20, perSecond: 4 },
  /** The other mutating calls that this product makes. */
  mutate: { burst: 20, perSecond: 3 },
} as const satisfies BudgetRows;

/** For an endpoint that does not throttle. */
export const unlimitedBudget: BudgetRows = {
  account: undefined,
  describe: undefined,
  register: undefined,
  mutate: undefined,
};

/** The budgets that can be chosen by name. */
export const budgets = { documented: documentedBudget, none: unlimitedBudget } as const satisfies Record<
  string,
  BudgetRows
>;

/**
 * What is left unused of a bucket, because calls do not arrive in the rhythm in which they were sent: with one call in
 * hand, a call may overtake another by a whole refill interval (100 ms and more), and the share wins that call back.
 */
export const budgetMargin = { calls: 1, rateShare: 0.98 } as const;

/** The class of every call that this product makes. */
export const callClasses: Record<Elbv2Action, CallClass> = {
  DescribeLoadBalancers: 'describe',
  DescribeListeners: 'describe',
  DescribeTargetGroups: 'describe',
  DescribeTargetHealth: 'describe',
  DescribeTags: 'describe',
  CreateTargetGroup: 'mutate',
  ModifyTargetGroup: 'mutate',
  ModifyTargetGroupAttributes: 'mutate',
  DeleteTargetGroup: 'mutate',
  CreateListener: 'mutate',
  ModifyListener: 'mutate',
  DeleteListener: 'mutate',
  RegisterTargets: 'register',
  DeregisterTargets: 'register',
};
