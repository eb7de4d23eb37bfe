import { timestamp } from '../api/conditions.ts';
import { type CodedError, codedError } from '../api/errors.ts';
import { readyCondition } from '../api/names.ts';
import type { NLBPort } from '../api/port.ts';
import { targetReadyAtMs } from '../core/readiness.ts';
import type { KubeClient } from '../kube/client.ts';
import { isConflict, isInvalid, isNotFound, KubeError, KubeNoAnswer } from '../kube/kube-error.ts';
import type { Pod } from '../kube/objects.ts';
import { pods as podResource } from '../kube/resource.ts';
import type { Clock } from '../runtime/clock.ts';

/** How a try at the gates of the pods behind a Service ended. */
export interface OpenedGates {
  /** When the next one is due by time alone, in milliseconds since 1970; infinity where none is. */
  nextMs: number;
  /** Why the first of those that are due could not be opened, by the pods' names. They are tried again at each look. */
  refused?: CodedError;
}

/**
 * Opens the readiness gate `nlbports.dev/ready` of the pods behind a Service whose target was healthy for the settle time on
 * every port that sends to them; one that can't be opened keeps no other waiting. An open gate is never closed again here: a
 * pod that stops serving is its own readiness probe's matter.
 */
export async function openGates(
  deps: { client: KubeClient; clock: Clock },
  gated: readonly { ip: string; pod: Pod }[],
  ports: readonly NLBPort[],
  settleMs: number,
): Promise<OpenedGates> {
  let nextMs = Number.POSITIVE_INFINITY;
  let refused: CodedError | undefined;
  // In one order, so that what is told of the first is told once.
  const byName = gated.toSorted((a, b) => (a.pod.metadata.name < b.pod.metadata.name ? -1 : 1));
  for (const { ip, pod } of byName) {
    const senders = ports.filter(({ spec }) => spec.targets?.some(target => target.ip === ip));
    const times = senders.map(port => targetReadyAtMs(port, ip, settleMs));
    if (times.length === 0 || times.includes(undefined)) continue;
    const atMs = Math.max(...(times as number[]));
    if (atMs > deps.clock.nowMs()) {
      nextMs = Math.min(nextMs, atMs);
      continue;
    }
    const error = await open(deps, pod);
    refused ??= error;
  }
  return { nextMs, ...(refused ? { refused } : {}) };
}

/** Undefined: it is open, or nobody said that it can't be. */
async function open(
  { client, clock }: { client: KubeClient; clock: Clock },
  pod: Pod,
): Promise<CodedError | undefined> {
  const { namespace = '', name, uid } = pod.metadata;
  const condition = {
    type: readyCondition,
    status: 'True',
    reason: 'Healthy',
    message: 'The load balancer of its Service calls it healthy',
    lastTransitionTime: timestamp(clock.nowMs()),
  };
  const body = { metadata: { uid }, status: { conditions: [condition] } };
  try {
    await client.patch(podResource, { namespace, name }, { type: 'strategic', body }, { subresource: 'status' });
    return undefined;
  } catch (error) {
    if (error instanceof KubeNoAnswer) return undefined;
    if (!(error instanceof KubeError)) throw error;
    // Another pod has its name by now, or none: there is nothing to open.
    if (isNotFound(error) || isConflict(error)) return undefined;
    if (isInvalid(error) && !(await isThere(client, pod))) return undefined;
    const cannot = `Cannot open the readiness gate of pod "${name}"`;
    return codedError('ReadinessGateRefused', `${cannot}: the API server says ${error.message}`);
  }
}

async function isThere(client: KubeClient, { metadata: { namespace = '', name, uid } }: Pod): Promise<boolean> {
  try {
    return (await client.get(podResource, { namespace, name })).metadata.uid === uid;
  } catch (error) {
    if (isNotFound(error)) return false;
    if (error instanceof KubeError || error instanceof KubeNoAnswer) return true;
    throw error;
  }
}
