import { readyCondition } from '../../api/names.ts';
import type { NLBPort } from '../../api/port.ts';
import type { Pod } from '../../kube/objects.ts';
import type { Invariant } from './invariant.ts';
import { allHeldBy, committed, endpointsOf, groupBehind, heldOf, ownerOf, registered } from './sight.ts';

/**
 * An endpoint is published only after commit and with our listener in place, and is withdrawn with the port; a pod is
 * called ready only when AWS has it, healthy, and nobody else behind its port.
 */
export const promiseKept: Invariant = {
  name: 'promise kept',
  check(scene) {
    function judgeEndpoint(key: string, pod: Pod, endpoint: string): void {
      const port = allHeldBy(scene, pod.metadata.uid).find(other => other.status?.endpoint === endpoint);
      if (!port) {
        scene.complain(`${key} publishes ${endpoint}, and holds no port of that endpoint`);
        return;
      }
      const { name } = port.metadata;
      if (!committed(pod).includes(name))
        scene.complain(`${key} publishes ${endpoint}, and has not committed to ${name}`);
      if (!port.spec.claim?.exposed) scene.complain(`${key} publishes ${endpoint} while ${name} is not exposed`);
      if (scene.touchedMs(name) !== Number.NEGATIVE_INFINITY) return;
      const group = groupBehind(scene, port);
      const loadBalancer = scene.aws().loadBalancers.get(port.spec.loadBalancer.arn);
      const listener = loadBalancer?.listeners.get(port.spec.port);
      if (!listener || ownerOf(scene, listener) !== name || !group || ownerOf(scene, group) !== name) {
        scene.complain(`${key} publishes ${endpoint}, and no listener of ours is there`);
      }
    }

    function judgeReady(key: string, pod: Pod): void {
      const names = committed(pod);
      const ports = heldOf(scene, pod);
      if (ports.length === 0 || ports.length < names.length) {
        scene.complain(`${key} is called ready, and holds ${ports.length} of its ${names.length} ports`);
      }
      for (const port of ports) judgeReadyPort(key, pod, port);
    }

    function judgeReadyPort(key: string, pod: Pod, port: NLBPort): void {
      if (scene.touchedMs(port.metadata.name) !== Number.NEGATIVE_INFINITY) return;
      const group = groupBehind(scene, port);
      const mine = group && registered(group).filter(({ id }) => id === pod.status?.podIP);
      if (!mine || mine.length === 0) {
        scene.complain(`${key} is called ready, and AWS does not have ${pod.status?.podIP} for ${port.metadata.name}`);
        return;
      }
      if (registered(group).length > mine.length) scene.complain(`${key} is called ready beside somebody else`);
    }

    return {
      onPod({ key, previous, object }) {
        if (!object) return;
        const before = endpointsOf(previous);
        for (const endpoint of endpointsOf(object)) {
          if (!before.includes(endpoint)) judgeEndpoint(key, object, endpoint);
        }
        const isReady = (pod: Pod | undefined) =>
          pod?.status?.conditions?.find(({ type }) => type === readyCondition)?.status === 'True';
        if (isReady(object) && !isReady(previous)) judgeReady(key, object);
      },
      atRest() {
        return [...scene.pods].flatMap(([key, pod]) => {
          const had = allHeldBy(scene, pod.metadata.uid).map(port => port.status?.endpoint);
          return endpointsOf(pod)
            .filter(endpoint => !had.includes(endpoint))
            .map(endpoint => `${key} still publishes ${endpoint}`);
        });
      },
    };
  },
};
