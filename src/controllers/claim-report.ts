import { timestamp } from '../api/conditions.ts';
import type { CodedError } from '../api/errors.ts';
import { boundAnnotation, endpointAnnotation, endpointsAnnotation, readyCondition } from '../api/names.ts';
import type { Condition, KubeObject, PodCondition } from '../kube/objects.ts';

/** What a claimant is told: its condition, and its annotations (`null` takes one away). */
export interface ClaimReport {
  status: 'True' | 'False';
  /** CamelCase and lasting: an error's reason, or one of the words of a port's progress. */
  reason: string;
  message: string;
  /** Whether the reason is an error that people should look at. */
  warning: boolean;
  annotations: Record<string, string | null>;
}

/** An object that can be told something. */
export type Told = KubeObject & { status?: { conditions?: PodCondition[] } };

const withdrawn = { [endpointAnnotation]: null, [endpointsAnnotation]: null };

/** The report of a claimant that can't have a port, or not yet; what was published before is withdrawn. */
export function errorReport({ reason, message }: CodedError): ClaimReport {
  return { status: 'False', reason, message, warning: true, annotations: { ...withdrawn } };
}

/** The report of a claimant without a port and without an error. */
export function plainReport(reason: string, message: string): ClaimReport {
  return { status: 'False', reason, message, warning: false, annotations: { ...withdrawn } };
}

/** The report of a claimant whose port was given up: the commit goes too. */
export function releasedReport(message: string): ClaimReport {
  return withoutCommit(plainReport('Released', message));
}

/** The same report, which also takes away a commit that no port agrees with any more. */
export function withoutCommit(report: ClaimReport): ClaimReport {
  return { ...report, annotations: { ...report.annotations, [boundAnnotation]: null } };
}

/** The condition that is ours. */
export function findReady({ status }: Told): PodCondition | undefined {
  return status?.conditions?.find(({ type }) => type === readyCondition);
}

/** Whether the report promises what the object did not say before: another endpoint, or that it is ready. */
export function promisesMore({ annotations, status }: ClaimReport, object: Told): boolean {
  const endpoint = annotations[endpointAnnotation];
  return (
    (Boolean(endpoint) && endpoint !== object.metadata.annotations?.[endpointAnnotation]) ||
    (status === 'True' && findReady(object)?.status !== 'True')
  );
}

/**
 * The strategic merge patch of the object's status that makes it say this, and with it `more` of its status; undefined
 * where it says so already and `more` is empty. It fails where the object is another one by now, or was written meanwhile:
 * uid and resourceVersion are in it.
 */
export function reportPatch(object: Told, report: ClaimReport, nowMs: number, more: object = {}): object | undefined {
  const { uid, resourceVersion, annotations: now = {} } = object.metadata;
  const before = findReady(object);
  const annotations = Object.fromEntries(
    Object.entries(report.annotations).filter(([name, value]) => (now[name] ?? null) !== value),
  );
  const { status, reason, message } = report;
  const keepCondition = before?.status === status && before.reason === reason && before.message === message;
  const lastTransitionTime = (before?.status === status && before.lastTransitionTime) || timestamp(nowMs);
  const condition: Condition = { type: readyCondition, status, reason, message, lastTransitionTime };
  const changed = { ...(keepCondition ? {} : { conditions: [condition] }), ...more };
  const isTold = Object.keys(changed).length === 0;
  if (isTold && Object.keys(annotations).length === 0) return undefined;
  return { metadata: { uid, resourceVersion, annotations }, ...(isTold ? {} : { status: changed }) };
}
