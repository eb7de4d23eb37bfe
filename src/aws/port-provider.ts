import type { TargetGroup } from '@aws-sdk/client-elastic-load-balancing-v2';
import type { Protocol } from '../api/claim.ts';
import type { Result } from '../api/errors.ts';
import { targetGroupName } from '../api/names.ts';
import type { IpFamily } from '../api/pool.ts';
import type { Target } from '../api/port.ts';
import type { TargetGroupSettings } from '../core/target-group-settings.ts';
import type { Clock } from '../runtime/clock.ts';
import { AwsError } from './aws-error.ts';
import type { CallOptions, Elbv2Action, Elbv2Api, Elbv2Calls } from './elbv2-api.ts';
import {
  isAccessDenied,
  isDuplicateListener,
  isDuplicateTargetGroup,
  isListenerNotFound,
  isLoadBalancerNotFound,
  isResourceInUse,
  isTargetGroupNotFound,
} from './error-sets.ts';
import { listAllListeners } from './list-all.ts';
import { describeTags, ownerOf, ownerTags } from './owner-tags.ts';
import { Again, settle } from './settle.ts';
import {
  canBecome,
  familyOfGroup,
  forwardTo,
  hasHealthCheck,
  healthCheckInput,
  toTargetDescription,
  toTargetHealth,
} from './target-group-shapes.ts';
import { asResult, Refusal } from './to-coded-error.ts';

/** What AWS is to hold for one port. */
export interface PortResources {
  /** Name of the NLBPort: the owner tag. */
  portName: string;
  pool: string;
  loadBalancerArn: string;
  vpcId: string;
  port: number;
  protocol: Protocol;
  settings: TargetGroupSettings;
  /** What addresses a target group that is made takes; one that is found may take others, unless `needsFamily`. */
  ipFamily: IpFamily;
  needsFamily: boolean;
  /** The pool's tags, put on what is made; ours are added. */
  tags: Record<string, string>;
}

/** A target as AWS sees it. */
export interface TargetHealth extends Target {
  /** `initial`, `healthy`, `unhealthy`, `unhealthy.draining`, `unused`, `draining` or `unavailable`. */
  state: string;
  /** AWS's reason code and description. */
  reason?: string;
}

/**
 * Makes the traffic of one port arrive at its targets, one AWS call at a time; the port controller decides the order.
 * Every method may be repeated after an unknown outcome. Not-found counts as done for deletes and deregistration.
 * Where AWS says no, the result carries a coded error with AWS's own code and request id. `NotWanted` is thrown through.
 */
export interface PortProvider {
  /**
   * Makes the target group, or finds ours of the same name. `healthCheckApplied` is false where the one that was found
   * has other health check settings. Errors: TargetGroupConflict where it is not ours by tag.
   */
  createTargetGroup(
    resources: PortResources,
    options: CallOptions,
  ): Promise<Result<{ targetGroupArn: string; ipFamily: IpFamily; healthCheckApplied: boolean }>>;
  /** Looks for what an earlier process may have made without living to write it down: what is ours by name and tag. */
  findResources(
    resources: PortResources,
    options: CallOptions,
  ): Promise<Result<{ targetGroupArn?: string; ipFamily?: IpFamily; listenerArn?: string }>>;
  modifyHealthCheck(resources: PortResources, targetGroupArn: string, options: CallOptions): Promise<Result<void>>;
  modifyAttributes(resources: PortResources, targetGroupArn: string, options: CallOptions): Promise<Result<void>>;
  /**
   * Reads owner and targets of a group that is not known to be new; one that AWS does not show yet is new, and ours.
   * Errors: TargetGroupConflict.
   */
  inspectTargetGroup(
    resources: PortResources,
    targetGroupArn: string,
    options: CallOptions,
  ): Promise<Result<{ targets: TargetHealth[] }>>;
  /** Makes the listener, or finds ours on this port and points it at the group. Errors: ListenerConflict. */
  createListener(
    resources: PortResources,
    targetGroupArn: string,
    options: CallOptions,
  ): Promise<Result<{ listenerArn: string }>>;
  registerTargets(targetGroupArn: string, targets: Target[], options: CallOptions): Promise<Result<void>>;
  deregisterTargets(targetGroupArn: string, targets: Target[], options: CallOptions): Promise<Result<void>>;
  /** `undefined` where the target group is gone. */
  describeHealth(targetGroupArn: string, options: CallOptions): Promise<Result<TargetHealth[] | undefined>>;
  deleteListener(listenerArn: string, options: CallOptions): Promise<Result<void>>;
  deleteTargetGroup(targetGroupArn: string, options: CallOptions): Promise<Result<void>>;
}

