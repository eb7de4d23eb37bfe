import { findCondition } from '../../api/conditions.ts';
import { endpointAnnotation, poolLabel, readyCondition } from '../../api/names.ts';
import type { NLBPort } from '../../api/port.ts';
import type { Pod } from '../../kube/objects.ts';

/** One row of the picture Pod -> NLB port -> target group -> pod IP:port. A field is null where there is nothing yet. */
export interface RoomRow {
  /** Name of the pod, with its namespace unless that is `default`; null for a port that rests after a room. */
  room: string | null;
  pool: string;
  loadBalancer: string | null;
  port: number | null;
  /** host:port that clients use. */
  endpoint: string | null;
  targetGroup: string | null;
  /** ip:port of the pod. */
  target: string | null;
  /** Reason of the pod's condition `nlbports.dev/ready`, or the phase of a port that rests. */
  state: string;
  /** The condition's message, or until when a port rests. */
  message: string;
}

/**
 * The picture: a row for each pod that asks for a port and has not ended, and for each port that rests; by load
 * balancer and port, those without a port last.
 */
export function roomRows(pods: readonly Pod[], ports: readonly NLBPort[]): RoomRow[] {
  const held = new Map<string, NLBPort>();
  const resting: RoomRow[] = [];
  for (const port of ports) {
    const { claim } = port.spec;
    if (claim === undefined) continue;
    if (claim.releasedAt === undefined) held.set(claim.uid, port);
    else
      resting.push({ room: null, ...portFields(port), state: port.status?.phase ?? 'Releasing', message: rest(port) });
  }
  const rooms = pods.flatMap(pod => {
    const pool = pod.metadata.labels?.[poolLabel];
    const port = held.get(pod.metadata.uid ?? '');
    if (pool === undefined || (hasEnded(pod) && port === undefined)) return [];
    const condition = pod.status?.conditions?.find(({ type }) => type === readyCondition);
    const row: RoomRow = {
      room: nameOf(pod),
      pool,
      ...(port ? portFields(port) : noPort),
      endpoint: pod.metadata.annotations?.[endpointAnnotation] ?? null,
      state: condition?.reason ?? 'New',
      message: condition?.message ?? 'Not looked at yet',
    };
    return [row];
  });
  return [...rooms, ...resting].sort(byPlace);
}

/** What tells a row from the others through all its changes. */
export function rowKey({ room, loadBalancer, port }: RoomRow): string {
  return room ?? `${loadBalancer}:${port}`;
}

/** Whether a pod's containers have come to their end. */
export function hasEnded(pod: Pod): boolean {
  return pod.status?.phase === 'Succeeded' || pod.status?.phase === 'Failed';
}

/** The name in an ARN of a load balancer or target group: the part before the last slash. */
export function nameInArn(arn: string): string {
  return arn.split('/').at(-2) ?? arn;
}

const noPort = { loadBalancer: null, port: null, targetGroup: null, target: null };

function portFields(port: NLBPort) {
  const { spec, status } = port;
  const known = status?.targets?.find(({ state }) => state !== 'Draining');
  const target = findCondition(status?.conditions, 'TargetsRegistered')?.status === 'True' ? status?.target : undefined;
  return {
    pool: spec.pool,
    loadBalancer: nameInArn(spec.loadBalancer.arn),
    port: spec.port,
    endpoint: status?.endpoint ?? null,
    targetGroup: status?.targetGroupArn === undefined ? null : nameInArn(status.targetGroupArn),
    target: target ?? (known ? `${known.ip}:${known.port}` : null),
  };
}

function rest(port: NLBPort): string {
  const { claim } = port.spec;
  const { phase, reuseAfter } = port.status ?? {};
  if (phase === 'Reserved') return `Kept for ${claim?.name}, should it come back`;
  return reuseAfter === undefined ? `${claim?.name} is being deregistered` : `Nobody may have it before ${reuseAfter}`;
}

function nameOf({ metadata: { namespace, name } }: Pod): string {
  return namespace === 'default' || namespace === undefined ? name : `${namespace}/${name}`;
}

/** The order of the picture. */
export function byPlace(a: RoomRow, b: RoomRow): number {
  if ((a.port === null) !== (b.port === null)) return a.port === null ? 1 : -1;
  const at = (a.loadBalancer ?? '').localeCompare(b.loadBalancer ?? '');
  return at || (a.port ?? 0) - (b.port ?? 0) || (a.room ?? '').localeCompare(b.room ?? '');
}
