import { AwsError, validationError } from './aws-error.ts';
import type { Input } from './input.ts';
import type { Listener, LoadBalancer, TargetGroup } from './world.ts';
import type { XmlObject } from './xml.ts';

interface Attribute<R> {
  readonly key: string;
  /** Its value where nothing was set; undefined where the resource has no such attribute. */
  initial(resource: R): string | undefined;
  /** What is wrong with a value, undefined where nothing is. */
  refuse(value: string, resource: R): string | undefined;
}

/** One kind of resource's attributes: read, check and set them. */
export interface AttributeTable<R> {
  all(resource: R): XmlObject[];
  value(resource: R, key: string): string;
  /** Checks every pair of the call before it sets any, and answers with all attributes. */
  modify(resource: R, input: Input): XmlObject[];
}

const flag = (value: string) => (value === 'true' || value === 'false' ? undefined : 'The value must be true or false');
const whole = (min: number, max: number) => (value: string) =>
  /^\d{1,9}$/.test(value) && Number(value) >= min && Number(value) <= max
    ? undefined
    : `The value must be between ${min} and ${max}`;
const oneOf =
  (...values: string[]) =>
  (value: string) =>
    values.includes(value) ? undefined : `The value must be one of ${values.join(', ')}`;
const offOr = (check: (value: string) => string | undefined) => (value: string) =>
  value === 'off' ? undefined : check(value);
const anyText = () => undefined;

const isUdp = (group: TargetGroup) => group.protocol === 'UDP' || group.protocol === 'TCP_UDP';
const isLayer4 = (group: TargetGroup) => group.protocol !== 'HTTP' && group.protocol !== 'HTTPS';
const layer4 = (initial: (group: TargetGroup) => string) => (group: TargetGroup) =>
  isLayer4(group) ? initial(group) : undefined;
const layer7 = (initial: string) => (group: TargetGroup) => (isLayer4(group) ? undefined : initial);

/** Attributes of target groups, as the API model's `TargetGroupAttribute` describes them (D). */
export const targetGroupAttributes: AttributeTable<TargetGroup> = table<TargetGroup>('Target group', 'target group', [
  { key: 'deregistration_delay.timeout_seconds', initial: () => '300', refuse: whole(0, 3600) },
  { key: 'stickiness.enabled', initial: () => 'false', refuse: flag },
  {
    key: 'stickiness.type',
    initial: group => (isLayer4(group) ? 'source_ip' : 'lb_cookie'),
    refuse: (value, group) => (isLayer4(group) ? oneOf('source_ip') : oneOf('lb_cookie', 'app_cookie'))(value),
  },
  {
    key: 'load_balancing.cross_zone.enabled',
    initial: () => 'use_load_balancer_configuration',
    refuse: oneOf('true', 'false', 'use_load_balancer_configuration'),
  },
  {
    key: 'target_group_health.dns_failover.minimum_healthy_targets.count',
    initial: () => '1',
    refuse: offOr(whole(1, 3000)),
  },
  {
    key: 'target_group_health.dns_failover.minimum_healthy_targets.percentage',
    initial: () => 'off',
    refuse: offOr(whole(1, 100)),
  },
  {
    key: 'target_group_health.unhealthy_state_routing.minimum_healthy_targets.count',
    initial: () => '1',
    refuse: whole(1, 3000),
  },
  {
    key: 'target_group_health.unhealthy_state_routing.minimum_healthy_targets.percentage',
    initial: () => 'off',
    refuse: offOr(whole(1, 100)),
  },
  {
    key: 'deregistration_delay.connection_termination.enabled',
    initial: layer4(group => String(isUdp(group))),
    refuse: flag,
  },
  {
    key: 'preserve_client_ip.enabled',
    initial: layer4(group => String(isUdp(group) || group.targetType !== 'ip')),
    refuse: (value, group) =>
      value === 'false' && isUdp(group)
        ? 'preserve_client_ip.enabled cannot be false if the target group protocol is UDP or TCP_UDP'
        : flag(value),
  },
  {
    key: 'proxy_protocol_v2.enabled',
    initial: layer4(() => 'false'),
    refuse: (value, group) =>
      value === 'true' && isUdp(group)
        ? 'proxy_protocol_v2.enabled cannot be true if the target group protocol is UDP or TCP_UDP'
        : flag(value),
  },
  {
    key: 'target_health_state.unhealthy.connection_termination.enabled',
    initial: layer4(group => String(!isUdp(group))),
    refuse: (value, group) =>
      value === 'true' && isUdp(group)
        ? 'target_health_state.unhealthy.connection_termination.enabled cannot be true if the target group protocol is UDP or TCP_UDP'
        : flag(value),
  },
  {
    key: 'target_health_state.unhealthy.draining_interval_seconds',
    initial: layer4(() => '0'),
    refuse: whole(0, 360_000),
  },
  {
    key: 'load_balancing.algorithm.type',
    initial: layer7('round_robin'),
    refuse: oneOf('round_robin', 'least_outstanding_requests', 'weighted_random'),
  },
  { key: 'load_balancing.algorithm.anomaly_mitigation', initial: layer7('off'), refuse: oneOf('on', 'off') },
  {
    key: 'slow_start.duration_seconds',
    initial: layer7('0'),
    refuse: value => (value === '0' ? undefined : whole(30, 900)(value)),
  },
  { key: 'stickiness.lb_cookie.duration_seconds', initial: layer7('86400'), refuse: whole(1, 604_800) },
  { key: 'stickiness.app_cookie.duration_seconds', initial: layer7('86400'), refuse: whole(1, 604_800) },
  { key: 'stickiness.app_cookie.cookie_name', initial: layer7(''), refuse: anyText },
  { key: 'lambda.multi_value_headers.enabled', initial: () => undefined, refuse: flag },
  { key: 'target_failover.on_deregistration', initial: () => undefined, refuse: anyText },
  { key: 'target_failover.on_unhealthy', initial: () => undefined, refuse: anyText },
]);