export interface PortProviderDeps {
  api: Elbv2Api;
  clock: Clock;
  clusterId: string;
}

/** The half of the product that changes AWS. */
export function createPortProvider(deps: PortProviderDeps): PortProvider {
  const { api, clock, clusterId } = deps;

  async function ownerOfResource(
    arn: string,
    options: CallOptions,
  ): Promise<{ owner: string | undefined } | undefined> {
    const tags = (await describeTags(api, [arn], options)).get(arn);
    return tags && { owner: ownerOf(clusterId, tags) };
  }

  /** Deletes the listener of the port if it is ours. A listener that was left behind keeps its group in use. */
  async function deleteOwnListener(resources: PortResources, options: CallOptions): Promise<void> {
    const ListenerArn = await findListener(resources, options);
    if (ListenerArn === undefined) return;
    if ((await ownerOfResource(ListenerArn, options))?.owner !== resources.portName) return;
    await calling('DeleteListener', { ListenerArn }, options).catch(when(isListenerNotFound, done));
  }

  /**
   * A policy that goes by tags finds none on what is not there, and AWS may refuse the call before it says so: then it is
   * asked whether the resource is there, which throws that it is not.
   */
  async function calling<A extends Elbv2Action>(
    action: A,
    input: Elbv2Calls[A][0] & ({ ListenerArn: string | undefined } | { TargetGroupArn: string | undefined }),
    options: CallOptions,
  ): Promise<Elbv2Calls[A][1]> {
    try {
      return await api.call(action, input, options);
    } catch (error) {
      if (!(error instanceof AwsError && isAccessDenied(error))) throw error;
      const arn = 'ListenerArn' in input ? input.ListenerArn : input.TargetGroupArn;
      await api.call('DescribeTags', { ResourceArns: [arn ?? ''] }, options);
      throw error;
    }
  }

  async function findListener(resources: PortResources, options: CallOptions): Promise<string | undefined> {
    const listeners = await listAllListeners(api, resources.loadBalancerArn, options).catch(
      when(isLoadBalancerNotFound, done),
    );
    return listeners?.find(({ Port }) => Port === resources.port)?.ListenerArn;
  }

  /** The group that has our name: adopted, or removed so that it can be made anew (undefined). */
  async function adoptTargetGroup(resources: PortResources, duplicate: AwsError, options: CallOptions) {
    const name = targetGroupName(clusterId, resources.loadBalancerArn, resources.port);
    const group = await findTargetGroup(name, options);
    // It was deleted meanwhile, or is too new to be seen.
    if (!group?.TargetGroupArn) return new Again(duplicate);
    const tagged = await ownerOfResource(group.TargetGroupArn, options);
    if (!tagged) return new Again(duplicate);
    if (tagged.owner !== resources.portName) {
      throw new Refusal(
        'TargetGroupConflict',
        `Cannot make target group ${name}: ${group.TargetGroupArn} ${whose(tagged.owner)}, none of that name wanted`,
        duplicate,
      );
    }
    if (!canBecome(group, resources)) {
      await deleteOwnListener(resources, options);
      return calling('DeleteTargetGroup', { TargetGroupArn: group.TargetGroupArn }, options)
        .then(done)
        .catch(when(isTargetGroupNotFound, done))
        .catch(when(isResourceInUse, error => new Again(error)));
    }
    return {
      targetGroupArn: group.TargetGroupArn,
      ipFamily: familyOfGroup(group),
      healthCheckApplied: hasHealthCheck(group, resources.settings.healthCheck),
    };
  }

  async function findTargetGroup(name: string, options: CallOptions): Promise<TargetGroup | undefined> {
    const answer = await api
      .call('DescribeTargetGroups', { Names: [name] }, options)
      .catch(when(isTargetGroupNotFound, done));
    return answer?.TargetGroups?.[0];
  }

  /** The listener that has the port: ours, pointed at the group. */
  async function adoptListener(
    resources: PortResources,
    targetGroupArn: string,
    duplicate: AwsError,
    options: CallOptions,
  ) {
    const listeners = await listAllListeners(api, resources.loadBalancerArn, options);
    const listener = listeners.find(({ Port }) => Port === resources.port);
    if (!listener?.ListenerArn) return new Again(duplicate);
    const tagged = await ownerOfResource(listener.ListenerArn, options);
    if (!tagged) return new Again(duplicate);
    if (tagged.owner !== resources.portName) {
      throw new Refusal(
        'ListenerConflict',
        `Cannot make a listener on port ${resources.port}: ${listener.ListenerArn} is there and ${whose(tagged.owner)}, a free port wanted`,
        duplicate,
      );
    }
    const [action, ...more] = listener.DefaultActions ?? [];
    const forwards = more.length === 0 && action?.Type === 'forward' && action.TargetGroupArn === targetGroupArn;
    if (!forwards || listener.Protocol !== resources.protocol) {
      const change = { Protocol: resources.protocol, DefaultActions: forwardTo(targetGroupArn) };
      await calling('ModifyListener', { ListenerArn: listener.ListenerArn, ...change }, options);
    }
    return { listenerArn: listener.ListenerArn };
  }

  return {
    createTargetGroup: (resources, options) =>
      asResult(() =>
        settle(clock, options, async () => {
          const Name = targetGroupName(clusterId, resources.loadBalancerArn, resources.port);
          const input = {
            Name,
            Protocol: resources.protocol,
            Port: resources.port,
            VpcId: resources.vpcId,
            TargetType: 'ip' as const,
            ...(resources.ipFamily === 'IPv6' ? { IpAddressType: 'ipv6' as const } : {}),
            ...healthCheckInput(resources.settings.healthCheck),
            Tags: ownerTags(clusterId, resources),
          };
          const make = async () => {
            const { TargetGroups } = await api.call('CreateTargetGroup', input, options);
            const targetGroupArn = arnOf(TargetGroups?.[0]?.TargetGroupArn, Name);
            return { targetGroupArn, ipFamily: resources.ipFamily, healthCheckApplied: true };
          };
          try {
            return await make();
          } catch (error) {
            if (!(error instanceof AwsError && isDuplicateTargetGroup(error))) throw error;
            // Where ours had to go, the name is free now; where AWS does not see that yet, a moment later.
            const adopted = await adoptTargetGroup(resources, error, options);
            return adopted ?? (await make().catch(when(isDuplicateTargetGroup, error => new Again(error))));
          }
        }),
      ),

    findResources: (resources, options) =>
      asResult(async () => {
        const isOurs = async (arn: string | undefined): Promise<boolean> =>
          arn !== undefined && (await ownerOfResource(arn, options))?.owner === resources.portName;
        const name = targetGroupName(clusterId, resources.loadBalancerArn, resources.port);
        const group = await findTargetGroup(name, options);
        const targetGroupArn = group?.TargetGroupArn;
        const listenerArn = await findListener(resources, options);
        return {
          ...(group && (await isOurs(targetGroupArn)) && targetGroupArn !== undefined
            ? { targetGroupArn, ipFamily: familyOfGroup(group) }
            : {}),
          ...((await isOurs(listenerArn)) && listenerArn !== undefined ? { listenerArn } : {}),
        };
      }),

    modifyHealthCheck: (resources, targetGroupArn, options) =>
      asResult(async () => {
        const change = healthCheckInput(resources.settings.healthCheck);
        await calling('ModifyTargetGroup', { TargetGroupArn: targetGroupArn, ...change }, options);
      }),

    modifyAttributes: (resources, targetGroupArn, options) =>
      asResult(async () => {
        const Attributes = Object.entries(resources.settings.attributes).map(([Key, Value]) => ({ Key, Value }));
        await calling('ModifyTargetGroupAttributes', { TargetGroupArn: targetGroupArn, Attributes }, options);
      }),

    inspectTargetGroup: (resources, targetGroupArn, options) =>
      asResult(async () => {
        const described = await api
          .call('DescribeTags', { ResourceArns: [targetGroupArn] }, options)
          .catch(when(isTargetGroupNotFound, done));
        // What AWS does not show yet was made a moment ago. Were it gone instead, the next change would be refused.
        if (!described) return { targets: [] };
        const tags = new Map(described.TagDescriptions?.[0]?.Tags?.map(tag => [tag.Key ?? '', tag.Value ?? '']));
        const owner = ownerOf(clusterId, tags);
        if (owner !== resources.portName) {
          throw new Refusal('TargetGroupConflict', `Cannot use target group ${targetGroupArn}: it ${whose(owner)}`);
        }
        const health = await api
          .call('DescribeTargetHealth', { TargetGroupArn: targetGroupArn }, options)
          .catch(when(isTargetGroupNotFound, done));
        return { targets: (health?.TargetHealthDescriptions ?? []).map(toTargetHealth) };
      }),

    createListener: (resources, targetGroupArn, options) =>
      asResult(() =>
        settle(clock, options, async () => {
          const input = {
            LoadBalancerArn: resources.loadBalancerArn,
            Port: resources.port,
            Protocol: resources.protocol,
            DefaultActions: forwardTo(targetGroupArn),
            Tags: ownerTags(clusterId, resources),
          };
          try {
            const { Listeners } = await api.call('CreateListener', input, options);
            return { listenerArn: arnOf(Listeners?.[0]?.ListenerArn, `port ${resources.port}`) };
          } catch (error) {
            if (!(error instanceof AwsError && isDuplicateListener(error))) throw error;
            return adoptListener(resources, targetGroupArn, error, options);
          }
        }),
      ),

    registerTargets: (targetGroupArn, targets, options) =>
      asResult(async () => {
        if (targets.length === 0) return;
        const input = { TargetGroupArn: targetGroupArn, Targets: targets.map(toTargetDescription) };
        await calling('RegisterTargets', input, options);
      }),

    deregisterTargets: (targetGroupArn, targets, options) =>
      asResult(async () => {
        if (targets.length === 0) return;
        const input = { TargetGroupArn: targetGroupArn, Targets: targets.map(toTargetDescription) };
        await calling('DeregisterTargets', input, options).catch(when(isTargetGroupNotFound, done));
      }),

    describeHealth: (targetGroupArn, options) =>
      asResult(async () => {
        const answer = await api
          .call('DescribeTargetHealth', { TargetGroupArn: targetGroupArn }, options)
          .catch(when(isTargetGroupNotFound, done));
        return answer && (answer.TargetHealthDescriptions ?? []).map(toTargetHealth);
      }),

    deleteListener: (listenerArn, options) =>
      asResult(async () => {
        await calling('DeleteListener', { ListenerArn: listenerArn }, options).catch(when(isListenerNotFound, done));
      }),

    deleteTargetGroup: (targetGroupArn, options) =>
      asResult(() =>
        settle(clock, options, async () => {
          const input = { TargetGroupArn: targetGroupArn };
          return await calling('DeleteTargetGroup', input, options)
            .then(done)
            .catch(when(isTargetGroupNotFound, done))
            .catch(when(isResourceInUse, error => new Again(error)));
        }),
      ),
  };
}

function arnOf(arn: string | undefined, what: string): string {
  if (arn === undefined) throw new Error(`Cannot go on with ${what}: AWS answered without its ARN`);
  return arn;
}

/** Turns one kind of refusal into a value; everything else is thrown on. */
function when<T>(holds: (error: AwsError) => boolean, then: (error: AwsError) => T): (error: unknown) => T {
  return error => {
    if (error instanceof AwsError && holds(error)) return then(error);
    throw error;
  };
}

const done = () => undefined;

/** Says in an error whose a resource is that has to be ours. */
function whose(owner: string | undefined): string {
  return owner === undefined ? 'is not tagged as ours' : `belongs to ${owner}`;
}
