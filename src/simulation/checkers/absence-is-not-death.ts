import type { NLBPort } from '../../api/port.ts';
import { isForeign } from '../../controllers/port-context.ts';
import { isConflict } from '../../core/allocate.ts';
import type { Change, Claimant, Invariant } from './invariant.ts';
import {
  asks,
  claimantOf,
  committed,
  endpointOf,
  endpointsOf,
  isHeldBy,
  isPod,
  isTouched,
  nameOfPort,
  wishOf,
} from './sight.ts';

/** A release may be on its way for this long after the reason for it has gone: the time-out of a request, and its delay. */
const inFlightMs = 30_000;

/**
 * A failed or partial listing, of pods, ports, load balancers or AWS, never releases or deletes anything: no port is
 * taken from a pod that lives and asks for it, no listener or target group goes from under a published endpoint, and no
 * load balancer that is there leaves a pool that names it.
 */
export const absenceIsNotDeath: Invariant = {
  name: 'absence is not death',
  check(scene) {
    /** When each pod last did not ask for a port of the pool that it has. */
    const notAskedMs = new Map<string, number>();
    /** When each NLBPort was last in conflict with somebody else's resources. */
    const conflictMs = new Map<string, number>();
    /** When each NLBPort was last one to go. */
    const retiredMs = new Map<string, number>();
    /** When each claimant last committed to ports. */
    const committedMs = new Map<string, number>();
    /** Since when each pod is ready. */
    const readySinceMs = new Map<string, number>();
    const isRecent = (atMs: number | undefined) => atMs !== undefined && scene.nowMs() - atMs <= inFlightMs;

    function judgeLoss(port: NLBPort): void {
      const { claim, pool } = port.spec;
      if (!claim || claim.releasedAt !== undefined) return;
      const pod = claimantOf(scene, claim.uid);
      if (!pod || !asks(scene, pod, pool) || isRecent(notAskedMs.get(claim.uid))) return;
      // A port that the pod did not commit to is one too many.
      if (!committed(pod).includes(port.metadata.name) || isRecent(conflictMs.get(port.metadata.name))) return;
      // Another process may undo what it saw bound and not committed, until it is served: then the commit is void.
      const isServing = claim.exposed && (port.spec.targets ?? []).length > 0;
      if (!isServing && isRecent(committedMs.get(claim.uid))) return;
      // Of several that are one short, none is of use.
      const isWhole = committed(pod).every(
        name => name === port.metadata.name || isHeldBy(scene.ports.get(name), claim.uid),
      );
      if (!isWhole) return;
      // Its load balancer has left the pool before the port was ever made: nobody was promised it.
      if (isRecent(retiredMs.get(port.metadata.name)) && endpointOf(pod) === undefined) return;
      if (isTouched(scene, port.metadata.name)) return;
      scene.complain(`${port.metadata.name} was taken from ${claim.name} (${claim.uid}), which lives and asks for it`);
    }

    function noteAsking({ previous, object }: Change<Claimant>): void {
      if (!object?.metadata.uid) return;
      if (committed(object).join() !== committed(previous).join()) committedMs.set(object.metadata.uid, scene.nowMs());
      const held = [...scene.ports.values()].find(({ spec }) => spec.claim?.uid === object.metadata.uid);
      if (!asks(scene, object, held?.spec.pool)) notAskedMs.set(object.metadata.uid, scene.nowMs());
    }

    /** No pod that was ready all the time is taken out from behind a Service. */
    function judgeTargets(previous: NLBPort, object: NLBPort): void {
      const { claim } = object.spec;
      const service = claimantOf(scene, claim?.uid);
      if (!claim || claim.releasedAt !== undefined || !service || isPod(service) || !asks(scene, service)) return;
      // Nobody is behind a port that the Service no longer has.
      const isWished = wishOf(service).some(
        ({ name, number }) => name === nameOfPort(service, object) || number === object.spec.port,
      );
      if (!isWished) return;
      const left = new Set((object.spec.targets ?? []).map(({ ip }) => ip));
      for (const target of previous.spec.targets ?? []) {
        if (left.has(target.ip)) continue;
        const pod = [...scene.pods.values()].find(({ status }) => status?.podIP === target.ip);
        const sinceMs = readySinceMs.get(pod?.metadata.uid ?? '');
        const isBehind = Object.entries(service.spec.selector ?? {}).every(
          ([key, value]) => pod?.metadata.labels?.[key] === value,
        );
        if (!isBehind || sinceMs === undefined || isRecent(sinceMs)) continue;
        scene.complain(`${pod?.metadata.name} was taken out of ${object.metadata.name}, and is ready all the time`);
      }
    }

    return {
      onPod(change) {
        noteAsking(change);
        const { previous, object } = change;
        const { uid = '' } = (object ?? previous)!.metadata;
        const isReady =
          object?.metadata.deletionTimestamp === undefined &&
          object?.status?.conditions?.some(({ type, status }) => type === 'Ready' && status === 'True');
        if (!isReady) readySinceMs.delete(uid);
        else if (!readySinceMs.has(uid)) readySinceMs.set(uid, scene.nowMs());
      },
      onService: noteAsking,
      onPort({ key, previous, object }) {
        const pool = scene.pools.get(object?.spec.pool ?? '');
        if (object && (isConflict(object) || (pool && isForeign(object, pool)))) conflictMs.set(key, scene.nowMs());
        if (previous?.spec.retire || object?.spec.retire) retiredMs.set(key, scene.nowMs());
        const [was, is] = [previous?.spec.claim, object?.spec.claim];
        if (previous && was && (is === undefined || (is.uid === was.uid && is.releasedAt !== undefined))) {
          judgeLoss(previous);
        }
        if (previous && object && was?.uid === is?.uid) judgeTargets(previous, object);
      },
      onPool({ key, previous, object }) {
        if (object) {
          for (const port of scene.ports.values()) {
            if (port.spec.pool === key && isForeign(port, object)) conflictMs.set(port.metadata.name, scene.nowMs());
          }
        }
        if (!object || object.metadata.deletionTimestamp !== undefined) return;
        for (const { arn } of previous?.status?.loadBalancers ?? []) {
          if (object.status?.loadBalancers?.some(entry => entry.arn === arn)) continue;
          const loadBalancer = scene.aws().loadBalancers.get(arn);
          const isWished = object.spec.loadBalancers.some(
            choice =>
              choice.arn === arn ||
              (choice.tags !== undefined &&
                Object.entries(choice.tags).every(([name, value]) => loadBalancer?.tags.get(name) === value)),
          );
          if (loadBalancer && isWished) scene.complain(`${arn} left ${key} while it is there`);
        }
      },
      onCall({ body, status }, action) {
        if (status !== 200 || (action !== 'DeleteListener' && action !== 'DeleteTargetGroup')) return;
        const arn = new URLSearchParams(body).get(action === 'DeleteListener' ? 'ListenerArn' : 'TargetGroupArn');
        for (const port of scene.ports.values()) {
          if (arn !== port.status?.listenerArn && arn !== port.status?.targetGroupArn) continue;
          if (isTouched(scene, port.metadata.name)) continue;
          const pod = claimantOf(scene, port.spec.claim?.uid);
          const isHeld = port.spec.claim !== undefined && port.spec.claim.releasedAt === undefined;
          if (isHeld && endpointsOf(pod).includes(port.status?.endpoint ?? 'none')) {
            scene.complain(`${action} took ${arn} from under ${port.spec.claim?.name} on ${port.metadata.name}`);
          }
        }
      },
    };
  },
};
