import type { CodedError, Result } from '../api/errors.ts';
import type { NLBPortPool } from '../api/pool.ts';
import type { NLBPort } from '../api/port.ts';
import type { AuditReader } from '../aws/audit-reader.ts';
import type { CallOptions } from '../aws/elbv2-api.ts';
import { type AuditFinding, type AwsView, compareListing } from '../core/audit.ts';
import type { Pod } from '../kube/objects.ts';
import { committedNames, hasEnded } from './claims.ts';
import { restoredError } from './restored.ts';

/** The objects that AWS is compared with: complete lists, as they were before AWS is read. */
export interface AuditObjects {
  ports: readonly NLBPort[];
  pools: readonly NLBPortPool[];
  /** Pods that ask for a port. */
  pods: readonly Pod[];
}

/** What one complete listing of AWS showed. */
export interface AuditListing {
  objects: AuditObjects;
  view: AwsView;
  findings: AuditFinding[];
  /** Set where no NLBPort exists and AWS holds resources of this cluster. */
  restored: CodedError | undefined;
}

/** Lists AWS and compares: for the periodic audit and for `nlbports audit`. An incomplete listing is an error. */
export async function auditListing(
  deps: { reader: AuditReader; clusterId: string },
  objects: AuditObjects,
  options: CallOptions,
): Promise<Result<AuditListing>> {
  const { ports, pools, pods } = objects;
  const loadBalancerArns = [
    ...new Set([
      ...pools.flatMap(({ status }) => (status?.loadBalancers ?? []).map(({ arn }) => arn)),
      ...ports.map(({ spec }) => spec.loadBalancer.arn),
    ]),
  ];
  const recorded = new Set(ports.flatMap(({ status }) => [status?.listenerArn ?? '', status?.targetGroupArn ?? '']));
  const listed = await deps.reader.list({ loadBalancerArns, recorded }, options);
  if (!listed.ok) return listed;
  const view = listed.value;
  const names = new Set(ports.map(({ metadata }) => metadata.name));
  const left = [...view.targetGroups, ...view.listeners].filter(
    ({ owner }) => typeof owner === 'object' && !names.has(owner.port ?? ''),
  );
  const restored = restoredError({ ports, pools, leftArns: left.map(({ arn }) => arn) });
  const heldByPods = new Set(pods.filter(pod => !hasEnded(pod)).flatMap(committedNames));
  const input = { clusterId: deps.clusterId, ports, pools, view, heldByPods, restored: restored !== undefined };
  return { ok: true, value: { objects, view, findings: compareListing(input), restored } };
}
