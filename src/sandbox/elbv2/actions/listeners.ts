import { randomHex } from '../../../runtime/random.ts';
import { arnPrefix, checkArn } from '../arn.ts';
import { listenerAttributes, loadBalancerAttributes, targetGroupAttributes } from '../attributes.ts';
import { AwsError, validationError } from '../aws-error.ts';
import type { Action, Context } from '../context.ts';
import type { Input } from '../input.ts';
import { findListener, findLoadBalancer, findTargetGroup, isVisible, page } from '../lookup.ts';
import { checkTagCount, readTags } from '../tags.ts';
import {
  type Forward,
  isInUse,
  type Listener,
  type LoadBalancer,
  loadBalancerOf,
  type Protocol,
  type TargetGroup,
  type World,
} from '../world.ts';
import type { XmlObject } from '../xml.ts';

const named = (_: World, input: Input) => [input.text('ListenerArn') ?? '*'];
const all = () => ['*'];

/** Actions of listeners. */
export const listenerActions: Record<string, Action> = {
  // Authorised on the load balancer (D, Service Authorization Reference).
  CreateListener: { bucket: 'mutating', resources: (_, input) => [input.text('LoadBalancerArn') ?? '*'], run: create },
  DescribeListeners: { bucket: 'describe', resources: all, run: describe },
  ModifyListener: { bucket: 'mutating', resources: named, run: modify },
  DeleteListener: { bucket: 'mutating', resources: named, run: remove },
  DescribeListenerAttributes: {
    bucket: 'describe',
    resources: all,
    run: ({ world, input }) => ({
      Attributes: listenerAttributes.all(findListener(world, input.requiredText('ListenerArn'))),
    }),
  },
  ModifyListenerAttributes: {
    bucket: 'mutating',
    resources: named,
    run: ({ world, input }) => ({
      Attributes: listenerAttributes.modify(findListener(world, input.requiredText('ListenerArn')), input),
    }),
  },
};

const protocols = ['HTTP', 'HTTPS', 'TCP', 'TLS', 'UDP', 'TCP_UDP', 'GENEVE', 'QUIC', 'TCP_QUIC'] as const;

/** Which target group protocols a listener may forward to (D, NLB guide, "Listener configuration"). */
const compatible: Record<Protocol, readonly Protocol[]> = {
  TCP: ['TCP', 'TCP_UDP'],
  UDP: ['UDP', 'TCP_UDP'],
  TCP_UDP: ['TCP_UDP'],
  TLS: ['TCP', 'TLS'],
  HTTP: ['HTTP', 'HTTPS'],
  HTTPS: ['HTTP', 'HTTPS'],
};

async function create(context: Context): Promise<XmlObject> {
  const { world, input, settings } = context;
  const loadBalancer = findLoadBalancer(world, input.requiredText('LoadBalancerArn'));
  const protocol = checkProtocol(input.choice('Protocol', protocols), loadBalancer);
  const port = input.integer('Port', { min: 1, max: 65535 });
  if (port === undefined) throw validationError('A listener port must be specified');
  const forwards = readForwards(context, loadBalancer.type);
  const tags = readTags(input);
  const certificates = (input.structs('Certificates') ?? []).map(certificate =>
    certificate.requiredText('CertificateArn'),
  );
  const sslPolicy = input.text('SslPolicy') ?? (isEncrypted(protocol) ? 'ELBSecurityPolicy-2016-08' : undefined);
  checkCertificates(protocol, certificates, input);

  const existing = loadBalancer.listeners.get(port);
  if (existing) {
    const same =
      existing.protocol === protocol &&
      existing.sslPolicy === sslPolicy &&
      forwardText(existing.forwards) === forwardText(forwards) &&
      existing.certificates.join() === certificates.join();
    if (same) return { Listeners: [fields(existing)] };
    throw new AwsError(
      'DuplicateListener',
      `A listener already exists on this port for this load balancer '${loadBalancer.arn}'`,
    );
  }
  checkTagCount(tags.size, settings['tags-per-resource']);
  if (loadBalancer.listeners.size >= settings['listeners-per-load-balancer']) {
    throw new AwsError(
      'TooManyListeners',
      `The maximum number of listeners has been reached on load balancer '${loadBalancer.arn}'`,
    );
  }
  checkForwards(context, loadBalancer, protocol, forwards, undefined);

  const kind = loadBalancer.type === 'network' ? 'net' : 'app';
  const listener: Listener = {
    kind: 'listener',
    arn: `${arnPrefix(world)}listener/${kind}/${loadBalancer.name}/${loadBalancer.id}/${randomHex(context.random, 16)}`,
    sequence: ++world.sequence,
    createdMs: context.clock.nowMs(),
    visibleMs: context.clock.monotonicMs() + context.draw(settings['stale-read-delay']),
    tags,
    attributes: new Map(),
    loadBalancer,
    port,
    protocol,
    forwards,
    sslPolicy,
    certificates,
    alpnPolicy: input.texts('AlpnPolicy') ?? [],
  };
  world.listeners.set(listener.arn, listener);
  loadBalancer.listeners.set(port, listener);
  attach(context, listener, forwards);
  await context.plane.open(listener);
  return { Listeners: [fields(listener)] };
}

