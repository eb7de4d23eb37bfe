import type { LoadBalancer, TargetGroup } from '../../sandbox/elbv2/world.ts';
import type { Invariant, Scene } from './invariant.ts';
import { ownerOf, placeOf } from './sight.ts';

const allowed = new Set([
  'CreateTargetGroup',
  'ModifyTargetGroup',
  'ModifyTargetGroupAttributes',
  'DeleteTargetGroup',
  'CreateListener',
  'ModifyListener',
  'DeleteListener',
  'RegisterTargets',
  'DeregisterTargets',
]);

/**
 * No call changes a load balancer that we did not make, nor a listener or target group that is not ours by tag: only
 * the calls that the product needs are made, and what belongs to others is the same after each as it was before.
 */
export const handsOff: Invariant = {
  name: 'hands off',
  check(scene) {
    /** What belongs to others, as a person last left it. */
    let others = describeOthers(scene);
    return {
      onCall({ body }, action) {
        if (action.startsWith('Describe')) {
          others = describeOthers(scene);
          return;
        }
        if (!allowed.has(action)) scene.complain(`${action} is no call of ours`);
        const named = new Set([...new URLSearchParams(body).values()].filter(value => value.startsWith('arn:')));
        const now = describeOthers(scene);
        for (const [arn, before] of others) {
          // A person may have changed it since; only what the call names can be its doing.
          if (named.has(arn) && now.get(arn) !== before) scene.complain(`${action} changed ${arn}, which is not ours`);
        }
        others = now;
      },
    };
  },
};

/** Each resource of others as text; what listens on a load balancer is no part of it. */
function describeOthers(scene: Scene): Map<string, string> {
  const { loadBalancers, targetGroups, listeners } = scene.aws();
  const found = new Map<string, string>();
  for (const loadBalancer of loadBalancers.values()) found.set(loadBalancer.arn, loadBalancerText(loadBalancer));
  for (const group of targetGroups.values()) {
    if (ownerOf(scene, group) === undefined) found.set(group.arn, groupText(group));
  }
  for (const listener of listeners.values()) {
    if (ownerOf(scene, listener) !== undefined) continue;
    const { port, protocol, tags, attributes } = listener;
    const forwards = listener.forwards.map(({ group }) => group.arn);
    found.set(listener.arn, JSON.stringify([port, protocol, forwards, [...tags], [...attributes]]));
  }
  return found;
}

function loadBalancerText({ securityGroups, zones, ipAddressType, tags, attributes }: LoadBalancer): string {
  const subnets = zones.map(({ subnet }) => subnet);
  return JSON.stringify([securityGroups, subnets, ipAddressType, [...tags], [...attributes]]);
}

function groupText({ healthCheck, targets, tags, attributes }: TargetGroup): string {
  return JSON.stringify([healthCheck, [...targets.values()].map(placeOf), [...tags], [...attributes]]);
}
