import { z } from 'zod';
import type { KubeObject } from '../kube/objects.ts';
import type { Resource } from '../kube/resource.ts';
import { conditions, immutable, portNumber, rules } from './schema.ts';

const instant = z.string().max(64).meta({ format: 'date-time' });

const claim = z
  .object({
    kind: z.string().min(1).max(63).describe('Pod, Service, or a kind of your own, which the operator never sweeps.'),
    namespace: z.string().max(63).describe('Namespace of the claimant.'),
    name: z.string().min(1).max(253).describe('Name of the claimant.'),
    uid: z
      .string()
      .min(1)
      .max(128)
      .describe('UID of the claimant: a pod made again under the same name is another one.'),
    portName: z.string().max(63).default('default').describe("Which of the claimant's ports this is."),
    exposed: z
      .boolean()
      .default(false)
      .describe('Whether traffic may have reached the claimant by this port. Never unset again.'),
    releasedAt: instant.optional().describe('When the claimant gave the port up; unset while it holds it.'),
    goneAt: instant
      .optional()
      .describe("When the claimant was seen to be gone after its release: the pool's release.retain counts from here."),
  })
  .describe('Who holds the port. Absent: free. releasedAt set: no longer held, not yet free.');

export const target = z.object({
  ip: z.string().min(1).max(45).describe("The pod's address."),
  port: portNumber.describe("The pod's port."),
});

// What a claim may become, enforced by the API server: see docs/architecture.md, "Life of a port".
const claimTransitions = rules(
  {
    rule: '!has(self.targets) || size(self.targets) == 0 || (has(self.claim) && !has(self.claim.releasedAt))',
    message: 'targets need a claim that is not released',
  },
  {
    rule: 'has(oldSelf.claim) || !has(self.claim) || !has(self.retire) || !self.retire',
    message: 'a port that is to be retired can not be claimed',
  },
  {
    rule: 'has(self.claim) || !has(oldSelf.claim) || has(oldSelf.claim.releasedAt) || !oldSelf.claim.exposed',
    message: 'an exposed claim must be released before it is removed',
  },
  {
    rule: `!has(self.claim) || !has(oldSelf.claim) || (self.claim.kind == oldSelf.claim.kind
&& self.claim.__namespace__ == oldSelf.claim.__namespace__ && self.claim.name == oldSelf.claim.name
&& self.claim.portName == oldSelf.claim.portName)`,
    message: 'a port that is claimed can not be claimed by another',
  },
  {
    rule: `!has(self.claim) || !has(oldSelf.claim) || self.claim.uid == oldSelf.claim.uid
|| (has(oldSelf.claim.releasedAt) && !has(self.claim.releasedAt))`,
    message: 'only a released claim can be taken over by a namesake',
  },
  {
    rule: 'has(oldSelf.claim) || !has(self.claim) || !has(self.claim.releasedAt)',
    message: 'a new claim can not be released already',
  },
  {
    rule: '!has(self.claim) || !has(oldSelf.claim) || !oldSelf.claim.exposed || self.claim.exposed',
    message: 'exposed can not be unset',
  },
  {
    rule: `!has(self.claim) || !has(oldSelf.claim) || !has(oldSelf.claim.releasedAt) || !has(self.claim.releasedAt)
|| (self.claim.releasedAt == oldSelf.claim.releasedAt && self.claim.exposed == oldSelf.claim.exposed)`,
    message: 'a released claim can only be taken over or removed',
  },
  {
    rule: '!has(self.claim) || !has(self.claim.goneAt) || has(self.claim.releasedAt)',
    message: 'goneAt needs a claim that is released',
  },
  {
    rule: `!has(self.claim) || !has(oldSelf.claim) || !has(oldSelf.claim.goneAt) || !has(self.claim.releasedAt)
|| (has(self.claim.goneAt) && self.claim.goneAt == oldSelf.claim.goneAt)`,
    message: 'goneAt can only be set once',
  },
);

export const portSpec = z
  .object({
    pool: z.string().min(1).max(253).describe('The pool that the port belongs to.').meta(immutable('pool')),
    loadBalancer: z
      .object({ arn: z.string().min(1).max(2048) })
      .describe('The load balancer.')
      .meta(immutable('loadBalancer')),
    port: portNumber.describe("The load balancer's port number.").meta(immutable('port')),
    protocol: z.enum(['TCP', 'UDP', 'TCP_UDP']).describe("The listener's protocol.").meta(immutable('protocol')),
    warm: z
      .boolean()
      .default(false)
      .describe('Whether listener and target group are kept while nobody holds the port.'),
    retire: z
      .boolean()
      .optional()
      .describe('Set by the pool controller: take the port away, with its AWS resources, once nobody holds it.'),
    claim: claim.optional(),
    targets: z
      .array(target)
      .max(1000)
      .optional()
      .describe('Where traffic for the port goes.')
      .meta({ 'x-kubernetes-list-type': 'atomic' }),
  })
  .meta(claimTransitions);

