import { randomHex } from '../../../runtime/random.ts';
import { arnPrefix, checkArn } from '../arn.ts';
import { targetGroupAttributes } from '../attributes.ts';
import { AwsError, validationError } from '../aws-error.ts';
import type { Action, Context } from '../context.ts';
import type { Input } from '../input.ts';
import { findLoadBalancer, findTargetGroup, isVisible, page } from '../lookup.ts';
import { checkTagCount, readTags } from '../tags.ts';
import { type HealthCheck, isInUse, loadBalancerOf, type Protocol, type TargetGroup, type World } from '../world.ts';
import type { XmlObject } from '../xml.ts';

const named = (_: World, input: Input) => [input.text('TargetGroupArn') ?? '*'];
const all = () => ['*'];

/** Actions of target groups. */
export const targetGroupActions: Record<string, Action> = {
  CreateTargetGroup: {
    bucket: 'mutating',
    resources: (world, input) => [`${arnPrefix(world)}targetgroup/${input.text('Name') ?? ''}/*`],
    run: create,
  },
  DescribeTargetGroups: { bucket: 'describe', resources: all, run: describe },
  ModifyTargetGroup: { bucket: 'mutating', resources: named, run: modify },
  DeleteTargetGroup: { bucket: 'mutating', resources: named, run: remove },
  DescribeTargetGroupAttributes: {
    bucket: 'describe',
    resources: all,
    run: ({ world, input }) => ({
      Attributes: targetGroupAttributes.all(findTargetGroup(world, input.requiredText('TargetGroupArn'))),
    }),
  },
  ModifyTargetGroupAttributes: {
    bucket: 'mutating',
    resources: named,
    run: ({ world, input }) => ({
      Attributes: targetGroupAttributes.modify(findTargetGroup(world, input.requiredText('TargetGroupArn')), input),
    }),
  },
};

const protocols = ['HTTP', 'HTTPS', 'TCP', 'TLS', 'UDP', 'TCP_UDP', 'GENEVE', 'QUIC', 'TCP_QUIC'] as const;
const supported: readonly string[] = ['HTTP', 'HTTPS', 'TCP', 'TLS', 'UDP', 'TCP_UDP'];

function create(context: Context): XmlObject {
  const { world, input, settings } = context;
  const name = input.requiredText('Name');
  if (name.length > 32) throw validationError(`Target group name '${name}' cannot be longer than '32' characters`);
  if (!/^[a-zA-Z0-9-]+$/.test(name))
    throw validationError(
      `Target group name '${name}' can only contain characters that are alphanumeric characters and hyphens(-)`,
    );
  if (name.startsWith('-') || name.endsWith('-'))
    throw validationError(`Target group name '${name}' cannot begin or end with '-'`);
  const targetType = input.choice('TargetType', ['instance', 'ip', 'lambda', 'alb']) ?? 'instance';
  if (targetType === 'lambda')
    throw new AwsError('InvalidConfigurationRequest', 'The emulator has no target groups of type lambda');
  const asked = input.choice('Protocol', protocols);
  if (asked === undefined) throw validationError('A protocol must be specified');
  if (!supported.includes(asked))
    throw new AwsError('InvalidConfigurationRequest', `The emulator has no target groups of protocol ${asked}`);
  const protocol = asked as Protocol;
  const port = input.integer('Port', { min: 1, max: 65535 });
  if (port === undefined) throw validationError('A port must be specified');
  const vpcId = input.text('VpcId');
  if (vpcId === undefined || vpcId === '') throw validationError('A VPC ID must be specified');
  if (vpcId !== 'vpc-1') throw validationError(`The VPC ID '${vpcId}' is not found`);
  if (targetType === 'alb' && protocol !== 'TCP')
    throw new AwsError('InvalidConfigurationRequest', "Target groups of type 'alb' must have the protocol TCP");
  const ipAddressType = input.choice('IpAddressType', ['ipv4', 'ipv6']) ?? 'ipv4';
  const healthCheck = readHealthCheck(input, protocol, undefined);
  const tags = readTags(input);

  const existing = world.targetGroupsByName.get(name);
  if (existing) {
    const same =
      existing.protocol === protocol &&
      existing.port === port &&
      existing.vpcId === vpcId &&
      existing.targetType === targetType &&
      existing.ipAddressType === ipAddressType &&
      JSON.stringify(existing.healthCheck) === JSON.stringify(healthCheck);
    if (same) return { TargetGroups: [fields(existing)] };
    throw new AwsError(
      'DuplicateTargetGroupName',
      `A target group with the same name '${name}' exists, but with different settings`,
    );
  }
  checkTagCount(tags.size, settings['tags-per-resource']);
  if (world.targetGroups.size >= settings['target-groups']) {
    throw new AwsError(
      'TooManyTargetGroups',
      `The maximum number of target groups has been reached: ${settings['target-groups']}`,
    );
  }

  const group: TargetGroup = {
    kind: 'target-group',
    arn: `${arnPrefix(world)}targetgroup/${name}/${randomHex(context.random, 16)}`,
    sequence: ++world.sequence,
    createdMs: context.clock.nowMs(),
    visibleMs: context.clock.monotonicMs() + context.draw(settings['stale-read-delay']),
    tags,
    attributes: new Map(),
    name,
    protocol,
    port,
    vpcId,
    targetType,
    ipAddressType,
    healthCheck,
    targets: new Map(),
    lingering: new Set(),
    listeners: new Set(),
    inUseUntilMs: 0,
  };
  world.targetGroups.set(group.arn, group);
  world.targetGroupsByName.set(name, group);
  return { TargetGroups: [fields(group)] };
}

