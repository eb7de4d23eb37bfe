import { parseDurationMs } from '../../api/duration.ts';
import { awsFinalizer, portTag } from '../../api/names.ts';
import type { NLBPort } from '../../api/port.ts';
import type { TargetGroup } from '../../sandbox/elbv2/world.ts';
import type { OperatorCall } from '../world.ts';
import { createArrivals } from './arrivals.ts';
import type { Invariant, Scene } from './invariant.ts';
import { isTouched, ownerOf, ownGroups, ownListeners, placeOf, placesOf, registered } from './sight.ts';

/** A call may arrive this long after what it was for was given up: its age, and that of what its sender believed. */
const inFlightMs = 30_000;

/**
 * When things are quiet, every AWS resource with our tags belongs to an NLBPort that knows it, every target in it is
 * wanted, and every released port is free again. At every moment, were it the last of the process, the next one would know
 * where to look: what is made in AWS was announced on an NLBPort before, and no NLBPort forgets what AWS has, or could go
 * without being asked.
 */
export const noLeak: Invariant = {
  name: 'no leak',
  check(scene) {
    /** When each NLBPort last knew of a place, by both. */
    const knownMs = new Map<string, number>();
    const arrivals = createArrivals(scene);
    /** When each NLBPort last said that resources of it may be in the making. */
    const announcedMs = new Map<string, number>();

    function judgeMade({ body, answer }: OperatorCall, action: string): void {
      const parameters = new URLSearchParams(body);
      const [key] = [...parameters].find(([, value]) => value === portTag) ?? [];
      const owner = parameters.get(key?.replace(/Key$/, 'Value') ?? '') ?? '';
      const { targetGroupArn, listenerArn, creating } = scene.ports.get(owner)?.status ?? {};
      // The answer is about what was there already.
      const known = action === 'CreateListener' ? listenerArn : targetGroupArn;
      if (creating !== undefined || (known !== undefined && answer.includes(known))) return;
      const sinceMs = scene.nowMs() - (announcedMs.get(owner) ?? Number.NEGATIVE_INFINITY);
      if (sinceMs > inFlightMs + scene.stoodStillMs()) scene.complain(`${action} made what ${owner} did not announce`);
    }

    function judgeRegistered({ body }: OperatorCall): void {
      const group = scene.aws().targetGroups.get(new URLSearchParams(body).get('TargetGroupArn') ?? '');
      const owner = group && ownerOf(scene, group);
      if (owner === undefined) return;
      for (const place of placesOf(body)) {
        const isKnown = scene.ports.get(owner)?.status?.targets?.some(target => placeOf(target) === place);
        const sinceMs = scene.nowMs() - (knownMs.get(`${owner} ${place}`) ?? Number.NEGATIVE_INFINITY);
        if (!isKnown && sinceMs > inFlightMs + scene.stoodStillMs())
          scene.complain(`${place} was registered, and ${owner} did not announce it`);
      }
    }

    function judgeForgotten(previous: NLBPort, object: NLBPort): void {
      const { targetGroupArn: arn = '', targets = [] } = previous.status ?? {};
      const group = scene.aws().targetGroups.get(arn);
      const { name } = object.metadata;
      if (!group || isTouched(scene, name)) return;
      if (object.status?.targetGroupArn !== arn && object.status?.creating === undefined) {
        scene.complain(`${name} has forgotten ${arn}, which is there`);
      }
      const known = (object.status?.targets ?? []).map(placeOf);
      const registeredNow = registered(group).map(placeOf);
      for (const place of targets.map(placeOf)) {
        if (known.includes(place) || !registeredNow.includes(place)) continue;
        // A call from before that has only just arrived could not be seen yet; the look that comes later sees it.
        if (arrivals.isNew(arn, place)) continue;
        scene.complain(`${name} has forgotten ${place}, which is registered`);
      }
    }

    function judgeFreed(previous: NLBPort, object: NLBPort): void {
      const { name } = object.metadata;
      if (previous.spec.claim === undefined || object.spec.claim !== undefined || isTouched(scene, name)) return;
      const group = scene.aws().targetGroups.get(object.status?.targetGroupArn ?? '');
      const left = group ? registered(group).map(placeOf) : [];
      if (left.length > 0) scene.complain(`${name} is free, and AWS has ${left.join()} there`);
    }

    return {
      onPort({ key, previous, object }) {
        for (const target of previous?.status?.targets ?? []) knownMs.set(`${key} ${placeOf(target)}`, scene.nowMs());
        if (previous?.status?.creating !== undefined) announcedMs.set(key, scene.nowMs());
        if (object && object.metadata.deletionTimestamp === undefined && !isKept(object)) {
          scene.complain(`${key} has lost its finalizer`);
        }
        if (previous && object && previous.metadata.uid === object.metadata.uid) {
          judgeForgotten(previous, object);
          judgeFreed(previous, object);
        }
      },
      onCall(call, action) {
        arrivals.note(call, action);
        if (call.status === 200 && (action === 'CreateTargetGroup' || action === 'CreateListener'))
          judgeMade(call, action);
        if (call.status === 200 && action === 'RegisterTargets') judgeRegistered(call);
      },
      atRest,
    };

    function atRest(): string[] {
      const wrong: string[] = [];
      const [groups, listeners] = [ownGroups(scene), ownListeners(scene)];
      for (const { group, port } of groups) {
        if (scene.ports.get(port)?.status?.targetGroupArn !== group.arn)
          wrong.push(`${group.arn} is known to no NLBPort`);
      }
      for (const { listener, port } of listeners) {
        if (scene.ports.get(port)?.status?.listenerArn !== listener.arn) {
          wrong.push(`${listener.arn} is known to no NLBPort`);
        }
      }
      for (const [name, { spec, status }] of scene.ports) {
        if (spec.claim?.releasedAt !== undefined) wrong.push(`${name} is not free again`);
        if (spec.claim === undefined && !spec.warm && (status?.targetGroupArn ?? status?.listenerArn) !== undefined) {
          wrong.push(`${name} is cold and has resources in AWS`);
        }
        const group = groups.find(({ port }) => port === name)?.group;
        const listener = listeners.find(({ port }) => port === name)?.listener;
        if (status?.targetGroupArn !== group?.arn)
          wrong.push(`${name} counts on ${status?.targetGroupArn}, which is gone`);
        if (status?.listenerArn !== listener?.arn)
          wrong.push(`${name} counts on ${status?.listenerArn}, which is gone`);
        if (listener && listener.forwards[0]?.group !== group) wrong.push(`${name} forwards to another target group`);
        if (group) wrong.push(...unlikePool(scene, group, name, spec.pool));
        const there = group ? registered(group).map(placeOf).toSorted() : [];
        const wanted = (spec.targets ?? []).map(placeOf).toSorted();
        if (there.join() !== wanted.join()) wrong.push(`${name} has targets [${there}] in AWS, wanted [${wanted}]`);
        const known = (status?.targets ?? []).map(placeOf).toSorted();
        if (known.join() !== wanted.join()) wrong.push(`${name} knows of targets [${known}], wanted [${wanted}]`);
      }
      return wrong;
    }
  },
};

function isKept({ metadata }: NLBPort): boolean {
  return metadata.finalizers?.includes(awsFinalizer) === true;
}

/** What of a target group is not as its pool has it. */
function unlikePool(scene: Scene, { attributes, healthCheck }: TargetGroup, name: string, poolName: string): string[] {
  const pool = scene.pools.get(poolName);
  if (!pool || pool.metadata.deletionTimestamp !== undefined) return [];
  const seconds = (duration: string) => String(parseDurationMs(duration) / 1_000);
  const pairs = [
    ['drain', attributes.get('deregistration_delay.timeout_seconds'), seconds(pool.spec.targets.deregistrationDelay)],
    ['cross-zone', attributes.get('load_balancing.cross_zone.enabled'), 'true'],
    ['check interval', String(healthCheck.intervalSeconds), seconds(pool.spec.healthCheck.interval)],
  ];
  return pairs
    .filter(([, is, wanted]) => is !== wanted)
    .map(([what, is, wanted]) => `the target group of ${name} has ${what} ${is}, ${wanted} wanted`);
}
