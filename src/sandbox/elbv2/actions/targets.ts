import { isIPv6 } from 'node:net';
import { ipv4Number, parseCidr } from '../../network-map.ts';
import { checkArn } from '../arn.ts';
import { targetGroupAttributes } from '../attributes.ts';
import { AwsError, validationError } from '../aws-error.ts';
import type { Action, Context } from '../context.ts';
import type { Input } from '../input.ts';
import { findTargetGroup } from '../lookup.ts';
import { isInUse, loadBalancerOf, type Target, type TargetGroup, targetKey, type World } from '../world.ts';
import type { XmlObject } from '../xml.ts';
import { checkTargetCounts } from './listeners.ts';

const named = (_: World, input: Input) => [input.text('TargetGroupArn') ?? '*'];

/** Actions of targets. */
export const targetActions: Record<string, Action> = {
  RegisterTargets: { bucket: 'registration', resources: named, run: register },
  DeregisterTargets: { bucket: 'registration', resources: named, run: deregister },
  DescribeTargetHealth: { bucket: 'describe', resources: () => ['*'], run: describeHealth },
};

interface Description {
  id: string;
  port: number;
  zone: string | undefined;
}

function readTargets(input: Input, group: TargetGroup): Description[] {
  return (input.structs('Targets') ?? []).map(target => ({
    id: target.requiredText('Id'),
    port: target.integer('Port', { min: 1, max: 65535 }) ?? group.port,
    zone: target.text('AvailabilityZone'),
  }));
}

function register(context: Context): XmlObject {
  const { input, settings } = context;
  const group = findTargetGroup(context.world, input.requiredText('TargetGroupArn'));
  const wanted = readTargets(input, group);
  if (wanted.length === 0) throw validationError('At least one target must be specified');
  for (const target of wanted) checkTarget(context, group, target);

  const added = new Map<string, Description>();
  for (const target of wanted) {
    const existing = group.targets.get(targetKey(target.id, target.port));
    if (!existing || existing.draining) added.set(targetKey(target.id, target.port), target);
  }
  // Registering what is registered changes nothing, so it can't break a quota either.
  if (added.size > 0) checkQuotas(context, group, added);
  for (const [key, { id, port, zone }] of added) {
    const before = group.targets.get(key);
    const target: Target = {
      group,
      id,
      port,
      zone,
      visibleMs: context.clock.monotonicMs() + context.draw(settings['stale-read-delay']),
      health: 'initial',
      reason: undefined,
      description: undefined,
      unhealthyDrainingUntilMs: 0,
      successes: 0,
      failures: 0,
      registeredMs: context.clock.monotonicMs() + context.draw(settings['registration-delay']),
      flowingMs: Number.POSITIVE_INFINITY,
      draining: undefined,
      checkTimer: undefined,
      checkRound: 0,
      // Flows that a draining registration still had go on with the new one.
      flows: before?.flows ?? new Set(),
    };
    if (before) context.dropTarget(group, before, false);
    for (const old of group.lingering) if (targetKey(old.id, old.port) === key) context.dropTarget(group, old, false);
    group.targets.set(key, target);
    if (isInUse(group)) context.health.start(target);
  }
  return {};
}

function checkQuotas(context: Context, group: TargetGroup, added: ReadonlyMap<string, Description>): void {
  const limit = context.settings['targets-per-target-group'];
  let present = added.size;
  // Only a group that could be over the limit has to be counted through.
  if (group.targets.size + added.size > limit) {
    for (const target of group.targets.values()) if (!target.draining) present++;
    if (present > limit) {
      throw new AwsError(
        'TooManyTargets',
        `The maximum number of targets has been reached for target group '${group.arn}': ${limit}`,
      );
    }
  }
  const loadBalancer = loadBalancerOf(group);
  if (loadBalancer)
    checkTargetCounts(
      context,
      loadBalancer,
      new Set(),
      [...added.values()].map(({ id }) => ({ group, id })),
    );
}

// The ranges that AWS allows outside the VPC (D, RegisterTargets), and loopback, which is where a sandbox has its servers.
const allowedNetworks = ['10.0.0.0/8', '172.16.0.0/12', '192.168.0.0/16', '100.64.0.0/10', '127.0.0.0/8'].map(
  text => parseCidr(text)!,
);