/** Health check settings: what the call says, else what was there, else AWS's defaults (D, API model). */
function readHealthCheck(input: Input, protocol: Protocol, before: HealthCheck | undefined): HealthCheck {
  const isHttpGroup = protocol === 'HTTP' || protocol === 'HTTPS';
  if (input.boolean('HealthCheckEnabled') === false) {
    throw new AwsError(
      'InvalidConfigurationRequest',
      'Health check enabled must be true for target groups with target type instance, ip or alb',
    );
  }
  const checkProtocol =
    input.choice('HealthCheckProtocol', protocols) ?? before?.protocol ?? (isHttpGroup ? 'HTTP' : 'TCP');
  if (checkProtocol !== 'TCP' && checkProtocol !== 'HTTP' && checkProtocol !== 'HTTPS') {
    throw new AwsError(
      'InvalidConfigurationRequest',
      `Health check protocol '${checkProtocol}' is not supported: it must be TCP, HTTP or HTTPS`,
    );
  }
  if (checkProtocol === 'TCP' && isHttpGroup) {
    throw new AwsError(
      'InvalidConfigurationRequest',
      `Health check protocol 'TCP' is not supported for target groups with protocol '${protocol}'`,
    );
  }
  const isHttp = checkProtocol !== 'TCP';
  const path = input.text('HealthCheckPath', { min: 1, max: 1024 });
  const matcher = input.struct('Matcher')?.text('HttpCode');
  if (!isHttp && (path !== undefined || matcher !== undefined)) {
    throw new AwsError(
      'InvalidConfigurationRequest',
      'Health check path and matcher are not supported for health checks with protocol TCP',
    );
  }
  if (path !== undefined && !path.startsWith('/'))
    throw validationError(`Health check path '${path}' must begin with a '/' character`);
  if (matcher !== undefined) checkMatcher(matcher, isHttpGroup ? 499 : 599);
  const port = input.text('HealthCheckPort') ?? before?.port ?? 'traffic-port';
  if (port !== 'traffic-port' && !(/^\d{1,5}$/.test(port) && Number(port) >= 1 && Number(port) <= 65535)) {
    throw validationError(`Health check port '${port}' must be 'traffic-port' or a number from 1 to 65535`);
  }
  const intervalSeconds =
    input.integer('HealthCheckIntervalSeconds', { min: 5, max: 300 }) ?? before?.intervalSeconds ?? 30;
  const timeoutSeconds =
    input.integer('HealthCheckTimeoutSeconds', { min: 2, max: 120 }) ??
    before?.timeoutSeconds ??
    (checkProtocol === 'HTTP' ? 6 : 10);
  // AWS lets the default time-out shrink with a short interval, and refuses a longer one only where it was asked for.
  const timeoutGiven = input.has('HealthCheckTimeoutSeconds');
  if (timeoutGiven && timeoutSeconds > intervalSeconds) {
    throw validationError(
      `Health check interval must be greater than or equal to the timeout: ${intervalSeconds} is less than ${timeoutSeconds}`,
    );
  }
  return {
    protocol: checkProtocol,
    port,
    path: isHttp ? (path ?? before?.path ?? '/') : undefined,
    intervalSeconds,
    timeoutSeconds: Math.min(timeoutSeconds, Math.max(2, intervalSeconds)),
    healthyThreshold: input.integer('HealthyThresholdCount', { min: 2, max: 10 }) ?? before?.healthyThreshold ?? 5,
    unhealthyThreshold:
      input.integer('UnhealthyThresholdCount', { min: 2, max: 10 }) ?? before?.unhealthyThreshold ?? 2,
    matcher: isHttp ? (matcher ?? before?.matcher ?? (isHttpGroup ? '200' : '200-399')) : undefined,
  };
}

