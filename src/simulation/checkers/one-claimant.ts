import type { Invariant } from './invariant.ts';
import { allHeldBy, endpointsOf } from './sight.ts';

/**
 * No port is ever bound to two claimants: a claim passes to another only by way of no claim at all, or from a released
 * one to a namesake; one that was exposed is released before it goes, and goes before its object does; no two objects
 * stand for one port; no two pods that hold their ports publish one endpoint.
 */
export const oneClaimant: Invariant = {
  name: 'one claimant',
  check: scene => ({
    onPort({ key, previous, object }) {
      const [was, is] = [previous?.spec.claim, object?.spec.claim];
      if (was && is && was.uid !== is.uid) {
        const isNamesake = was.kind === is.kind && was.namespace === is.namespace && was.name === is.name;
        if (!(was.releasedAt !== undefined && isNamesake)) {
          scene.complain(`${key} passed from ${was.name} (${was.uid}) to ${is.name} (${is.uid})`);
        }
      }
      if (was && !object) scene.complain(`${key} is gone while ${was.name} has it`);
      else if (was?.exposed && was.releasedAt === undefined && !is) {
        scene.complain(`${key} was taken from ${was.name} without a release`);
      }
      if (!previous && object) {
        const twin = [...scene.ports.values()].find(
          other =>
            other.metadata.name !== key &&
            other.spec.port === object.spec.port &&
            other.spec.loadBalancer.arn === object.spec.loadBalancer.arn,
        );
        if (twin) scene.complain(`${key} and ${twin.metadata.name} stand for one port`);
      }
    },
    onPod({ key, previous, object }) {
      const before = endpointsOf(previous);
      for (const endpoint of endpointsOf(object)) {
        if (before.includes(endpoint)) continue;
        for (const [otherKey, other] of scene.pods) {
          if (otherKey === key || !endpointsOf(other).includes(endpoint)) continue;
          const isHeld = allHeldBy(scene, other.metadata.uid).some(port => port.status?.endpoint === endpoint);
          if (isHeld) scene.complain(`${key} and ${otherKey} publish ${endpoint}`);
        }
      }
    },
  }),
};
