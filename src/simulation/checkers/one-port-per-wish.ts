import type { Invariant } from './invariant.ts';
import { asks, committed, endpointsOf, heldOf } from './sight.ts';

/**
 * When things are quiet a claimant holds exactly one port per port name, the one that it has committed to; and a
 * published endpoint changes only if its port is lost.
 */
export const onePortPerWish: Invariant = {
  name: 'one port per wish',
  check: scene => ({
    onPod({ key, previous, object }) {
      const [before, now] = [endpointsOf(previous), endpointsOf(object)];
      const isSame = previous?.metadata.uid === object?.metadata.uid;
      if (before.length === 0 || !object || !isSame || before.join() === now.join()) return;
      // Of several, one that is lost takes all with it until there is another one.
      const held = heldOf(scene, previous);
      if (held.length === 0 || held.length < committed(previous).length) return;
      // Who no longer asks for it is told so before the port is given up.
      if (!held.every(port => asks(scene, object, port.spec.pool))) return;
      if (before.some(endpoint => !held.some(port => port.status?.endpoint === endpoint))) return;
      const names = held.map(({ metadata }) => metadata.name).join();
      scene.complain(`${key} had ${before}, and now ${now.join() || 'nothing'}, while it holds ${names}`);
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