function checkMatcher(matcher: string, maximum: number): void {
  const fine = matcher.split(',').every(part => {
    const [from, to, more] = part.split('-').map(Number);
    const end = to ?? from;
    return /^\d{3}(-\d{3})?$/.test(part) && more === undefined && from! >= 200 && end! <= maximum && from! <= end!;
  });
  if (!fine)
    throw validationError(
      `Health check matcher HTTP code '${matcher}' must be within '200-${maximum}', as 200, 200,202 or 200-299`,
    );
}

function fields(group: TargetGroup): XmlObject {
  const { healthCheck } = group;
  const loadBalancer = loadBalancerOf(group);
  return {
    TargetGroupArn: group.arn,
    TargetGroupName: group.name,
    Protocol: group.protocol,
    Port: group.port,
    VpcId: group.vpcId,
    HealthCheckProtocol: healthCheck.protocol,
    HealthCheckPort: healthCheck.port,
    HealthCheckEnabled: true,
    HealthCheckIntervalSeconds: healthCheck.intervalSeconds,
    HealthCheckTimeoutSeconds: healthCheck.timeoutSeconds,
    HealthyThresholdCount: healthCheck.healthyThreshold,
    UnhealthyThresholdCount: healthCheck.unhealthyThreshold,
    HealthCheckPath: healthCheck.path,
    Matcher: healthCheck.matcher === undefined ? undefined : { HttpCode: healthCheck.matcher },
    LoadBalancerArns: loadBalancer ? [loadBalancer.arn] : [],
    TargetType: group.targetType,
    ProtocolVersion: group.protocol === 'HTTP' || group.protocol === 'HTTPS' ? 'HTTP1' : undefined,
    IpAddressType: group.ipAddressType,
  };
}

function describe(context: Context): XmlObject {
  const { world, input } = context;
  const arns = input.texts('TargetGroupArns') ?? [];
  const names = input.texts('Names') ?? [];
  const loadBalancerArn = input.text('LoadBalancerArn');
  if ((arns.length > 0 ? 1 : 0) + (names.length > 0 ? 1 : 0) + (loadBalancerArn ? 1 : 0) > 1) {
    throw validationError('Only one of target group ARNs, target group names and load balancer ARN can be specified');
  }
  if (arns.length > 20 || names.length > 20)
    throw validationError('The maximum number of target groups that can be specified is 20');
  if (arns.length === 0 && names.length === 0) {
    const { items, nextMarker } = page(
      context,
      loadBalancerArn ? groupsOf(world, loadBalancerArn) : world.targetGroups.values(),
    );
    return { TargetGroups: items.map(fields), NextMarker: nextMarker };
  }
  const found = [
    ...arns.map(arn => world.targetGroups.get(checkArn('target group', arn))),
    ...names.map(name => world.targetGroupsByName.get(name)),
  ];
  if (found.some(group => !group || !isVisible(context, group))) {
    throw new AwsError('TargetGroupNotFound', 'One or more target groups not found');
  }
  return { TargetGroups: [...new Set(found)].map(group => fields(group!)) };
}

function groupsOf(world: World, loadBalancerArn: string): TargetGroup[] {
  const groups = new Set<TargetGroup>();
  for (const listener of findLoadBalancer(world, loadBalancerArn).listeners.values()) {
    for (const { group } of listener.forwards) groups.add(group);
  }
  return [...groups].sort((a, b) => a.sequence - b.sequence);
}

function modify(context: Context): XmlObject {
  const group = findTargetGroup(context.world, context.input.requiredText('TargetGroupArn'));
  const changed = readHealthCheck(context.input, group.protocol, group.healthCheck);
  if (JSON.stringify(changed) !== JSON.stringify(group.healthCheck)) {
    Object.assign(group.healthCheck, changed);
    for (const target of group.targets.values()) context.health.restart(target);
  }
  return { TargetGroups: [fields(group)] };
}

function remove(context: Context): XmlObject {
  const { world, input } = context;
  // A missing one succeeds (D).
  const group = world.targetGroups.get(checkArn('target group', input.requiredText('TargetGroupArn')));
  if (!group) return {};
  if (isInUse(group) || group.inUseUntilMs > context.clock.monotonicMs()) {
    throw new AwsError('ResourceInUse', `Target group '${group.arn}' is currently in use by a listener or a rule`);
  }
  for (const target of [...group.targets.values(), ...group.lingering]) context.dropTarget(group, target, true);
  world.targetGroups.delete(group.arn);
  world.targetGroupsByName.delete(group.name);
  return {};
}
