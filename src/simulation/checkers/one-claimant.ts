import type { Change, Claimant, Invariant, Scene } from './invariant.ts';
import { allHeldBy, claimantsOf, endpointsOf, isTouched, nameOf } from './sight.ts';

/**
 * No port is ever bound to two claimants: a claim passes to another only by way of no claim at all, or from a released
 * one to a namesake; one that was exposed is released before it goes, and goes before its object does; no two objects
 * stand for one port; no two claimants that hold their ports publish one endpoint.
 */
export const oneClaimant: Invariant = {
  name: 'one claimant',
  check: scene => ({
    onPod: change => judgeEndpoints(scene, change),
    onService: change => judgeEndpoints(scene, change),
    onPort({ key, previous, object }) {
      const [was, is] = [previous?.spec.claim, object?.spec.claim];
      if (was && is && was.uid !== is.uid) {
        const isNamesake = was.kind === is.kind && was.namespace === is.namespace && was.name === is.name;
        if (!(was.releasedAt !== undefined && isNamesake)) {
          scene.complain(`${key} passed from ${was.name} (${was.uid}) to ${is.name} (${is.uid})`);
        }
      }
      // Who takes its finalizer off takes the claim with it.
      if (was && !object && !isTouched(scene, key)) scene.complain(`${key} is gone while ${was.name} has it`);
      else if (was?.exposed && object && was.releasedAt === undefined && !is) {
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
  }),
};

function judgeEndpoints(scene: Scene, { previous, object }: Change<Claimant>): void {
  if (!object) return;
  const before = endpointsOf(previous);
  for (const endpoint of endpointsOf(object)) {
    if (before.includes(endpoint)) continue;
    for (const other of claimantsOf(scene)) {
      if (other.metadata.uid === object.metadata.uid || !endpointsOf(other).includes(endpoint)) continue;
      const isHeld = allHeldBy(scene, other.metadata.uid).some(port => port.status?.endpoint === endpoint);
      if (isHeld) scene.complain(`${nameOf(object)} and ${nameOf(other)} publish ${endpoint}`);
    }
  }
}
