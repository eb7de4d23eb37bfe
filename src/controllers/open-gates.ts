import { timestamp } from '../api/conditions.ts';
import { readyCondition } from '../api/names.ts';
import type { NLBPort } from '../api/port.ts';
import { targetReadyAtMs } from '../core/readiness.ts';
import type { KubeClient } from '../kube/client.ts';
import { isConflict, isInvalid, isNotFound } from '../kube/kube-error.ts';
import type { Pod } from '../kube/objects.ts';
import { pods as podResource } from '../kube/resource.ts';
import type { Clock } from '../runtime/clock.ts';

/**
 * Opens the readiness gate `nlbports.dev/ready` of the pods behind a Service whose target was healthy for the settle time on
 * every port that sends to them. Resolves to when the next one is due by time alone, in milliseconds since 1970; infinity
 * where none is. An open gate is never closed again here: a pod that stops serving is its own readiness probe's matter.
 */
export async function openGates(
  deps: { client: KubeClient; clock: Clock },
  gated: readonly { ip: string; pod: Pod }[],
  ports: readonly NLBPort[],
  settleMs: number,
): Promise<number> {
  let nextMs = Number.POSITIVE_INFINITY;
  for (const { ip, pod } of gated) {
    const senders = ports.filter(({ spec }) => spec.targets?.some(target => target.ip === ip));
    const times = senders.map(port => targetReadyAtMs(port, ip, settleMs));
    if (times.length === 0 || times.includes(undefined)) continue;
    const atMs = Math.max(...(times as number[]));
    if (atMs <= deps.clock.nowMs()) await open(deps, pod);
    else nextMs = Math.min(nextMs, atMs);
  }
  return nextMs;
}

async function open({ client, clock }: { client: KubeClient; clock: Clock }, pod: Pod): Promise<void> {
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
  } catch (error) {
    // Another pod has its name by now, or none: there is nothing to open.
    if (!isNotFound(error) && !isConflict(error) && !isInvalid(error)) throw error;
  }
}
