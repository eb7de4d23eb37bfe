import { codedError } from '../api/errors.ts';
import { endpointAnnotation, schedulingGate } from '../api/names.ts';
import { afterLostRace } from '../kube/after-lost-race.ts';
import type { KubeClient } from '../kube/client.ts';
import type { Informer } from '../kube/informer.ts';
import { isConflict, isForbidden, isInvalid, isNotFound } from '../kube/kube-error.ts';
import type { Pod } from '../kube/objects.ts';
import { pods as podResource } from '../kube/resource.ts';

/** How a try at a pod's scheduling gate ended. */
export type GateOutcome =
  /** It has no such gate, or its endpoint is not published yet, or the gate is open now. */
  | 'done'
  /** The pod was changed meanwhile: look again. */
  | 'again'
  /** The operator may not patch pods: a message with the code of the error. */
  | { forbidden: string };

/**
 * Takes the scheduling gate `nlbports.dev/port` off a pod whose endpoint is published: from then on it may get a node, and
 * finds its address in its annotations when it starts. A pod that never declared the gate is left alone.
 */
export async function openSchedulingGate(
  { client, pods }: { client: KubeClient; pods: Informer<Pod> },
  pod: Pod,
): Promise<GateOutcome> {
  const at = pod.spec.schedulingGates?.findIndex(({ name }) => name === schedulingGate) ?? -1;
  const { namespace = '', name, uid, annotations } = pod.metadata;
  if (at < 0 || annotations?.[endpointAnnotation] === undefined) return 'done';
  const path = `/spec/schedulingGates/${at}`;
  try {
    const operations = [
      { op: 'test' as const, path: '/metadata/uid', value: uid },
      { op: 'test' as const, path: `${path}/name`, value: schedulingGate },
      { op: 'remove' as const, path },
    ];
    pods.put(await client.patch(podResource, { namespace, name }, { type: 'json', operations }));
    return 'done';
  } catch (error) {
    if (isNotFound(error)) return 'done';
    if (isConflict(error) || isInvalid(error)) {
      const live = await afterLostRace(client, podResource, pod, error);
      if (live) pods.put(live);
      return 'again';
    }
    if (!isForbidden(error)) throw error;
    const { message } = codedError(
      'SchedulingGateForbidden',
      `Cannot take the scheduling gate ${schedulingGate} off the pod: the operator may not patch pods, deploy/scheduling-gate.yaml allows it`,
    );
    return { forbidden: message };
  }
}
