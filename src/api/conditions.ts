import type { Condition } from '../kube/objects.ts';

/** A condition before it is known since when it holds. */
export type NewCondition = Omit<Condition, 'lastTransitionTime'>;

/** RFC 3339 with whole seconds, as `metav1.Time` is written. */
export function timestamp(ms: number): string {
  return new Date(ms).toISOString().replace(/\.\d+Z$/, 'Z');
}

/** RFC 3339 with milliseconds, for times that decide something, such as the end of a quarantine. */
export function preciseTimestamp(ms: number): string {
  return new Date(ms).toISOString();
}

/**
 * The conditions with one of them set; its transition time moves only when its status does, and the very same list comes
 * back where nothing changed.
 */
export function withCondition(
  conditions: readonly Condition[] | undefined,
  next: NewCondition,
  nowMs: number,
): Condition[] {
  const list = conditions ?? [];
  const previous = list.find(condition => condition.type === next.type);
  const lastTransitionTime =
    previous && previous.status === next.status ? previous.lastTransitionTime : timestamp(nowMs);
  const condition = { ...next, lastTransitionTime };
  if (!previous) return [...list, condition];
  return list.map(item => (item === previous ? condition : item));
}

/** The condition of this type, if it was ever set. */
export function findCondition(conditions: readonly Condition[] | undefined, type: string): Condition | undefined {
  return conditions?.find(condition => condition.type === type);
}
