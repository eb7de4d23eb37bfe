import { readyCondition } from '../../api/names.ts';
import type { NLBPort } from '../../api/port.ts';
import { answerLagMs, createArrivals } from './arrivals.ts';
import type { Change, Claimant, Invariant } from './invariant.ts';
import {
  allHeldBy,
  claimantsOf,
  committed,
  endpointsOf,
  groupBehind,
  heldOf,
  isPod,
  isTouched,
  nameOf,
  ownerOf,
  ownGroups,
  placeOf,
  registered,
} from './sight.ts';

/**
 * An endpoint is published only after commit and with our listener in place, and is withdrawn with the port; a pod is
 * called ready only when AWS has it, healthy, and nobody else behind its port; a Service when AWS has somebody behind each.
 */
export const promiseKept: Invariant = {
  name: 'promise kept',
  check(scene) {
    /** When AWS last had a target behind each port. */
    const servedAtMs = new Map<string, number>();

    const arrivals = createArrivals(scene);

    function judgeEndpoint(key: string, pod: Claimant, endpoint: string): void {
      const held = allHeldBy(scene, pod.metadata.uid);
      const port = held.find(other => other.status?.endpoint === endpoint);
      if (!port) {
        // Who takes a port by hand takes its endpoint off the object, while the write that publishes it is on its way.
        const isTaken = ({ metadata, spec }: NLBPort) =>
          isTouched(scene, metadata.name) && endpoint.endsWith(`:${spec.port}`);
        if (held.some(isTaken)) return;
        scene.complain(`${key} publishes ${endpoint}, and holds no port of that endpoint`);
        return;
      }
      const { name } = port.metadata;
      if (!committed(pod).includes(name))
        scene.complain(`${key} publishes ${endpoint}, and has not committed to ${name}`);
      if (!port.spec.claim?.exposed) scene.complain(`${key} publishes ${endpoint} while ${name} is not exposed`);
      if (isTouched(scene, name)) return;
      const group = groupBehind(scene, port);
      const loadBalancer = scene.aws().loadBalancers.get(port.spec.loadBalancer.arn);
      const listener = loadBalancer?.listeners.get(port.spec.port);
      if (!listener || ownerOf(scene, listener) !== name || !group || ownerOf(scene, group) !== name) {
        scene.complain(`${key} publishes ${endpoint}, and no listener of ours is there`);
      }
    }

    function judgeReady(key: string, pod: Claimant): void {
      const names = committed(pod);
      const ports = heldOf(scene, pod);
      if (ports.length === 0 || ports.length < names.length) {
        scene.complain(`${key} is called ready, and holds ${ports.length} of its ${names.length} ports`);
      }
      for (const port of ports) judgeReadyPort(key, pod, port);
    }

    function judgeReadyPort(key: string, pod: Claimant, port: NLBPort): void {
      if (isTouched(scene, port.metadata.name)) return;
      const group = groupBehind(scene, port);
      if (!isPod(pod)) {
        const isServed = group && registered(group).length > 0;
        const servedMs = isServed ? scene.nowMs() : servedAtMs.get(port.metadata.name);
        // What was healthy a moment ago is on its way out for another process, and comes back.
        if (servedMs === undefined || scene.nowMs() - servedMs > answerLagMs) {
          scene.complain(`${key} is called ready, and AWS has nothing behind ${port.metadata.name}`);
        }
        return;
      }
      const mine = group && registered(group).filter(({ id }) => id === pod.status?.podIP);
      if (!mine || mine.length === 0) {
        scene.complain(`${key} is called ready, and AWS does not have ${pod.status?.podIP} for ${port.metadata.name}`);
        return;
      }
      // A call from before that has only just arrived could not be seen yet.
      const others = registered(group).filter(
        target => !mine.includes(target) && !arrivals.isNew(group.arn, placeOf(target)),
      );
      if (others.length > 0) scene.complain(`${key} is called ready beside ${others.map(placeOf).join()}`);
    }

    function judge({ previous, object }: Change<Claimant>): void {
      if (!object) return;
      const key = nameOf(object);
      const before = endpointsOf(previous);
      for (const endpoint of endpointsOf(object)) {
        if (!before.includes(endpoint)) judgeEndpoint(key, object, endpoint);
      }
      const isReady = (claimant: Claimant | undefined) =>
        claimant?.status?.conditions?.find(({ type }) => type === readyCondition)?.status === 'True';
      if (isReady(object) && !isReady(previous)) judgeReady(key, object);
    }

    return {
      onPod: judge,
      onService: judge,
      onCall(call, action) {
        arrivals.note(call, action);
        for (const { group, port } of ownGroups(scene)) {
          if (registered(group).length > 0) servedAtMs.set(port, scene.nowMs());
        }
      },
      atRest() {
        return claimantsOf(scene).flatMap(claimant => {
          const had = allHeldBy(scene, claimant.metadata.uid).map(port => port.status?.endpoint);
          return endpointsOf(claimant)
            .filter(endpoint => !had.includes(endpoint))
            .map(endpoint => `${nameOf(claimant)} still publishes ${endpoint}`);
        });
      },
    };
  },
};
