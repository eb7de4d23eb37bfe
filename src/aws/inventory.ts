import type { LoadBalancer as AwsLoadBalancer } from '@aws-sdk/client-elastic-load-balancing-v2';
import { type CodedError, codedError, type Result } from '../api/errors.ts';
import { loadBalancerId } from '../api/names.ts';
import { AwsError } from './aws-error.ts';
import type { CallOptions, Elbv2Api } from './elbv2-api.ts';
import { isLoadBalancerNotFound, isMalformedArn } from './error-sets.ts';
import { listAllListeners, listAllLoadBalancers } from './list-all.ts';
import { describeTags, ownerOf } from './owner-tags.ts';
import { asResult, toCodedError } from './to-coded-error.ts';

/** A Network Load Balancer as a pool sees it. */
export interface LoadBalancer {
  arn: string;
  name: string;
  dnsName: string;
  vpcId: string;
  /** `provisioning`, `active`, `active_impaired` or `failed`. */
  state: string;
  /** `internet-facing` or `internal`. */
  scheme: string;
  /** Whether clients and targets may have IPv6 addresses. */
  dualStack: boolean;
  /** Whether it can translate for UDP between the families: a dualstack one needs it on for UDP listeners. */
  prefixForIpv6: boolean;
}

/** What a pool asks for: one by ARN, or all with these tags. */
export type LoadBalancerChoice = { arn: string } | { tags: Record<string, string> };

/** A listener on a load balancer; `owner` is the NLBPort's name where it is ours by tag. */
export interface FoundListener {
  arn: string;
  port: number;
  protocol: string;
  owner: string | undefined;
}

/** Reads what is there in AWS. A partial listing is an error, never a short answer. */
export interface Inventory {
  /**
   * Finds each choice's load balancers, in the order of the choices, then of their names; one chosen twice appears
   * once. `problems` says which choices can not be used (LoadBalancerNotFound, NotANetworkLoadBalancer,
   * NoLoadBalancerTagged, LoadBalancerFailed); an error that makes the listing incomplete fails the whole call.
   */
  findLoadBalancers(
    choices: LoadBalancerChoice[],
    options: CallOptions,
  ): Promise<Result<{ found: LoadBalancer[]; problems: CodedError[] }>>;
  /** All listeners of a load balancer, complete. */
  listListeners(loadBalancerArn: string, options: CallOptions): Promise<Result<FoundListener[]>>;
}

/** DescribeLoadBalancers takes this many ARNs (ELB API Reference). */
const arnsPerCall = 20;

type Choices = Parameters<Inventory['findLoadBalancers']>[0];

/** Reads load balancers and listeners through the narrow API; changes nothing. */
export function createInventory(deps: { api: Elbv2Api; clusterId: string }): Inventory {
  const { api, clusterId } = deps;

  /** Looks `arns` up; each ends in `found` or, with the reason, in `missing`. */
  async function describeByArn(arns: readonly string[], options: CallOptions) {
    const found = new Map<string, AwsLoadBalancer>();
    const missing = new Map<string, AwsError | undefined>();

    async function ask(some: readonly string[]): Promise<void> {
      if (some.length === 0) return;
      try {
        const { LoadBalancers } = await api.call('DescribeLoadBalancers', { LoadBalancerArns: [...some] }, options);
        for (const one of LoadBalancers ?? []) if (one.LoadBalancerArn) found.set(one.LoadBalancerArn, one);
        for (const arn of some) if (!found.has(arn)) missing.set(arn, undefined);
      } catch (error) {
        // One that is missing fails the call for all: the rest is asked again in halves.
        if (!(error instanceof AwsError && (isLoadBalancerNotFound(error) || isMalformedArn(error)))) throw error;
        if (some.length === 1) {
          missing.set(some[0]!, error);
          return;
        }
        const half = some.length >> 1;
        await ask(some.slice(0, half));
        await ask(some.slice(half));
      }
    }

    const unique = [...new Set(arns)];
    for (let from = 0; from < unique.length; from += arnsPerCall) await ask(unique.slice(from, from + arnsPerCall));
    return { found, missing };
  }

  /** All NLBs with their tags; only where a choice needs them, for it takes a call per twenty of them. */
  async function listTagged(choices: Choices, options: CallOptions) {
    if (!choices.some(choice => 'tags' in choice)) return [];
    const networks = (await listAllLoadBalancers(api, options)).filter(one => one.Type === 'network');
    const tags = await describeTags(
      api,
      networks.map(one => one.LoadBalancerArn ?? ''),
      options,
    );
    // One that was deleted between the two calls has no tags any more, and is none.
    return networks.flatMap(one => {
      const its = tags.get(one.LoadBalancerArn ?? '');
      return its ? [{ one, tags: its }] : [];
    });
  }

  return {
    findLoadBalancers: (choices, options) =>
      asResult(async () => {
        const wanted = choices.flatMap(choice =>
          'arn' in choice && arnKind(choice.arn) === 'network' ? choice.arn : [],
        );
        const { found, missing } = await describeByArn(wanted, options);
        const tagged = await listTagged(choices, options);
        const result = new Map<string, LoadBalancer>();
        const problems: CodedError[] = [];

        function take(one: AwsLoadBalancer): void {
          const loadBalancer = toLoadBalancer(one);
          if (loadBalancer.state === 'failed') {
            const problem = codedError(
              'LoadBalancerFailed',
              `Cannot use load balancer ${loadBalancer.arn}: its state is failed, active wanted`,
            );
            if (!problems.some(known => known.message === problem.message)) problems.push(problem);
            return;
          }
          result.set(loadBalancer.arn, result.get(loadBalancer.arn) ?? loadBalancer);
        }

        for (const choice of choices) {
          if ('arn' in choice) {
            const one = found.get(choice.arn);
            if (one && one.Type !== 'network')
              problems.push(notANetworkLoadBalancer(choice.arn, one.Type ?? 'unknown'));
            else if (one) take(one);
            else problems.push(unusableArn(choice.arn, missing.get(choice.arn)));
            continue;
          }
          const matching = tagged.filter(({ tags }) =>
            Object.entries(choice.tags).every(([key, value]) => tags.get(key) === value),
          );
          if (matching.length === 0) problems.push(noneTagged(choice.tags));
          const byName = matching
            .map(({ one }) => one)
            .sort((a, b) => compareText(a.LoadBalancerName, b.LoadBalancerName));
          for (const one of byName) take(one);
        }
        return { found: [...result.values()], problems };
      }),

    listListeners: (loadBalancerArn, options) =>
      asResult(async () => {
        const listeners = await listAllListeners(api, loadBalancerArn, options);
        const tags = await describeTags(
          api,
          listeners.map(one => one.ListenerArn ?? ''),
          options,
        );
        // A network listener always has a port; one without tags was deleted since it was listed.
        return listeners.flatMap(({ ListenerArn: arn, Port: port, Protocol: protocol }) => {
          const its = tags.get(arn ?? '');
          if (!its || arn === undefined || port === undefined) return [];
          return [{ arn, port, protocol: protocol ?? '', owner: ownerOf(clusterId, its) }];
        });
      }),
  };
}

