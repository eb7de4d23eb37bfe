import { asObject, type Json, type JsonObject } from './json.ts';
import { timeText } from './object-writer.ts';

/** Answers a review: what a client asks about itself, as an object that is made but never stored. */
export type Reviewer = (asked: Json, nowMs: number) => JsonObject;

/** The reviewer of a kind; undefined for all that is no review. */
export function reviewerOf(kind: { group: string; version: string; plural: string }): Reviewer | undefined {
  if (kind.version !== 'v1') return undefined;
  const name = `${kind.plural}.${kind.group}`;
  return Object.hasOwn(reviewers, name) ? reviewers[name] : undefined;
}

// Nobody is asked who they are here, and everybody may do everything.
const reviewers: Record<string, Reviewer> = {
  /** `kubectl auth can-i` */
  'selfsubjectaccessreviews.authorization.k8s.io': asked => ({
    ...asObject(asked),
    apiVersion: 'authorization.k8s.io/v1',
    kind: 'SelfSubjectAccessReview',
    metadata: {},
    status: { allowed: true, reason: 'The simulated API has no authorization.' },
  }),
  /** `kubectl auth can-i --list` */
  'selfsubjectrulesreviews.authorization.k8s.io': asked => ({
    ...asObject(asked),
    apiVersion: 'authorization.k8s.io/v1',
    kind: 'SelfSubjectRulesReview',
    metadata: {},
    status: {
      resourceRules: [{ verbs: ['*'], apiGroups: ['*'], resources: ['*'] }],
      nonResourceRules: [{ verbs: ['*'], nonResourceURLs: ['*'] }],
      incomplete: false,
    },
  }),
  /** `kubectl auth whoami` */
  'selfsubjectreviews.authentication.k8s.io': (_asked, nowMs) => ({
    apiVersion: 'authentication.k8s.io/v1',
    kind: 'SelfSubjectReview',
    metadata: { creationTimestamp: timeText(nowMs) },
    status: { userInfo: { username: 'sandbox', groups: ['system:masters', 'system:authenticated'] } },
  }),
};