function checkTarget(context: Context, group: TargetGroup, { id, zone }: Description): void {
  if (group.targetType === 'instance') {
    if (!/^i-[0-9a-f]{8,17}$/.test(id))
      throw new AwsError('InvalidTarget', `The following targets are not valid instance IDs: '${id.slice(0, 100)}'`);
    return;
  }
  if (group.targetType === 'alb') {
    const target = context.world.loadBalancers.get(checkArn('load balancer', id));
    if (target?.type !== 'application')
      throw new AwsError('InvalidTarget', `The following targets are not Application Load Balancers: '${id}'`);
    return;
  }
  if (group.ipAddressType === 'ipv6') {
    if (!isIPv6(id)) throw validationError(`The IP address '${id.slice(0, 100)}' is not a valid IPv6 address`);
  } else {
    const address = ipv4Number(id);
    if (address === undefined)
      throw validationError(`The IP address '${id.slice(0, 100)}' is not a valid IPv4 address`);
    const inside = allowedNetworks.some(
      ({ base, bits }) => (bits === 0 ? 0 : (address & (0xffffffff << (32 - bits))) >>> 0) === base,
    );
    if (!inside)
      throw new AwsError(
        'InvalidTarget',
        `The following targets are outside of the VPC and of the private address ranges: '${id}'`,
      );
  }
  if (zone !== undefined && zone !== 'all' && !zone.startsWith(context.world.region)) {
    throw validationError(`The Availability Zone '${zone.slice(0, 100)}' is not in region '${context.world.region}'`);
  }
}

function deregister(context: Context): XmlObject {
  const { input, clock, settings } = context;
  const group = findTargetGroup(context.world, input.requiredText('TargetGroupArn'));
  const wanted = readTargets(input, group);
  if (wanted.length === 0) throw validationError('At least one target must be specified');
  for (const { id, port } of wanted) {
    const target = group.targets.get(targetKey(id, port));
    // "If the specified target does not exist, the action returns successfully" (D).
    if (!target || target.draining) continue;
    if (!isInUse(group)) {
      context.dropTarget(group, target, true);
      continue;
    }
    context.health.stop(target);
    const delayMs = Number(targetGroupAttributes.value(group, 'deregistration_delay.timeout_seconds')) * 1000;
    const newFlowsMs = context.draw(settings['deregistration-delay']);
    target.draining = {
      newFlowsUntilMs: clock.monotonicMs() + newFlowsMs,
      endTimer: clock.after(delayMs, () => {
        endDraining(context, group, target);
      }),
    };
  }
  return {};
}

/** The deregistration delay is over: flows end where the group says so, though new ones may still arrive for a while. */
function endDraining(context: Context, group: TargetGroup, target: Target): void {
  const endFlows = targetGroupAttributes.value(group, 'deregistration_delay.connection_termination.enabled') === 'true';
  const { newFlowsUntilMs } = target.draining!;
  context.dropTarget(group, target, endFlows);
  const leftMs = newFlowsUntilMs - context.clock.monotonicMs();
  if (leftMs <= 0) return;
  group.lingering.add(target);
  target.draining = {
    newFlowsUntilMs,
    endTimer: context.clock.after(leftMs, () => context.dropTarget(group, target, endFlows)),
  };
}

function describeHealth(context: Context): XmlObject {
  const { input } = context;
  const group = findTargetGroup(context.world, input.requiredText('TargetGroupArn'));
  const asked = input.has('Targets') ? readTargets(input, group) : [];
  const nowMs = context.clock.monotonicMs();
  const shown =
    asked.length > 0
      ? asked.map(description => {
          const target = group.targets.get(targetKey(description.id, description.port));
          return target && target.visibleMs <= nowMs ? target : description;
        })
      : [...group.targets.values()].filter(target => target.visibleMs <= nowMs);
  return { TargetHealthDescriptions: shown.map(target => describeTarget(context, group, target)) };
}

function describeTarget(context: Context, group: TargetGroup, target: Target | Description): XmlObject {
  return {
    Target: {
      Id: target.id,
      Port: target.port,
      AvailabilityZone: group.targetType === 'ip' ? (target.zone ?? `${context.world.region}a`) : undefined,
    },
    HealthCheckPort: group.healthCheck.port === 'traffic-port' ? String(target.port) : group.healthCheck.port,
    TargetHealth: healthFields(context, group, target),
  };
}

function healthFields(context: Context, group: TargetGroup, target: Target | Description): XmlObject {
  if (!('health' in target)) {
    return {
      State: 'unused',
      Reason: 'Target.NotRegistered',
      Description: 'Target is not registered to the target group',
    };
  }
  if (target.draining) {
    return {
      State: 'draining',
      Reason: 'Target.DeregistrationInProgress',
      Description: 'Target deregistration is in progress',
    };
  }
  if (!isInUse(group)) {
    return {
      State: 'unused',
      Reason: 'Target.NotInUse',
      Description: 'Target group is not configured to receive traffic from the load balancer',
    };
  }
  if (target.health === 'healthy') return { State: 'healthy' };
  if (target.health === 'initial') {
    return target.registeredMs > context.clock.monotonicMs()
      ? { State: 'initial', Reason: 'Elb.RegistrationInProgress', Description: 'Target registration is in progress' }
      : { State: 'initial', Reason: 'Elb.InitialHealthChecking', Description: 'Initial health checks in progress' };
  }
  if (target.health === 'unavailable') {
    return { State: 'unavailable', Reason: target.reason, Description: target.description };
  }
  const isDraining = target.unhealthyDrainingUntilMs > context.clock.monotonicMs();
  return {
    State: isDraining ? 'unhealthy.draining' : 'unhealthy',
    Reason: target.reason,
    Description: target.description,
  };
}