/** What an ARN says of itself: another kind of load balancer is known without asking AWS. */
function arnKind(arn: string): 'network' | 'other' | 'malformed' {
  if (loadBalancerId(arn) !== undefined) return 'network';
  const otherKind = /^arn:[^:]+:elasticloadbalancing:[^:]*:[^:]*:loadbalancer\/(app\/|gwy\/|[^/]+$)/;
  return otherKind.test(arn) ? 'other' : 'malformed';
}

function unusableArn(arn: string, answer: AwsError | undefined): CodedError {
  switch (arnKind(arn)) {
    case 'other':
      return notANetworkLoadBalancer(
        arn,
        arn.includes('/app/') ? 'application' : arn.includes('/gwy/') ? 'gateway' : 'classic',
      );
    case 'malformed':
      return codedError(
        'LoadBalancerNotFound',
        `Cannot find load balancer "${arn}": it is no ARN of a load balancer, arn:aws:elasticloadbalancing:REGION:ACCOUNT:loadbalancer/net/NAME/ID wanted`,
      );
    case 'network': {
      const said = answer && toCodedError(answer);
      const words = answer
        ? `AWS answered ${answer.errorCode} (request ${answer.requestId ?? 'unknown'})`
        : 'AWS left it out';
      return codedError('LoadBalancerNotFound', `Cannot find load balancer ${arn}: ${words}`, said?.aws);
    }
  }
}

function notANetworkLoadBalancer(arn: string, type: string): CodedError {
  return codedError('NotANetworkLoadBalancer', `Cannot use load balancer ${arn}: its type is ${type}, network wanted`);
}

function noneTagged(tags: Record<string, string>): CodedError {
  const shown = Object.entries(tags)
    .map(([key, value]) => `${key}=${value}`)
    .join(', ');
  return codedError('NoLoadBalancerTagged', `Cannot find a load balancer tagged ${shown}: 0 found, at least 1 wanted`);
}

function toLoadBalancer(one: AwsLoadBalancer): LoadBalancer {
  return {
    arn: one.LoadBalancerArn ?? '',
    name: one.LoadBalancerName ?? '',
    dnsName: one.DNSName ?? '',
    vpcId: one.VpcId ?? '',
    state: one.State?.Code ?? '',
    scheme: one.Scheme ?? '',
    dualStack: one.IpAddressType === 'dualstack',
    prefixForIpv6: one.EnablePrefixForIpv6SourceNat === 'on',
  };
}

// By code units, so that the order is the same on every machine.
function compareText(a = '', b = ''): number {
  return a < b ? -1 : a > b ? 1 : 0;
}
