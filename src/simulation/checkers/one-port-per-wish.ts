import type { NLBPort } from '../../api/port.ts';
import type { Change, Claimant, Invariant, Scene } from './invariant.ts';
import {
  asks,
  claimantOf,
  committed,
  endpointsOf,
  heldOf,
  isOurLoadBalancer,
  isPod,
  isTouched,
  nameOf,
  nameOfPort,
  publishedBy,
  wishOf,
} from './sight.ts';

/**
 * When things are quiet a claimant holds exactly one port per port name, the one that it has committed to; and a
 * published endpoint changes only if its port is lost.
 */
export const onePortPerWish: Invariant = {
  name: 'one port per wish',
  check: scene => ({
    onPod: change => judgeEndpoints(scene, change),
    onService: change => judgeEndpoints(scene, change),
    atRest() {
      const held = Map.groupBy(
        [...scene.ports.values()].filter(({ spec }) => spec.claim !== undefined && spec.claim.releasedAt === undefined),
        port => `${port.spec.claim!.kind} ${port.spec.claim!.uid} ${purposeOf(scene, port)}`,
      );
      const wrong: string[] = [];
      for (const ports of held.values()) {
        const { name, uid, kind } = ports[0]!.spec.claim!;
        const names = ports.map(({ metadata }) => metadata.name);
        if (ports.length > 1) wrong.push(`${name} holds ${names.join(' and ')}`);
        if (kind !== 'Pod' && kind !== 'Service') continue;
        const pod = claimantOf(scene, uid);
        if (!pod) wrong.push(`${names.join()} is held by ${name}, which is gone`);
        else if (!committed(pod).includes(names[0]!))
          wrong.push(`${name} holds ${names.join()}, and has not committed to it`);
      }
      return wrong;
    },
  }),
};

/**
 * What the claimant has the port for. A Service that names numbers gets them under the names that it gives them now, whatever
 * they were bound under; each number that it names no more and was told of serves until it has those that it names.
 */
function purposeOf(scene: Scene, port: NLBPort): string {
  const { claim, port: number } = port.spec;
  const claimant = claimantOf(scene, claim?.uid);
  const boundAs = claim?.portName ?? '';
  if (!claimant || isPod(claimant)) return boundAs;
  if (!isOurLoadBalancer(claimant)) return nameOfPort(claimant, port) ?? boundAs;
  const isTold = publishedBy(claimant).some(({ endpoint }) => endpoint.endsWith(`:${number}`));
  return wishOf(claimant).find(wish => wish.number === number)?.name ?? `${isTold ? number : boundAs} until now`;
}

function judgeEndpoints(scene: Scene, { previous, object }: Change<Claimant>): void {
  const [before, now] = [endpointsOf(previous), endpointsOf(object)];
  const isSame = previous?.metadata.uid === object?.metadata.uid;
  // More of them are told where a Service was edited to have more.
  if (!object || !isSame || before.every(endpoint => now.includes(endpoint))) return;
  // Of several, one that is lost takes all with it until there is another one.
  const held = heldOf(scene, previous);
  if (held.length === 0 || held.length < committed(previous).length) return;
  // Who no longer asks for it is told so before the port is given up.
  if (!held.every(port => asks(scene, object, port.spec.pool))) return;
  if (held.some(({ metadata }) => isTouched(scene, metadata.name))) return;
  if (before.some(endpoint => !held.some(port => port.status?.endpoint === endpoint))) return;
  const names = held.map(({ metadata }) => metadata.name).join();
  scene.complain(`${nameOf(object)} had ${before}, and now ${now.join() || 'nothing'}, while it holds ${names}`);
}
