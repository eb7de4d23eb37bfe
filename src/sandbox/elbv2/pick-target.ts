import { targetGroupAttributes } from './attributes.ts';
import type { Forward, Target, TargetGroup } from './world.ts';

/** What tells one flow from another: who sends, and which zone of the load balancer it came in by. */
export interface FlowKey {
  readonly clientHost: string;
  readonly clientPort: number;
  readonly protocol: 'tcp' | 'udp';
  /** The zone whose address was used. */
  readonly zone: string;
  /** True where targets of other zones may be used too, by the load balancer's own attribute. */
  readonly crossZone: boolean;
}

/**
 * The target of a new flow, by the flow's hash, so that the same client comes out at the same target while nothing
 * changes. Undefined where no target can take it. Fails open (D): with fewer healthy targets than
 * `unhealthy_state_routing` asks for, all that are registered take part.
 */
export function pickTarget(forwards: readonly Forward[], key: FlowKey, nowMs: number): Target | undefined {
  const group = pickGroup(forwards, key);
  // Only addresses can be dialled: instances and other load balancers have none here.
  if (group?.targetType !== 'ip') return undefined;
  const attribute = (name: string) => targetGroupAttributes.value(group, name);
  const own = attribute('load_balancing.cross_zone.enabled');
  const crossZone = own === 'use_load_balancer_configuration' ? key.crossZone : own === 'true';

  const present: Target[] = [];
  let healthy = 0;
  for (const target of group.lingering.size > 0
    ? [...group.targets.values(), ...group.lingering]
    : group.targets.values()) {
    if (target.registeredMs > nowMs || (target.draining && target.draining.newFlowsUntilMs <= nowMs)) continue;
    if (!crossZone && target.zone !== undefined && target.zone !== 'all' && target.zone !== key.zone) continue;
    present.push(target);
    if (target.health === 'healthy') healthy++;
  }
  const count = Number(attribute('target_group_health.unhealthy_state_routing.minimum_healthy_targets.count'));
  const percentage = attribute('target_group_health.unhealthy_state_routing.minimum_healthy_targets.percentage');
  const enough = Math.max(count, percentage === 'off' ? 0 : Math.ceil((Number(percentage) / 100) * present.length));
  const failsOpen = healthy < Math.min(enough, present.length);
  const candidates = present.filter(target =>
    target.health === 'healthy' ? target.flowingMs <= nowMs : failsOpen && target.health !== 'initial',
  );
  if (candidates.length <= 1) return candidates[0];

  const bySource = attribute('stickiness.enabled') === 'true';
  return highestScore(candidates, `${key.clientHost} ${bySource ? '' : `${key.clientPort} ${key.protocol}`}`);
}

function pickGroup(forwards: readonly Forward[], key: FlowKey): TargetGroup | undefined {
  if (forwards.length === 1) return forwards[0]!.group;
  const total = forwards.reduce((sum, { weight }) => sum + weight, 0);
  if (total === 0) return undefined;
  let point = hash(`${key.clientHost} ${key.clientPort} ${key.protocol} group`) % total;
  for (const { group, weight } of forwards) {
    if (point < weight) return group;
    point -= weight;
  }
  return undefined;
}

/** Rendezvous hashing: a target that comes or goes moves only the flows that it has to. */
function highestScore(candidates: readonly Target[], flow: string): Target {
  let best = candidates[0]!;
  let bestScore = -1;
  for (const target of candidates) {
    const score = hash(`${flow} ${target.id} ${target.port}`);
    if (score > bestScore) {
      bestScore = score;
      best = target;
    }
  }
  return best;
}

/** FNV-1a with a final mix, 32 bits. */
function hash(text: string): number {
  let value = 0x811c9dc5;
  for (let index = 0; index < text.length; index++) value = Math.imul(value ^ text.charCodeAt(index), 0x01000193);
  value = Math.imul(value ^ (value >>> 16), 0x85ebca6b);
  value = Math.imul(value ^ (value >>> 13), 0xc2b2ae35);
  return (value ^ (value >>> 16)) >>> 0;
}
