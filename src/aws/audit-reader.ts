import type { Listener, TargetGroup } from '@aws-sdk/client-elastic-load-balancing-v2';
import type { Result } from '../api/errors.ts';
import { clusterTag, poolTag, portTag, targetGroupPrefix } from '../api/names.ts';
import type { AwsView, GroupLook, Ownership, SeenListener, SeenTargetGroup } from '../core/audit.ts';
import { AwsError } from './aws-error.ts';
import type { CallOptions, Elbv2Api } from './elbv2-api.ts';
import { isLoadBalancerNotFound, isTargetGroupNotFound } from './error-sets.ts';
import { listAllListeners, listAllTargetGroups } from './list-all.ts';
import { describeTags } from './owner-tags.ts';
import { toTargetHealth } from './target-group-shapes.ts';
import { asResult } from './to-coded-error.ts';

/** Reads what the audit compares; changes nothing. A listing is complete or an error. */
export interface AuditReader {
  /**
   * All target groups, and all listeners of these load balancers. Tags are read of what is not `recorded`: 1 call for
   * each 400 target groups, 1 for each load balancer, and 1 for each 20 resources that no NLBPort has on record.
   */
  list(
    wanted: { loadBalancerArns: readonly string[]; recorded: ReadonlySet<string> },
    options: CallOptions,
  ): Promise<Result<AwsView>>;
  /** Targets and attributes of one group: 2 calls. */
  look(targetGroupArn: string, options: CallOptions): Promise<Result<GroupLook>>;
  /** Target groups that this cluster made, by name and tag: 1 call for each 400, and 1 for each 20 of ours. */
  listOwnTargetGroups(options: CallOptions): Promise<Result<SeenTargetGroup[]>>;
}

/** Makes the reader. */
export function createAuditReader({ api, clusterId }: { api: Elbv2Api; clusterId: string }): AuditReader {
  const ownerIn = (tags: ReadonlyMap<string, string> | undefined): Ownership => {
    if (tags?.get(clusterTag) !== clusterId) return undefined;
    const [port, pool] = [tags.get(portTag), tags.get(poolTag)];
    return { ...(port === undefined ? {} : { port }), ...(pool === undefined ? {} : { pool }) };
  };

  return {
    list: ({ loadBalancerArns, recorded }, options) =>
      asResult(async () => {
        const groups = await listAllTargetGroups(api, options);
        const listeners: { loadBalancerArn: string; listener: Listener }[] = [];
        const missing: string[] = [];
        for (const arn of loadBalancerArns) {
          try {
            for (const listener of await listAllListeners(api, arn, options))
              listeners.push({ loadBalancerArn: arn, listener });
          } catch (error) {
            if (!(error instanceof AwsError && isLoadBalancerNotFound(error))) throw error;
            missing.push(arn);
          }
        }
        const arns = [
          ...groups.map(({ TargetGroupArn }) => TargetGroupArn ?? ''),
          ...listeners.map(({ listener }) => listener.ListenerArn ?? ''),
        ];
        const unknown = arns.filter(arn => arn !== '' && !recorded.has(arn));
        const tags = await describeTags(api, unknown, options);
        const owner = (arn: string): Ownership => (recorded.has(arn) ? 'recorded' : ownerIn(tags.get(arn)));
        return {
          targetGroups: groups.map(group => toSeenGroup(group, owner)).filter(group => group.owner !== undefined),
          listeners: listeners.map(({ loadBalancerArn, listener }) => toSeenListener(loadBalancerArn, listener, owner)),
          loadBalancers: loadBalancerArns.filter(arn => !missing.includes(arn)),
          missing,
        };
      }),

    look: (targetGroupArn, options) =>
      asResult(async () => {
        const input = { TargetGroupArn: targetGroupArn };
        try {
          const health = await api.call('DescribeTargetHealth', input, options);
          const { Attributes } = await api.call('DescribeTargetGroupAttributes', input, options);
          return {
            targets: (health.TargetHealthDescriptions ?? []).map(toTargetHealth),
            attributes: Object.fromEntries((Attributes ?? []).map(({ Key, Value }) => [Key ?? '', Value ?? ''])),
          };
        } catch (error) {
          if (!(error instanceof AwsError && isTargetGroupNotFound(error))) throw error;
          return { targets: undefined, attributes: {} };
        }
      }),

    listOwnTargetGroups: options =>
      asResult(async () => {
        const named = (await listAllTargetGroups(api, options)).filter(({ TargetGroupName }) =>
          TargetGroupName?.startsWith(targetGroupPrefix(clusterId)),
        );
        const arns = named.map(({ TargetGroupArn }) => TargetGroupArn ?? '');
        const tags = await describeTags(api, arns, options);
        return named
          .map(group => toSeenGroup(group, arn => ownerIn(tags.get(arn))))
          .filter(({ owner }) => owner !== undefined);
      }),
  };
}

function toSeenGroup(group: TargetGroup, owner: (arn: string) => Ownership): SeenTargetGroup {
  const { TargetGroupArn: arn = '', TargetGroupName: name = '' } = group;
  return {
    arn,
    name,
    owner: owner(arn),
    loadBalancerArns: group.LoadBalancerArns ?? [],
    healthCheck: {
      ...(group.HealthCheckProtocol === undefined ? {} : { protocol: group.HealthCheckProtocol }),
      ...(group.HealthCheckPort === undefined ? {} : { port: group.HealthCheckPort }),
      ...(group.HealthCheckPath === undefined ? {} : { path: group.HealthCheckPath }),
      ...(group.HealthCheckIntervalSeconds === undefined ? {} : { intervalSeconds: group.HealthCheckIntervalSeconds }),
      ...(group.HealthCheckTimeoutSeconds === undefined ? {} : { timeoutSeconds: group.HealthCheckTimeoutSeconds }),
      ...(group.HealthyThresholdCount === undefined ? {} : { healthyThreshold: group.HealthyThresholdCount }),
    },
  };
}

function toSeenListener(loadBalancerArn: string, listener: Listener, owner: (arn: string) => Ownership): SeenListener {
  const { ListenerArn: arn = '', Port: port = 0, Protocol: protocol = '', DefaultActions = [] } = listener;
  const [action, ...more] = DefaultActions;
  const forwardsTo = more.length === 0 && action?.Type === 'forward' ? action.TargetGroupArn : undefined;
  return { arn, loadBalancerArn, port, protocol, forwardsTo, owner: owner(arn) };
}
