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
 * What is left unused of a bucket, because calls do not arrive in the rhythm in which they were sent: as many calls as
 * the bucket regains while one is late by `jitterMs` (a busy process, a new connection), and a share of the rate, which
 * wins them back afterwards. Seen over HTTP: with one call to spare, 1 of 300 was throttled.
 */
export const budgetMargin = { jitterMs: 250, rateShare: 0.99 } as const;

/** A row less the margin; never less than one call at a time. */
export function withMargin(row: BudgetRow): BudgetRow {
  if (!(row.burst >= 1 && row.perSecond > 0)) {
    throw new RangeError(
      `Cannot keep a budget: ${row.burst} calls and ${row.perSecond}/s, at least 1 and above 0 wanted`,
    );
  }
  const spareCalls = Math.ceil((row.perSecond * budgetMargin.jitterMs) / 1000);
  return { burst: Math.max(1, row.burst - spareCalls), perSecond: row.perSecond * budgetMargin.rateShare };
}

/** The class of every call that this product makes. */
export const callClasses: Record<Elbv2Action, CallClass> = {
  DescribeLoadBalancers: 'describe',
  DescribeListeners: 'describe',
  DescribeTargetGroups: 'describe',
  DescribeTargetHealth: 'describe',
  DescribeTargetGroupAttributes: 'describe',
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

/**
 * Target groups that an audit looks into per second: two calls each, so that it takes at most a fifth of the rate of
 * Describe calls, and the other tools of the account and a burst of rooms find theirs. Undefined: no limit.
 */
export function auditLooksPerSecond({ describe, account }: BudgetRows): number | undefined {
  const perSecond = Math.min(describe?.perSecond ?? Infinity, account?.perSecond ?? Infinity);
  return Number.isFinite(perSecond) ? perSecond / 10 : undefined;
}
