import { findCondition } from '../api/conditions.ts';
import { type CodedError, codedError } from '../api/errors.ts';
import { proceedAnnotation } from '../api/names.ts';
import type { NLBPortPool } from '../api/pool.ts';
import type { NLBPort } from '../api/port.ts';
import type { AuditReader } from '../aws/audit-reader.ts';
import type { CallOptions } from '../aws/elbv2-api.ts';
import type { FoundListener } from '../aws/inventory.ts';

/**
 * Keeps a leader that finds resources of its own in AWS, and not one NLBPort, from making any: etcd was restored from an
 * old backup, or the definitions were deleted and applied again, and nobody but a person can tell what is true.
 */
export interface RestoredGuard {
  /**
   * Whether the NLBPorts of a pool may be made: undefined where they may, else why not (ClusterRestored, or AWS's own
   * error where it could not be asked). `listeners` are those on the pool's load balancers.
   */
  whyNot(pool: NLBPortPool, listeners: readonly FoundListener[], options: CallOptions): Promise<CodedError | undefined>;
  /** Told of a pool that has NLBPorts: whoever made them, those that go from now on were deleted under this leader. */
  saw(pool: NLBPortPool): void;
  /** Told of a pool that is gone. */
  forget(poolName: string): void;
}

export interface RestoredGuardDeps {
  /** All NLBPorts that are known now. */
  ports: () => readonly NLBPort[];
  reader: Pick<AuditReader, 'listOwnTargetGroups'>;
}

/** Makes the guard for one time of leading; the list of NLBPorts is complete when it is made. */
export function createRestoredGuard({ ports, reader }: RestoredGuardDeps): RestoredGuard {
  // Once it is settled that nothing was there, what AWS holds is this leader's own work.
  let mayMake = ports().length > 0;
  /** Uids by name. */
  const seen = new Map<string, string | undefined>();

  return {
    saw: ({ metadata }) => void seen.set(metadata.name, metadata.uid),
    forget: poolName => void seen.delete(poolName),

    async whyNot(pool, listeners, options) {
      if (isAccepted(pool) || ports().some(({ spec }) => spec.pool === pool.metadata.name)) return undefined;
      const { name, uid } = pool.metadata;
      const wasSeen = uid !== undefined && seen.get(name) === uid;
      if ((mayMake || wasSeen) && !isHeldBack(pool)) return undefined;
      const names = new Set(ports().map(({ metadata }) => metadata.name));
      const groups = await reader.listOwnTargetGroups(options);
      if (!groups.ok) return groups.error;
      const left = [
        ...groups.value.flatMap(({ arn, owner }) => (isOf(owner, names) ? [] : [arn])),
        ...listeners.flatMap(({ arn, owner }) => (owner === undefined || names.has(owner) ? [] : [arn])),
      ];
      if (left.length > 0) return clusterRestored(left);
      mayMake = true;
      return undefined;
    },
  };
}

/** The error where no NLBPort exists, or a pool is held back, while AWS holds resources of this cluster. */
export function restoredError(seen: {
  ports: readonly NLBPort[];
  pools: readonly NLBPortPool[];
  /** What carries this cluster's tag and belongs to no NLBPort. */
  leftArns: readonly string[];
}): CodedError | undefined {
  const { ports, pools, leftArns } = seen;
  if (leftArns.length === 0) return undefined;
  const isHeld = pools.some(pool => isHeldBack(pool) && !isAccepted(pool));
  const isEmpty = ports.length === 0 && !pools.some(isAccepted);
  return isHeld || isEmpty ? clusterRestored(leftArns) : undefined;
}

/** Whether the pool waits for a person: it stands on the pool, so that a new leader knows it too. */
export function isHeldBack(pool: NLBPortPool): boolean {
  return findCondition(pool.status?.conditions, 'Ready')?.reason === 'ClusterRestored';
}

function isAccepted(pool: NLBPortPool): boolean {
  return pool.metadata.annotations?.[proceedAnnotation] === 'true';
}

function isOf(owner: unknown, names: ReadonlySet<string>): boolean {
  const { port } = owner as { port?: string };
  return port !== undefined && names.has(port);
}

function clusterRestored(arns: readonly string[]): CodedError {
  return codedError(
    'ClusterRestored',
    `Cannot make NLBPorts: none exists, and AWS holds ${arns.length} resources of this cluster, ${arns[0]} one of them; a person must say what is true`,
  );
}