export const phases = [
  'Cold',
  'Provisioning',
  'Available',
  'Bound',
  'Releasing',
  'Quarantined',
  'Reserved',
  'Retiring',
  'Conflict',
] as const;

/**
 * Most targets that are written down of one port: twice the 1,000 of `spec.targets`, so that all of them can be replaced.
 * 2,000 of them take about 200 kB of the 1.5 MiB that etcd takes of an object.
 */
export const maxKnownTargets = 2_000;

const knownTarget = z.object({
  ip: z.string(),
  port: z.int(),
  state: z
    .enum(['Registering', 'Registered', 'Deregistering', 'Draining'])
    .describe('Registering and Deregistering are written before AWS is called: it may have the target, or not.'),
  since: instant,
  healthyAt: instant.optional().describe('When AWS was first seen to call it healthy.'),
});

export const portStatus = z.object({
  phase: z.enum(phases).optional().describe('For people; derived from everything else.'),
  claimant: z.string().optional().describe('namespace/name of who holds the port.'),
  target: z.string().optional().describe('ip:port of the target, or how many there are.'),
  endpoint: z.string().optional().describe('host:port that clients use.'),
  listenerArn: z.string().optional(),
  targetGroupArn: z.string().optional(),
  ipFamily: z.enum(['IPv4', 'IPv6']).optional().describe('The addresses that the target group takes; IPv4 unless set.'),
  creating: z
    .string()
    .optional()
    .describe(
      'Written before AWS is asked to make target group and listener, until both are recorded here: the ' +
        'resourceVersion on which that was announced.',
    ),
  removing: z
    .boolean()
    .optional()
    .describe('Written before AWS is asked to delete the listener, until it is known to be gone.'),
  applied: z
    .object({ healthCheck: z.string().optional(), attributes: z.string().optional() })
    .optional()
    .describe(
      "Fingerprints of the pool's settings that the target group is known to have; `altered` while that is in doubt.",
    ),
  inspected: z
    .boolean()
    .optional()
    .describe('Whether the target group was looked into for owner and strangers since it was made or found.'),
  targets: z
    .array(knownTarget)
    .max(maxKnownTargets)
    .optional()
    .describe('Every target that AWS may hold for this port.')
    .meta({ 'x-kubernetes-list-type': 'atomic' }),
  lookAfter: instant.optional().describe('When the health of the targets is looked at next.'),
  lateLookAfter: instant
    .optional()
    .describe(
      'When the target group is looked into once more for what a late call has registered of the former claimant: at ' +
        'the end of the quarantine, whether or not a namesake has taken the port over by then.',
    ),
  readyAfter: instant
    .optional()
    .describe(
      "When the targets count as reachable: they are healthy, and the pool's readiness.settle is over by then. Once past, it stays until the targets change.",
    ),
  conflictUntil: instant
    .optional()
    .describe('When a port on which someone else was found is tried again, if no listing shows them.'),
  adoptUntil: instant
    .optional()
    .describe('Until when targets that were found in AWS are left to the live pod that says it holds the port.'),
  reuseAfter: instant.optional().describe('When the quarantine ends; unset until draining has ended.'),
  reuseOf: instant
    .optional()
    .describe('The releasedAt of the claim that reuseAfter is about: the quarantine of another claim says nothing.'),
  observedGeneration: z.int().optional(),
  conditions,
});

export type PortSpec = z.output<typeof portSpec>;
export type PortStatus = z.output<typeof portStatus>;
export type PortClaim = z.output<typeof claim>;
export type Target = z.output<typeof target>;
export type KnownTarget = z.output<typeof knownTarget>;
export type Phase = (typeof phases)[number];

/** One port of one load balancer: where a claim and the AWS resources that serve it meet. */
export interface NLBPort extends KubeObject {
  spec: PortSpec;
  status?: PortStatus;
}

export const nlbPorts: Resource<NLBPort> = {
  apiVersion: 'nlbports.dev/v1alpha1',
  kind: 'NLBPort',
  plural: 'nlbports',
  namespaced: false,
};

/** Whether two targets are the same to AWS, which tells them apart by address and port. */
export function sameTarget(a: { ip: string; port: number }, b: { ip: string; port: number }): boolean {
  return a.ip === b.ip && a.port === b.port;
}
