import type { Invariant } from './invariant.ts';
import { asks, committed, endpointOf, isHeldBy } from './sight.ts';

/**
 * When things are quiet a claimant holds exactly one port per port name, the one that it has committed to; and a
 * published endpoint changes only if its port is lost.
 */
export const onePortPerWish: Invariant = {
  name: 'one port per wish',
  check: scene => ({
    onPod({ key, previous, object }) {
      const before = endpointOf(previous);
      const isSame = previous?.metadata.uid === object?.metadata.uid;
      if (before === undefined || !object || !isSame || endpointOf(object) === before) return;
      for (const name of committed(previous)) {
        const port = scene.ports.get(name);
        if (!port || !isHeldBy(port, object.metadata.uid) || port.status?.endpoint !== before) continue;
        // Who no longer asks for it is told so before the port is given up.
        if (!asks(scene, object, port.spec.pool)) continue;
        scene.complain(`${key} had ${before}, and now ${endpointOf(object) ?? 'nothing'}, while it holds ${name}`);
      }
    },
    atRest() {
      const held = Map.groupBy(
        [...scene.ports.values()].filter(({ spec }) => spec.claim !== undefined && spec.claim.releasedAt === undefined),
        ({ spec }) => `${spec.claim!.kind} ${spec.claim!.uid} ${spec.claim!.portName}`,
      );
      const wrong: string[] = [];
      for (const ports of held.values()) {
        const { name, uid, kind } = ports[0]!.spec.claim!;
        const names = ports.map(({ metadata }) => metadata.name);
        if (ports.length > 1) wrong.push(`${name} holds ${names.join(' and ')}`);
        if (kind !== 'Pod') continue;
        const pod = [...scene.pods.values()].find(({ metadata }) => metadata.uid === uid);
        if (!pod) wrong.push(`${names.join()} is held by ${name}, which is gone`);
        else if (!committed(pod).includes(names[0]!))
          wrong.push(`${name} holds ${names.join()}, and has not committed to it`);
      }
      return wrong;
    },
  }),
};
