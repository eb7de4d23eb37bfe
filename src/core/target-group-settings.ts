import { createHash } from 'node:crypto';
import { parseDurationMs } from '../api/duration.ts';
import type { PoolSpec } from '../api/pool.ts';

/** How a target group checks its targets, in AWS's terms. */
export interface HealthCheckSettings {
  protocol: 'TCP' | 'HTTP' | 'HTTPS';
  /** A number as text, or `traffic-port`. */
  port: string;
  path?: string;
  intervalSeconds: number;
  healthyThreshold: number;
}

/** Everything of a target group that a pool decides. */
export interface TargetGroupSettings {
  healthCheck: HealthCheckSettings;
  /** AWS attribute keys and values. */
  attributes: Record<string, string>;
  /** To tell what was applied from what is wanted. */
  fingerprints: { healthCheck: string; attributes: string };
}

/**
 * What a pool wants of its target groups. Every attribute that AWS sets otherwise by default is written, with the
 * reasons of the AWS documentation of target group attributes for Network Load Balancers:
 * connections end with the drain (a port is reused only when its old flows are dead), one failed check cuts nobody, and
 * an empty one-target group takes no zone's address out of DNS for everyone else.
 */
export function targetGroupSettings(
  spec: Pick<PoolSpec, 'protocol' | 'healthCheck'> & { targets: Omit<PoolSpec['targets'], 'ipFamily'> },
): TargetGroupSettings {
  const healthCheck: HealthCheckSettings = {
    protocol: spec.healthCheck.protocol,
    port: String(spec.healthCheck.port),
    ...(spec.healthCheck.protocol === 'TCP' ? {} : { path: spec.healthCheck.path ?? '/' }),
    intervalSeconds: Math.round(parseDurationMs(spec.healthCheck.interval) / 1000),
    healthyThreshold: spec.healthCheck.healthyThreshold,
  };
  const attributes: Record<string, string> = {
    'deregistration_delay.timeout_seconds': String(
      Math.round(parseDurationMs(spec.targets.deregistrationDelay) / 1000),
    ),
    'deregistration_delay.connection_termination.enabled': 'true',
    'target_health_state.unhealthy.connection_termination.enabled': 'false',
    'load_balancing.cross_zone.enabled': 'true',
    'target_group_health.dns_failover.minimum_healthy_targets.count': 'off',
    'target_group_health.dns_failover.minimum_healthy_targets.percentage': 'off',
  };
  // UDP keeps the client's address always and knows no proxy protocol: AWS refuses either attribute there.
  if (spec.protocol === 'TCP') {
    attributes['preserve_client_ip.enabled'] = String(spec.targets.preserveClientIP);
    attributes['proxy_protocol_v2.enabled'] = String(spec.targets.proxyProtocolV2);
  }
  return {
    healthCheck,
    attributes,
    fingerprints: { healthCheck: fingerprint(healthCheck), attributes: fingerprint(attributes) },
  };
}

/**
 * How long AWS waits for a check's answer. It refuses a time-out that is not below the interval, its own default of
 * 10 s too ("Health check interval must be greater than the timeout"). 6 s is its default for HTTP, and long enough to
 * open a connection.
 */
export function healthCheckTimeoutSeconds(wanted: HealthCheckSettings): number {
  return Math.min(6, wanted.intervalSeconds - 1);
}

function fingerprint(value: object): string {
  return createHash('sha256').update(JSON.stringify(value)).digest('hex').slice(0, 12);
}