function checkProtocol(protocol: (typeof protocols)[number] | undefined, loadBalancer: LoadBalancer): Protocol {
  if (protocol === undefined) throw validationError('A listener protocol must be specified');
  const allowed: readonly string[] =
    loadBalancer.type === 'network' ? ['TCP', 'UDP', 'TCP_UDP', 'TLS'] : ['HTTP', 'HTTPS'];
  if (!allowed.includes(protocol)) {
    throw new AwsError(
      'UnsupportedProtocol',
      `The protocol '${protocol}' is not supported for load balancers of type '${loadBalancer.type}'`,
    );
  }
  if (
    loadBalancer.ipAddressType === 'dualstack' &&
    loadBalancer.prefixForIpv6SourceNat === 'off' &&
    protocol.includes('UDP')
  ) {
    throw new AwsError(
      'InvalidConfigurationRequest',
      `Listeners with protocol '${protocol}' on a dualstack load balancer need EnablePrefixForIpv6SourceNat to be on`,
    );
  }
  return protocol as Protocol;
}

const isEncrypted = (protocol: Protocol) => protocol === 'TLS' || protocol === 'HTTPS';

function checkCertificates(protocol: Protocol, certificates: readonly string[], input: Input): void {
  if (isEncrypted(protocol)) {
    if (certificates.length === 0) throw validationError(`A certificate must be specified for ${protocol} listeners`);
    if (certificates.length > 1)
      throw new AwsError('TooManyCertificates', 'Only one default certificate can be specified');
  } else if (certificates.length > 0 || input.has('SslPolicy')) {
    throw new AwsError(
      'InvalidConfigurationRequest',
      `Certificates and security policies are not supported for ${protocol} listeners`,
    );
  }
}

function readForwards(context: Context, type: LoadBalancer['type']): Forward[] {
  const actions = context.input.structs('DefaultActions') ?? [];
  if (actions.length === 0) throw validationError('A default action must be specified');
  if (actions.length > 1) throw new AwsError('TooManyActions', 'Only one default action can be specified');
  const action = actions[0]!;
  const actionType = action.choice('Type', [
    'forward',
    'authenticate-oidc',
    'authenticate-cognito',
    'redirect',
    'fixed-response',
    'jwt-validation',
  ]);
  if (actionType === undefined) throw validationError('An action type must be specified');
  if (actionType !== 'forward') {
    // An application load balancer stands here only to be pointed at: what it would answer does not matter.
    if (type === 'application') return [];
    throw new AwsError(
      'InvalidLoadBalancerAction',
      `The action type '${actionType}' is not valid with network load balancers`,
    );
  }
  const tuples = action.struct('ForwardConfig')?.structs('TargetGroups') ?? [];
  const arn = action.text('TargetGroupArn');
  if (tuples.length === 0) {
    if (arn === undefined) throw validationError('A target group must be specified for the forward action');
    return [{ group: findTargetGroup(context.world, arn), weight: 1 }];
  }
  if (tuples.length > 5)
    throw new AwsError(
      'TooManyUniqueTargetGroupsPerLoadBalancer',
      'At most 5 target groups can be specified in a forward action',
    );
  const forwards = tuples.map(tuple => ({
    group: findTargetGroup(context.world, tuple.requiredText('TargetGroupArn')),
    weight: tuple.integer('Weight', { min: 0, max: 999 }) ?? 1,
  }));
  if (new Set(forwards.map(({ group }) => group)).size !== forwards.length)
    throw validationError('A target group can only be specified once in a forward action');
  if (arn !== undefined && (forwards.length > 1 || forwards[0]!.group.arn !== arn)) {
    throw validationError('You cannot specify both a target group ARN and a different forward config');
  }
  return forwards;
}

const forwardText = (forwards: readonly Forward[]) =>
  forwards.map(({ group, weight }) => `${group.arn} ${forwards.length > 1 ? weight : 1}`).join();

