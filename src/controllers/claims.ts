import { boundAnnotation } from '../api/names.ts';
import type { NLBPort } from '../api/port.ts';
import type { KubeObject, Pod } from '../kube/objects.ts';

/** The key of the index of NLBPorts by claimant. */
export function claimantKey(kind: string, key: string): string {
  return `${kind}/${key}`;
}

/** The indexes that the informer of NLBPorts keeps. */
export const portIndexes = {
  claimant: ({ spec: { claim } }: NLBPort) =>
    claim ? [claimantKey(claim.kind, `${claim.namespace}/${claim.name}`)] : [],
  pool: ({ spec }: NLBPort) => [spec.pool],
};

/** Whether the claimant with this uid holds the port: bound, and not given up. */
export function isHeldBy(port: NLBPort, uid: string | undefined): boolean {
  const { claim } = port.spec;
  return claim !== undefined && claim.releasedAt === undefined && claim.uid === uid;
}

/** Whether nobody has said yet that the claimant is gone: it holds the port, or has only ended. */
export function isUnsettled({ spec: { claim } }: NLBPort): boolean {
  return claim !== undefined && (claim.releasedAt === undefined || claim.goneAt === undefined);
}

/** More ports than any claimant has: what else stands in the annotation was written by somebody else. */
const maxCommitted = 64;

/** The NLBPorts that the claimant's commit names; not yet proven by their claims, as anyone may have written it. */
export function committedNames(claimant: KubeObject): string[] {
  const text = claimant.metadata.annotations?.[boundAnnotation] ?? '';
  const names = text.split(',', maxCommitted).filter(name => /^nlb-[0-9a-f]{16}-[1-9][0-9]{0,4}$/.test(name));
  return [...new Set(names)];
}

/** The addresses of a pod, the one that Kubernetes calls its own first. */
export function addressesOf({ status }: Pod): string[] {
  const { podIP, podIPs = [] } = status ?? {};
  return podIP ? [...new Set([podIP, ...podIPs.map(({ ip }) => ip)])] : [];
}

/** Whether the pod will never run again, so that its port can go to another. */
export function hasEnded(pod: Pod): boolean {
  return pod.status?.phase === 'Succeeded' || pod.status?.phase === 'Failed';
}
