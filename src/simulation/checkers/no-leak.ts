import type { Invariant } from './invariant.ts';
import { ownGroups, ownListeners, placeOf, registered } from './sight.ts';

/**
 * When things are quiet, every AWS resource with our tags belongs to an NLBPort that knows it, every target in it is
 * wanted, and every released port is free again.
 */
export const noLeak: Invariant = {
  name: 'no leak',
  check: scene => ({
    atRest() {
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
        const there = group ? registered(group).map(placeOf).toSorted() : [];
        const wanted = (spec.targets ?? []).map(placeOf).toSorted();
        if (there.join() !== wanted.join()) wrong.push(`${name} has targets [${there}] in AWS, wanted [${wanted}]`);
        const known = (status?.targets ?? []).map(placeOf).toSorted();
        if (known.join() !== wanted.join()) wrong.push(`${name} knows of targets [${known}], wanted [${wanted}]`);
      }
      return wrong;
    },
  }),
};
