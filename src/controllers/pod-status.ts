import type { PortWish } from '../api/claim.ts';
import { findCondition, timestamp } from '../api/conditions.ts';
import type { CodedError } from '../api/errors.ts';
import { boundAnnotation, endpointAnnotation, endpointsAnnotation, readyCondition } from '../api/names.ts';
import type { NLBPort } from '../api/port.ts';
import { isReady } from '../core/readiness.ts';
import type { Pod, PodCondition } from '../kube/objects.ts';

/** What a pod is told: its condition, and its annotations (`null` takes one away). */
export interface PodReport {
  status: 'True' | 'False';
  /** CamelCase and lasting: an error's reason, or one of the words of a port's progress. */
  reason: string;
  message: string;
  /** Whether the reason is an error that people should look at. */
  warning: boolean;
  annotations: Record<string, string | null>;
}

const withdrawn = { [endpointAnnotation]: null, [endpointsAnnotation]: null };

/** The report of a pod that can't have a port, or not yet; what was published before is withdrawn. */
export function errorReport(error: CodedError): PodReport {
  return {
    status: 'False',
    reason: error.reason,
    message: error.message,
    warning: true,
    annotations: { ...withdrawn },
  };
}

/** The report of a pod without a port and without an error. */
export function plainReport(reason: string, message: string): PodReport {
  return { status: 'False', reason, message, warning: false, annotations: { ...withdrawn } };
}

/** The report of a pod whose port was given up: the commit goes too. */
export function releasedReport(message: string): PodReport {
  return withoutCommit(plainReport('Released', message));
}

/** The same report, which also takes away a commit that no port agrees with any more. */
export function withoutCommit(report: PodReport): PodReport {
  return { ...report, annotations: { ...report.annotations, [boundAnnotation]: null } };
}

/**
 * The report of a pod that holds a port: how far the port's AWS half is, and the endpoint once the port is exposed and
 * its listener is known to be ours.
 */
export function boundReport(port: NLBPort, wish: PortWish | undefined, nowMs: number): PodReport {
  const { status } = port;
  const provisioned = findCondition(status?.conditions, 'Provisioned');
  const registered = findCondition(status?.conditions, 'TargetsRegistered');
  const healthy = findCondition(status?.conditions, 'Healthy');
  const progress = progressOf(port, nowMs);
  // The port has an endpoint while its listener is in place; what AWS says of a pool's edit is the port's matter then.
  const isPublished = port.spec.claim?.exposed && status?.endpoint !== undefined;
  const isGone = provisioned?.reason === 'LoadBalancerNotFound';
  const failed = [isPublished && !isGone ? undefined : provisioned, registered, healthy].find(
    condition => condition?.status === 'False' && condition.message.startsWith('NLBP-'),
  );
  return {
    status: isReady(port, nowMs) && !isGone ? 'True' : 'False',
    reason: failed?.reason ?? progress.reason,
    message: failed?.message ?? progress.message,
    warning: failed !== undefined,
    // What was published stays until the port is lost: a cache that is behind must not take it back.
    annotations: isPublished ? published(port, wish, status?.endpoint ?? '', progress.reason) : {},
  };
}

function progressOf(port: NLBPort, nowMs: number): { reason: string; message: string } {
  const { name } = port.metadata;
  const is = (type: string) => findCondition(port.status?.conditions, type)?.status === 'True';
  if (port.status?.endpoint === undefined)
    return { reason: 'Provisioning', message: `Listener and target group of ${name} are being made` };
  if ((port.spec.targets ?? []).length === 0) return { reason: 'WaitingForIP', message: 'The pod has no address yet' };
  if (!is('TargetsRegistered')) return { reason: 'Registering', message: `The pod is being registered with ${name}` };
  if (!is('Healthy')) return { reason: 'Registering', message: 'AWS has not called the target healthy yet' };
  if (!isReady(port, nowMs)) {
    const until = port.status?.readyAfter ?? 'a while';
    return { reason: 'Settling', message: `Healthy; until ${until} traffic may not flow everywhere yet` };
  }
  return { reason: 'Healthy', message: `Reachable at ${port.status?.endpoint}` };
}

function published(port: NLBPort, wish: PortWish | undefined, endpoint: string, state: string): Record<string, string> {
  const at = endpoint.lastIndexOf(':');
  const entry = {
    name: port.spec.claim?.portName ?? 'default',
    protocol: wish?.protocol ?? port.spec.protocol,
    host: endpoint.slice(0, at),
    port: Number(endpoint.slice(at + 1)),
    targetPort: port.spec.targets?.[0]?.port ?? wish?.targetPort,
    state,
  };
  return { [endpointAnnotation]: endpoint, [endpointsAnnotation]: JSON.stringify([entry]) };
}

/**
 * The strategic merge patch of pods/status that makes the pod say this; undefined where it does. It fails where the pod
 * is another one by now, or was written meanwhile: uid and resourceVersion are in it.
 */
export function podStatusPatch(pod: Pod, report: PodReport, nowMs: number): object | undefined {
  const before = findReady(pod);
  const annotations = changedAnnotations(pod, report.annotations);
  const keepCondition =
    before?.status === report.status && before.reason === report.reason && before.message === report.message;
  if (keepCondition && Object.keys(annotations).length === 0) return undefined;
  const condition: PodCondition = {
    type: readyCondition,
    status: report.status,
    reason: report.reason,
    message: report.message,
    lastTransitionTime:
      before?.status === report.status ? (before.lastTransitionTime ?? timestamp(nowMs)) : timestamp(nowMs),
  };
  const { uid, resourceVersion } = pod.metadata;
  return {
    metadata: { uid, resourceVersion, annotations },
    ...(keepCondition ? {} : { status: { conditions: [condition] } }),
  };
}

/** The condition that is ours. */
export function findReady(pod: Pod): PodCondition | undefined {
  return pod.status?.conditions?.find(condition => condition.type === readyCondition);
}

function changedAnnotations(pod: Pod, wanted: Record<string, string | null>): Record<string, string | null> {
  const now = pod.metadata.annotations ?? {};
  return Object.fromEntries(Object.entries(wanted).filter(([name, value]) => (now[name] ?? null) !== value));
}