/** Protocols fit, the groups are free for this load balancer, and its targets stay within the quotas. */
function checkForwards(
  context: Context,
  loadBalancer: LoadBalancer,
  protocol: Protocol,
  forwards: readonly Forward[],
  replaced: Listener | undefined,
): void {
  for (const { group } of forwards) {
    if (!compatible[protocol].includes(group.protocol)) {
      throw new AwsError(
        'IncompatibleProtocols',
        `Listener protocol '${protocol}' is not supported with a target group with the protocol '${group.protocol}'`,
      );
    }
    // IPv6 target groups go with dualstack load balancers alone (D, target groups for Network Load Balancers).
    if (group.ipAddressType === 'ipv6' && loadBalancer.ipAddressType === 'ipv4') {
      throw new AwsError(
        'InvalidConfigurationRequest',
        `Target groups with IP address type 'ipv6' cannot be associated with load balancer '${loadBalancer.arn}', whose IP address type is 'ipv4'`,
      );
    }
    const other = loadBalancerOf(group);
    if (other && other !== loadBalancer) {
      throw new AwsError(
        'TargetGroupAssociationLimit',
        `The following target groups cannot be associated with more than one load balancer: ${group.arn}`,
      );
    }
  }
  const added = new Set(forwards.map(({ group }) => group));
  if (replaced) for (const { group } of replaced.forwards) added.delete(group);
  checkTargetCounts(context, loadBalancer, added, []);
}

/**
 * Raises `TooManyTargets` or `TooManyRegistrationsForTargetId` where the load balancer, with `addedGroups` attached and
 * `addedIds` registered in a group that it has, would be beyond its quotas. Targets that drain are not counted.
 */
export function checkTargetCounts(
  context: Context,
  loadBalancer: LoadBalancer,
  addedGroups: ReadonlySet<TargetGroup>,
  addedIds: readonly { group: TargetGroup; id: string }[],
): void {
  if (loadBalancer.type !== 'network' || (addedGroups.size === 0 && addedIds.length === 0)) return;
  const { settings } = context;
  const limit = settings['targets-per-load-balancer'];
  const crossZoneLimit = settings['targets-per-load-balancer-cross-zone'];
  const perIdLimit = settings['registrations-per-target-id'];
  // What can't be too many need not be counted exactly, which is nearly every call.
  let atMost = addedIds.length;
  for (const group of addedGroups) atMost += group.targets.size;
  for (const listener of loadBalancer.listeners.values()) {
    for (const { group } of listener.forwards) atMost += group.targets.size;
  }
  if (atMost <= Math.min(limit, crossZoneLimit, perIdLimit)) return;

  const groups = new Set(addedGroups);
  for (const listener of loadBalancer.listeners.values()) for (const { group } of listener.forwards) groups.add(group);
  const ofLoadBalancer = loadBalancerAttributes.value(loadBalancer, 'load_balancing.cross_zone.enabled');
  const crossesZones = (group: TargetGroup) => {
    const own = targetGroupAttributes.value(group, 'load_balancing.cross_zone.enabled');
    return (own === 'use_load_balancer_configuration' ? ofLoadBalancer : own) === 'true';
  };
  let total = addedIds.length;
  let crossZone = addedIds.filter(({ group }) => crossesZones(group)).length;
  const perId = new Map<string, number>();
  const countId = (id: string) => perId.set(id, (perId.get(id) ?? 0) + 1);
  for (const { id } of addedIds) countId(id);
  for (const group of groups) {
    const counted = [...group.targets.values()].filter(target => !target.draining);
    total += counted.length;
    if (crossesZones(group)) crossZone += counted.length;
    for (const { id } of counted) countId(id);
  }
  if (total > limit || crossZone > crossZoneLimit) {
    throw new AwsError(
      'TooManyTargets',
      `The maximum number of targets has been reached on load balancer '${loadBalancer.arn}': ${total > limit ? limit : crossZoneLimit}`,
    );
  }
  for (const [id, count] of perId) {
    if (count > perIdLimit) {
      throw new AwsError(
        'TooManyRegistrationsForTargetId',
        `The target '${id}' is registered too many times with load balancer '${loadBalancer.arn}'`,
      );
    }
  }
}

function attach(context: Context, listener: Listener, forwards: readonly Forward[]): void {
  for (const { group } of forwards) {
    const wasUsed = isInUse(group);
    group.listeners.add(listener);
    if (!wasUsed) for (const target of group.targets.values()) context.health.start(target);
  }
}

function detach(context: Context, listener: Listener, forwards: readonly Forward[]): void {
  for (const { group } of forwards) {
    group.listeners.delete(listener);
    if (isInUse(group)) continue;
    group.inUseUntilMs = context.clock.monotonicMs() + context.draw(context.settings['in-use-delay']);
    for (const target of group.targets.values()) context.health.stop(target);
  }
}

