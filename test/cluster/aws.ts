import {
  CreateLoadBalancerCommand,
  DescribeListenersCommand,
  DescribeLoadBalancersCommand,
  DescribeTagsCommand,
  DescribeTargetGroupsCommand,
  DescribeTargetHealthCommand,
  ElasticLoadBalancingV2Client,
  type Listener,
  type LoadBalancer,
  type TargetGroup,
} from '@aws-sdk/client-elastic-load-balancing-v2';
import type { CallCounts } from '../../src/sandbox/elbv2/call-log.ts';
import type { Fault } from '../../src/sandbox/elbv2/faults.ts';
import type { Policy } from '../../src/sandbox/elbv2/policy.ts';

export interface TestLoadBalancer {
  arn: string;
  dnsName: string;
  /** The loopback address where its listeners listen. */
  address: string;
}

/** A listener or target group as the judge sees it, with its tags. */
export type Tagged<T> = T & { tags: Record<string, string> };

/** A target of a group: `10.0.1.5:7777` and its health state. */
export interface TestTarget {
  target: string;
  state: string;
}

/**
 * The tests' own look at the emulated AWS, apart from `src/aws/`. Its calls land in the call log and take tokens as
 * all others do: under a throttled profile look only when the measurement is over.
 */
export interface TestAws {
  /** For anything else. */
  client: ElasticLoadBalancingV2Client;
  /** Makes a network load balancer, internet-facing, in one subnet. */
  createLoadBalancer(name: string): Promise<TestLoadBalancer>;
  loadBalancers(): Promise<LoadBalancer[]>;
  listeners(loadBalancerArn: string): Promise<Tagged<Listener>[]>;
  targetGroups(): Promise<Tagged<TargetGroup & { targets: TestTarget[] }>[]>;
  /** The emulator's call log: counts since the start or the last reset. */
  calls(): Promise<CallCounts>;
  resetCalls(): Promise<void>;
  /** Replaces all faults; none with an empty list. */
  setFaults(faults: Fault[]): Promise<void>;
  /** Replaces all IAM policies, by access key; others may do anything. */
  setPolicies(policies: Record<string, Policy>): Promise<void>;
}

/** DescribeTags takes at most 20 ARNs. */
const arnsPerDescribeTags = 20;

/** A judge of the emulator at `endpoint`. */
export function createTestAws(endpoint: string): TestAws {
  const client = new ElasticLoadBalancingV2Client({
    endpoint,
    region: 'us-east-1',
    credentials: { accessKeyId: 'AKIAI44QH8DHBEXAMPLE', secretAccessKey: 'je7MtGbClwBF/2Zp9Utk/h3yCo8nvbEXAMPLEKEY' },
  });

  const withTags = async <T>(items: T[], arn: (item: T) => string): Promise<Tagged<T>[]> => {
    const tags = new Map<string, Record<string, string>>();
    for (let start = 0; start < items.length; start += arnsPerDescribeTags) {
      const ResourceArns = items.slice(start, start + arnsPerDescribeTags).map(arn);
      const { TagDescriptions = [] } = await client.send(new DescribeTagsCommand({ ResourceArns }));
      for (const { ResourceArn, Tags = [] } of TagDescriptions) {
        tags.set(ResourceArn!, Object.fromEntries(Tags.map(tag => [tag.Key!, tag.Value ?? ''])));
      }
    }
    return items.map(item => ({ ...item, tags: tags.get(arn(item)) ?? {} }));
  };
  const targets = async (TargetGroupArn: string): Promise<TestTarget[]> => {
    const { TargetHealthDescriptions = [] } = await client.send(new DescribeTargetHealthCommand({ TargetGroupArn }));
    return TargetHealthDescriptions.map(({ Target, TargetHealth }) => ({
      target: `${Target?.Id}:${Target?.Port}`,
      state: TargetHealth?.State ?? '',
    }));
  };

  return {
    client,
    async createLoadBalancer(Name) {
      const { LoadBalancers = [] } = await client.send(
        new CreateLoadBalancerCommand({ Name, Type: 'network', Scheme: 'internet-facing', Subnets: ['subnet-a'] }),
      );
      const made = LoadBalancers[0]!;
      const address = made.AvailabilityZones?.[0]?.LoadBalancerAddresses?.[0]?.IpAddress;
      if (address === undefined) throw new Error(`Load balancer ${Name} has no address.`);
      return { arn: made.LoadBalancerArn!, dnsName: made.DNSName!, address };
    },
    loadBalancers: () =>
      pages(async Marker => {
        const page = await client.send(new DescribeLoadBalancersCommand({ Marker }));
        return { items: page.LoadBalancers, next: page.NextMarker };
      }),
    async listeners(LoadBalancerArn) {
      const listeners = await pages(async Marker => {
        const page = await client.send(new DescribeListenersCommand({ LoadBalancerArn, Marker }));
        return { items: page.Listeners, next: page.NextMarker };
      });
      return await withTags(listeners, listener => listener.ListenerArn!);
    },
    async targetGroups() {
      const groups = await pages(async Marker => {
        const page = await client.send(new DescribeTargetGroupsCommand({ Marker }));
        return { items: page.TargetGroups, next: page.NextMarker };
      });
      const tagged = await withTags(groups, group => group.TargetGroupArn!);
      const whole = [];
      for (const group of tagged) whole.push({ ...group, targets: await targets(group.TargetGroupArn!) });
      return whole;
    },
    calls: () => admin(endpoint, 'GET', 'calls?entries=0') as Promise<CallCounts>,
    async resetCalls() {
      await admin(endpoint, 'DELETE', 'calls');
    },
    async setFaults(faults) {
      await admin(endpoint, 'PUT', 'faults', faults);
    },
    async setPolicies(policies) {
      await admin(endpoint, 'PUT', 'policies', policies);
    },
  };
}

async function pages<T>(
  read: (marker: string | undefined) => Promise<{ items: T[] | undefined; next: string | undefined }>,
): Promise<T[]> {
  const all: T[] = [];
  let marker: string | undefined;
  do {
    const page = await read(marker);
    all.push(...(page.items ?? []));
    marker = page.next;
  } while (marker);
  return all;
}

async function admin(endpoint: string, method: string, path: string, body?: unknown): Promise<unknown> {
  const answer = await fetch(new URL(`/_emulator/${path}`, endpoint), {
    method,
    ...(body === undefined ? {} : { body: JSON.stringify(body) }),
  });
  const text = await answer.text();
  if (!answer.ok) throw new Error(`${method} /_emulator/${path}: ${answer.status} ${text}`);
  return JSON.parse(text);
}
