import type { NLBPort } from '../../api/port.ts';
import type { Change, Claimant, Invariant } from './invariant.ts';
import {
  allHeldBy,
  asks,
  claimantOf,
  committed,
  endpointOf,
  isHeldBy,
  isPod,
  nameOf,
  publishedBy,
  wishOf,
} from './sight.ts';

/** Whether two sets have the same members. */
function isSameSet(one: readonly string[], other: readonly string[]): boolean {
  return one.toSorted().join() === other.toSorted().join();
}

/**
 * Of several ports no partial set is ever committed, exposed or published, and none survives settling: a commit names as
 * many NLBPorts as the pod asks for, a port is exposed only for a pod that has committed to it in a whole set, all
 * endpoints are published together and on one host, and each name leads to its own port of the pod. A Service whose edit
 * can't be had goes on with what it had, or was told of.
 */
export const wholeSets: Invariant = {
  name: 'whole sets',
  check(scene) {
    /** Every set of NLBPorts that a claimant ever committed to, by its uid. */
    const commits = new Map<string, string[][]>();

    function judgeCommit(key: string, pod: Claimant): void {
      const names = committed(pod);
      const wished = wishOf(pod).length;
      const former = commits.get(pod.metadata.uid ?? '') ?? [];
      // A Service whose edited ports can't be had, or are lost before it was told of them, keeps those that it had.
      const isKept =
        !isPod(pod) && former.some(before => isSameSet(before, names) || isSameSet(before.filter(isTold(pod)), names));
      if (names.length !== 0 && new Set(names).size !== wished && !isKept) {
        scene.complain(`${key} committed to ${names.join()}, and asks for ${wished} port(s)`);
      }
      const hosts = new Set(names.map(name => scene.ports.get(name)?.spec.loadBalancer.arn ?? name));
      if (hosts.size > 1) scene.complain(`${key} committed to ${names.join()}, on ${hosts.size} load balancers`);
    }

    /** Whether the claimant was told of the port of this name. */
    function isTold(claimant: Claimant): (name: string) => boolean {
      const numbers = publishedBy(claimant).map(({ endpoint }) => endpoint.slice(endpoint.lastIndexOf(':') + 1));
      return name => numbers.includes(String(scene.ports.get(name)?.spec.port));
    }

    function judgePublished(key: string, pod: Claimant): void {
      const [published, endpoint] = [publishedBy(pod), endpointOf(pod)];
      if (published[0]?.endpoint !== endpoint) {
        scene.complain(`${key} publishes ${endpoint}, and first of all ${published[0]?.endpoint}`);
      }
      if (published.length === 0) return;
      if (new Set(published.map(({ host }) => host)).size > 1) scene.complain(`${key} publishes several hosts`);
      if (!isPod(pod)) {
        // What it asks for may have been edited; what it publishes is what it has committed to.
        const [told, bound] = [published.length, committed(pod).length];
        if (told !== bound) scene.complain(`${key} publishes ${told} endpoints, and has committed to ${bound} ports`);
        return;
      }
      const wished = wishOf(pod).flatMap(({ endpoints }) => endpoints);
      const names = published.map(({ name }) => name);
      if (names.toSorted().join() !== wished.toSorted().join()) {
        scene.complain(`${key} publishes ${names.join()}, and asks for ${wished.join()}`);
      }
    }

    function judgeExposed(port: NLBPort): void {
      const { claim } = port.spec;
      if (!claim || commits.get(claim.uid)?.some(names => names.includes(port.metadata.name))) return;
      scene.complain(`${port.metadata.name} is exposed for ${claim.name}, which never committed to it`);
    }

    function follow({ previous, object }: Change<Claimant>): void {
      if (!object) return;
      const key = nameOf(object);
      const isSame = (of: (claimant: Claimant | undefined) => unknown) =>
        JSON.stringify(of(previous)) === JSON.stringify(of(object));
      if (!isSame(committed)) {
        const uid = object.metadata.uid ?? '';
        judgeCommit(key, object);
        commits.set(uid, [...(commits.get(uid) ?? []), committed(object)]);
      }
      if (!isSame(publishedBy) || !isSame(endpointOf)) judgePublished(key, object);
    }

    return {
      onPod: follow,
      onService: follow,
      onPort({ previous, object }) {
        const [was, is] = [previous?.spec.claim, object?.spec.claim];
        // A namesake that takes a port over finds it exposed: giving it up is a release then, and no undoing.
        if (object && is?.exposed && !was?.exposed) judgeExposed(object);
      },
      atRest() {
        const wrong: string[] = [];
        const uids = [...scene.ports.values()].flatMap(({ spec }) =>
          spec.claim?.kind === 'Pod' ? [spec.claim.uid] : [],
        );
        for (const uid of new Set(uids)) {
          const pod = claimantOf(scene, uid);
          const held = allHeldBy(scene, uid);
          const [first] = held;
          if (!pod || !first || !isPod(pod) || !asks(scene, pod, first.spec.pool)) continue;
          const { name } = pod.metadata;
          const wished = wishOf(pod);
          const names = held.map(({ spec }) => spec.claim?.portName ?? '').toSorted();
          if (
            names.join() !==
            wished
              .map(each => each.name)
              .toSorted()
              .join()
          ) {
            wrong.push(`${name} holds ${names.join()}, and asks for ${wished.map(each => each.name).join()}`);
          }
          if (!committed(pod).every(each => isHeldBy(scene.ports.get(each), uid))) {
            wrong.push(`${name} committed to ${committed(pod).join()}, and does not hold all of it`);
          }
          if (pod.status?.podIP === undefined) continue;
          if (publishedBy(pod).length === 0) wrong.push(`${name} holds ${names.join()}, and publishes nothing`);
          for (const port of held) {
            const wish = wished.find(each => each.name === port.spec.claim?.portName);
            const target = JSON.stringify(port.spec.targets);
            const wanted = JSON.stringify([{ ip: pod.status.podIP, port: wish?.targetPort }]);
            if (target !== wanted) wrong.push(`${port.metadata.name} leads to ${target}, and not to ${wanted}`);
            const told = publishedBy(pod).filter(({ endpoint }) => endpoint === port.status?.endpoint);
            if (told.map(each => each.name).join() !== wish?.endpoints.join()) {
              wrong.push(`${name} publishes ${told.map(each => each.name).join()} for ${wish?.endpoints.join()}`);
            }
          }
        }
        return wrong;
      },
    };
  },
};
