import { parseDurationMs } from '../../api/duration.ts';
import type { NLBPort, PortClaim } from '../../api/port.ts';
import type { Target, TargetGroup } from '../../sandbox/elbv2/world.ts';
import type { OperatorCall } from '../world.ts';
import type { Invariant } from './invariant.ts';
import { claimantOf, groupBehind, isPod, isTouched, ownerOf, ownGroups, placeOf, placesOf } from './sight.ts';

/** A claimant that has, or had, a port, and every place to which the port was to lead for it. */
interface Tenancy {
  claim: PortClaim;
  places: Set<string>;
  /** The shortest quarantine that its pool asked for while it had the port. */
  quarantineMs: number;
  sinceMs: number;
  /** Places that were registered so soon after it began that the call may have been of before; of namesakes before it, too. */
  late: Set<string>;
}

/**
 * After a port is rebound, nothing sent to it reaches the former claimant's pod or the reverse: what its load balancer
 * holds for it never names a place that was only ever another claimant's, and it is free again only when the pool's
 * quarantine has passed since AWS held nothing of the last claimant.
 */
export const noMisrouting: Invariant = {
  name: 'no misrouting by rebind',
  check(scene) {
    const tenancies = new Map<string, Tenancy[]>();
    /** When AWS was last seen to hold a target of the port that a claimant of it had. */
    const heldUntilMs = new Map<string, number>();

    function note(port: NLBPort): void {
      const { claim, targets = [], pool } = port.spec;
      if (!claim) return;
      const { name } = port.metadata;
      const all = tenancies.get(name) ?? [];
      tenancies.set(name, all);
      let last = all.at(-1);
      const quarantineMs = parseDurationMs(scene.pools.get(pool)?.spec.release.quarantine ?? '0s');
      if (last?.claim.uid !== claim.uid) {
        const isNamesake = last?.claim.namespace === claim.namespace && last.claim.name === claim.name;
        const late = new Set(isNamesake ? last?.late : []);
        last = { claim, places: new Set(), quarantineMs, sinceMs: scene.nowMs(), late };
        all.push(last);
      }
      last.quarantineMs = Math.min(last.quarantineMs, quarantineMs);
      for (const target of targets) last.places.add(placeOf(target));
    }

    function noteHeld(name: string, group: TargetGroup): void {
      const all = tenancies.get(name) ?? [];
      const isHeld = [...group.targets.values()].some(target => isSomebodys(all, target));
      if (isHeld) heldUntilMs.set(name, scene.nowMs());
    }

    /** A target that the port's holder never had, and a former one did. */
    function judgeTarget(port: NLBPort, target: Target): void {
      const { claim } = port.spec;
      if (!claim || claim.releasedAt !== undefined) return;
      const place = placeOf(target);
      const all = tenancies.get(port.metadata.name) ?? [];
      const own = all.at(-1);
      const holder = claimantOf(scene, claim.uid);
      if (own?.places.has(place) || (holder && isPod(holder) && holder.status?.podIP === target.id)) return;
      const former = all.slice(0, -1).findLast(({ places }) => places.has(place));
      if (!former) return;
      const isNamesake = former.claim.namespace === claim.namespace && former.claim.name === claim.name;
      // A Service that comes back under its name has the pods of before behind it; at rest they are judged one by one.
      if (isNamesake && claim.kind === 'Service') return;
      // It has its port back without a quarantine, so a call for its predecessor may arrive late; at rest nothing of it is there.
      if (isNamesake && own?.late.has(place)) return;
      // A namesake that takes its endpoint back may find its own old target on its way out, nobody else.
      if (isNamesake && target.draining) return;
      const others = [...target.group.targets.values()].filter(other => other !== target && !other.draining);
      if (isNamesake && !others.some(other => isSomebodys(all, other))) return;
      scene.complain(
        `${port.metadata.name} belongs to ${claim.name} (${claim.uid}), and AWS has ${place} of ${former.claim.name} (${former.claim.uid})${target.draining ? ', draining' : ''}`,
      );
    }

    function noteLate({ body }: OperatorCall): void {
      const group = scene.aws().targetGroups.get(new URLSearchParams(body).get('TargetGroupArn') ?? '');
      const last = tenancies.get((group && ownerOf(scene, group)) ?? '')?.at(-1);
      if (!last || scene.nowMs() - last.sinceMs > scene.lateCallMs) return;
      for (const place of placesOf(body)) last.late.add(place);
    }

    function judgeBehind(port: NLBPort): void {
      const { name } = port.metadata;
      const group = groupBehind(scene, port);
      // Who points a listener at another port's group leads people to whoever is there; at rest it points at its own.
      if (!group || (isTouched(scene, name) && ownerOf(scene, group) !== name)) return;
      for (const target of group.targets.values()) judgeTarget(port, target);
    }

    function judgeAll(): void {
      for (const { group, port: name } of ownGroups(scene)) {
        if (group.targets.size === 0) continue;
        noteHeld(name, group);
        const port = scene.ports.get(name);
        if (port) for (const target of group.targets.values()) judgeTarget(port, target);
      }
      for (const port of scene.ports.values()) judgeBehind(port);
    }

    function judgeQuarantine({ metadata: { name } }: NLBPort, was: PortClaim): void {
      // What a late call registered, and a person took out again before anybody saw it, counts for nobody.
      if (!was.exposed || was.releasedAt === undefined || isTouched(scene, name)) return;
      const all = tenancies.get(name) ?? [];
      const last = all.at(-1);
      if (!last || last.places.size === 0) return;
      const emptyMs = scene.nowMs() - (heldUntilMs.get(name) ?? Number.NEGATIVE_INFINITY);
      if (emptyMs < last.quarantineMs - scene.skewMs) {
        scene.complain(
          `${name} is free ${emptyMs} ms after AWS last had a target of ${was.name}, ${last.quarantineMs} ms wanted`,
        );
      }
    }

    return {
      onPort({ previous, object }) {
        for (const { group, port } of ownGroups(scene)) noteHeld(port, group);
        if (object) note(object);
        const was = previous?.spec.claim;
        if (was && object && object.spec.claim?.uid !== was.uid && !isNamesakeOf(was, object.spec.claim)) {
          judgeQuarantine(object, was);
        }
        if (object) judgeBehind(object);
      },
      onPool({ object }) {
        for (const port of scene.ports.values()) if (port.spec.pool === object?.metadata.name) note(port);
      },
      onCall(call, action) {
        if (action === 'RegisterTargets') noteLate(call);
        judgeAll();
      },
    };
  },
};

/** Whether a claimant ever had the target: what a person put there was nobody's. */
function isSomebodys(all: readonly Tenancy[], target: Target): boolean {
  return all.some(({ places }) => places.has(placeOf(target)));
}

function isNamesakeOf(was: PortClaim, is: PortClaim | undefined): boolean {
  return is !== undefined && is.namespace === was.namespace && is.name === was.name && is.kind === was.kind;
}