const network = (initial: (loadBalancer: LoadBalancer) => string) => (loadBalancer: LoadBalancer) =>
  loadBalancer.type === 'network' ? initial(loadBalancer) : undefined;
const application = (initial: string) => (loadBalancer: LoadBalancer) =>
  loadBalancer.type === 'application' ? initial : undefined;

/** Attributes of load balancers, as the API model's `LoadBalancerAttribute` describes them (D). */
export const loadBalancerAttributes: AttributeTable<LoadBalancer> = table<LoadBalancer>(
  'Load balancer',
  'load balancer',
  [
    { key: 'deletion_protection.enabled', initial: () => 'false', refuse: flag },
    {
      key: 'load_balancing.cross_zone.enabled',
      initial: loadBalancer => String(loadBalancer.type === 'application'),
      refuse: (value, loadBalancer) => (loadBalancer.type === 'application' ? oneOf('true')(value) : flag(value)),
    },
    { key: 'access_logs.s3.enabled', initial: () => 'false', refuse: flag },
    { key: 'access_logs.s3.bucket', initial: () => '', refuse: anyText },
    { key: 'access_logs.s3.prefix', initial: () => '', refuse: anyText },
    {
      key: 'ipv6.deny_all_igw_traffic',
      initial: loadBalancer => String(loadBalancer.scheme === 'internal'),
      refuse: flag,
    },
    { key: 'zonal_shift.config.enabled', initial: () => 'false', refuse: flag },
    {
      key: 'dns_record.client_routing_policy',
      initial: network(() => 'any_availability_zone'),
      refuse: oneOf('availability_zone_affinity', 'partial_availability_zone_affinity', 'any_availability_zone'),
    },
    { key: 'secondary_ips.auto_assigned.per_subnet', initial: network(() => '0'), refuse: whole(0, 7) },
    { key: 'idle_timeout.timeout_seconds', initial: application('60'), refuse: whole(1, 4000) },
    { key: 'client_keep_alive.seconds', initial: application('3600'), refuse: whole(60, 604_800) },
    { key: 'routing.http2.enabled', initial: application('true'), refuse: flag },
    { key: 'routing.http.drop_invalid_header_fields.enabled', initial: application('false'), refuse: flag },
    {
      key: 'routing.http.desync_mitigation_mode',
      initial: application('defensive'),
      refuse: oneOf('monitor', 'defensive', 'strictest'),
    },
    { key: 'routing.http.preserve_host_header.enabled', initial: application('false'), refuse: flag },
    { key: 'routing.http.xff_client_port.enabled', initial: application('false'), refuse: flag },
    {
      key: 'routing.http.xff_header_processing.mode',
      initial: application('append'),
      refuse: oneOf('append', 'preserve', 'remove'),
    },
    { key: 'routing.http.x_amzn_tls_version_and_cipher_suite.enabled', initial: application('false'), refuse: flag },
    { key: 'waf.fail_open.enabled', initial: application('false'), refuse: flag },
  ],
);

/** Attributes of listeners, as the API model's `ListenerAttribute` describes them (D). */
export const listenerAttributes: AttributeTable<Listener> = table<Listener>('Listener', 'listener', [
  {
    key: 'tcp.idle_timeout.seconds',
    initial: listener => (listener.protocol === 'TCP' || listener.protocol === 'TCP_UDP' ? '350' : undefined),
    refuse: whole(60, 6000),
  },
  {
    key: 'routing.http.response.server.enabled',
    initial: listener => (listener.protocol === 'HTTP' || listener.protocol === 'HTTPS' ? 'true' : undefined),
    refuse: flag,
  },
]);

function table<R extends { readonly attributes: Map<string, string> }>(
  subject: string,
  lowerSubject: string,
  rows: readonly Attribute<R>[],
): AttributeTable<R> {
  const byKey = new Map(rows.map(row => [row.key, row]));
  const all = (resource: R) => {
    const found: XmlObject[] = [];
    for (const row of rows) {
      const initial = row.initial(resource);
      if (initial !== undefined) found.push({ Key: row.key, Value: resource.attributes.get(row.key) ?? initial });
    }
    return found;
  };
  return {
    all,
    value: (resource, key) => resource.attributes.get(key) ?? byKey.get(key)?.initial(resource) ?? '',
    modify(resource, input) {
      const pairs = new Map<string, string>();
      for (const pair of input.structs('Attributes') ?? []) {
        const key = pair.requiredText('Key');
        const value = pair.text('Value', { max: 1024 }) ?? '';
        const row = byKey.get(key);
        if (!row) throw validationError(`${subject} attribute key '${key}' is not recognized`);
        if (pairs.has(key)) throw validationError(`${subject} attribute key '${key}' is given more than once`);
        if (row.initial(resource) === undefined) {
          throw new AwsError('InvalidConfigurationRequest', `The provided ${lowerSubject} attribute is not supported`);
        }
        const refusal = row.refuse(value, resource);
        if (refusal !== undefined) {
          const message = refusal.startsWith('The value')
            ? `${subject} attribute '${key}' can't be '${value}'. ${refusal}`
            : refusal;
          throw new AwsError('InvalidConfigurationRequest', message);
        }
        pairs.set(key, value);
      }
      if (pairs.size === 0) throw validationError(`At least one ${lowerSubject} attribute must be specified`);
      for (const [key, value] of pairs) resource.attributes.set(key, value);
      return all(resource);
    },
  };
}
