import { readyCondition } from '../../api/names.ts';
import type { Pod } from '../../kube/objects.ts';
import type { Invariant } from './invariant.ts';
import { committed, endpointOf, groupBehind, isHeldBy, ownerOf, registered } from './sight.ts';

/**
 * An endpoint is published only after commit and with our listener in place, and is withdrawn with the port; a pod is
 * called ready only when AWS has it, healthy, and nobody else behind its port.
 */
export const promiseKept: Invariant = {
  name: 'promise kept',
  check(scene) {
    function judgeEndpoint(key: string, pod: Pod, endpoint: string): void {
      const port = [...scene.ports.values()].find(
        other => isHeldBy(other, pod.metadata.uid) && other.status?.endpoint === endpoint,
      );
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
      const port = [...scene.ports.values()].find(other => isHeldBy(other, pod.metadata.uid));
      if (!port) {
        scene.complain(`${key} is called ready, and holds no port`);
        return;
      }
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
        const endpoint = endpointOf(object);
        if (endpoint !== undefined && endpoint !== endpointOf(previous)) judgeEndpoint(key, object, endpoint);
        const isReady = (pod: Pod | undefined) =>
          pod?.status?.conditions?.find(({ type }) => type === readyCondition)?.status === 'True';
        if (isReady(object) && !isReady(previous)) judgeReady(key, object);
      },
      atRest() {
        return [...scene.pods].flatMap(([key, pod]) => {
          const endpoint = endpointOf(pod);
          if (endpoint === undefined) return [];
          const port = [...scene.ports.values()].find(other => isHeldBy(other, pod.metadata.uid));
          return port?.status?.endpoint === endpoint ? [] : [`${key} still publishes ${endpoint}`];
        });
      },
    };
  },
};
