import type {
  TargetDescription,
  TargetGroup,
  TargetHealthDescription,
} from '@aws-sdk/client-elastic-load-balancing-v2';
import type { IpFamily } from '../api/pool.ts';
import type { Target } from '../api/port.ts';
import { type HealthCheckSettings, healthCheckTimeoutSeconds } from '../core/target-group-settings.ts';
import type { PortResources, TargetHealth } from './port-provider.ts';

/** Whether what can't be changed about a group is as wanted. */
export function canBecome(group: TargetGroup, resources: PortResources): boolean {
  return (
    group.Protocol === resources.protocol &&
    group.Port === resources.port &&
    group.VpcId === resources.vpcId &&
    group.TargetType === 'ip' &&
    (!resources.needsFamily || familyOfGroup(group) === resources.ipFamily)
  );
}

/** What addresses the group takes. */
export function familyOfGroup({ IpAddressType }: TargetGroup): IpFamily {
  return IpAddressType === 'ipv6' ? 'IPv6' : 'IPv4';
}

/** Whether the group checks its targets as wanted. */
export function hasHealthCheck(group: TargetGroup, wanted: HealthCheckSettings): boolean {
  return (
    group.HealthCheckProtocol === wanted.protocol &&
    group.HealthCheckPort === wanted.port &&
    (wanted.path === undefined || group.HealthCheckPath === wanted.path) &&
    group.HealthCheckIntervalSeconds === wanted.intervalSeconds &&
    group.HealthCheckTimeoutSeconds === healthCheckTimeoutSeconds(wanted) &&
    group.HealthyThresholdCount === wanted.healthyThreshold
  );
}

/** The fields of CreateTargetGroup and ModifyTargetGroup. */
export function healthCheckInput(wanted: HealthCheckSettings) {
  return {
    HealthCheckProtocol: wanted.protocol,
    HealthCheckPort: wanted.port,
    ...(wanted.path === undefined ? {} : { HealthCheckPath: wanted.path }),
    HealthCheckIntervalSeconds: wanted.intervalSeconds,
    HealthCheckTimeoutSeconds: healthCheckTimeoutSeconds(wanted),
    HealthyThresholdCount: wanted.healthyThreshold,
  };
}

/** A listener's only action. */
export function forwardTo(targetGroupArn: string) {
  return [{ Type: 'forward' as const, TargetGroupArn: targetGroupArn }];
}

/** A target is known by address and port. Its zone is given only for addresses outside the VPC, which pods never have. */
export function toTargetDescription({ ip, port }: Target): TargetDescription {
  return { Id: ip, Port: port };
}

/** A target with its state. */
export function toTargetHealth(description: TargetHealthDescription): TargetHealth {
  const { Target: found, TargetHealth: health } = description;
  const reason = [health?.Reason, health?.Description].filter(part => part !== undefined).join(': ');
  return {
    ip: found?.Id ?? '',
    port: found?.Port ?? 0,
    state: health?.State ?? 'unavailable',
    ...(reason === '' ? {} : { reason }),
  };
}