function fields(listener: Listener): XmlObject {
  const { forwards } = listener;
  return {
    ListenerArn: listener.arn,
    LoadBalancerArn: listener.loadBalancer.arn,
    Port: listener.port,
    Protocol: listener.protocol,
    Certificates:
      listener.certificates.length > 0 ? listener.certificates.map(CertificateArn => ({ CertificateArn })) : undefined,
    SslPolicy: listener.sslPolicy,
    DefaultActions: [
      {
        Type: 'forward',
        TargetGroupArn: forwards.length === 1 ? forwards[0]!.group.arn : undefined,
        Order: undefined,
        ForwardConfig: {
          TargetGroups: forwards.map(({ group, weight }) => ({ TargetGroupArn: group.arn, Weight: weight })),
          TargetGroupStickinessConfig: listener.loadBalancer.type === 'application' ? { Enabled: false } : undefined,
        },
      },
    ],
    AlpnPolicy: listener.alpnPolicy.length > 0 ? listener.alpnPolicy : undefined,
  };
}

function describe(context: Context): XmlObject {
  const { world, input } = context;
  const arns = input.texts('ListenerArns') ?? [];
  const loadBalancerArn = input.text('LoadBalancerArn');
  if (arns.length > 0) {
    if (loadBalancerArn)
      throw validationError('Listener ARNs and a load balancer ARN cannot be specified at the same time');
    if (arns.length > 20) throw validationError('The maximum number of listeners that can be specified is 20');
    const found = arns.map(arn => world.listeners.get(checkArn('listener', arn)));
    if (found.some(listener => !listener || !isVisible(context, listener))) {
      throw new AwsError('ListenerNotFound', 'One or more listeners not found');
    }
    return { Listeners: [...new Set(found)].map(listener => fields(listener!)) };
  }
  if (!loadBalancerArn) throw validationError('You must specify either listener ARNs or a load balancer ARN');
  const loadBalancer = findLoadBalancer(world, loadBalancerArn);
  const { items, nextMarker } = page(
    context,
    [...loadBalancer.listeners.values()].sort((a, b) => a.sequence - b.sequence),
  );
  return { Listeners: items.map(fields), NextMarker: nextMarker };
}

async function modify(context: Context): Promise<XmlObject> {
  const { world, input } = context;
  const listener = findListener(world, input.requiredText('ListenerArn'));
  const { loadBalancer } = listener;
  const port = input.integer('Port', { min: 1, max: 65535 }) ?? listener.port;
  const protocol = input.has('Protocol')
    ? checkProtocol(input.choice('Protocol', protocols), loadBalancer)
    : listener.protocol;
  const forwards = input.has('DefaultActions') ? readForwards(context, loadBalancer.type) : listener.forwards;
  const certificates = input.has('Certificates')
    ? (input.structs('Certificates') ?? []).map(certificate => certificate.requiredText('CertificateArn'))
    : isEncrypted(protocol)
      ? listener.certificates
      : [];
  checkCertificates(protocol, certificates, input);
  if (port !== listener.port && loadBalancer.listeners.has(port)) {
    throw new AwsError(
      'DuplicateListener',
      `A listener already exists on this port for this load balancer '${loadBalancer.arn}'`,
    );
  }
  checkForwards(context, loadBalancer, protocol, forwards, listener);

  loadBalancer.listeners.delete(listener.port);
  loadBalancer.listeners.set(port, listener);
  const before = listener.forwards;
  listener.port = port;
  listener.protocol = protocol;
  listener.forwards = forwards;
  listener.certificates = certificates;
  listener.sslPolicy = isEncrypted(protocol)
    ? (input.text('SslPolicy') ?? listener.sslPolicy ?? 'ELBSecurityPolicy-2016-08')
    : undefined;
  if (input.has('AlpnPolicy')) listener.alpnPolicy = input.texts('AlpnPolicy') ?? [];
  const kept = new Set(forwards.map(({ group }) => group));
  attach(context, listener, forwards);
  detach(
    context,
    listener,
    before.filter(({ group }) => !kept.has(group)),
  );
  await context.plane.modified(listener);
  return { Listeners: [fields(listener)] };
}

async function remove(context: Context): Promise<XmlObject> {
  await removeListener(context, findListener(context.world, context.input.requiredText('ListenerArn')));
  return {};
}

/** Takes a listener away, whether by itself or with its load balancer. */
export async function removeListener(context: Context, listener: Listener): Promise<void> {
  context.world.listeners.delete(listener.arn);
  listener.loadBalancer.listeners.delete(listener.port);
  detach(context, listener, listener.forwards);
  await context.plane.close(listener);
}
