import {
  CreateLoadBalancerCommand,
  DescribeLoadBalancersCommand,
  ElasticLoadBalancingV2Client,
  paginateDescribeTargetGroups,
} from '@aws-sdk/client-elastic-load-balancing-v2';
import { NodeHttpHandler } from '@smithy/node-http-handler';

/** A load balancer as its maker knows it. */
export interface MadeLoadBalancer {
  name: string;
  arn: string;
  /** Its loopback address. */
  address: string;
}

/** Someone with an AWS account and no knowledge of the operator, over HTTP like any other client. */
export interface AwsPerson {
  createLoadBalancer(name: string): Promise<MadeLoadBalancer>;
  /** What the name service of AWS would say of a load balancer's name. */
  addressesOf(dnsName: string): Promise<string[]>;
  /** Names of all target groups of the account. */
  targetGroups(): Promise<string[]>;
  close(): void;
}

/** What any client of the sandbox's AWS may use. */
export const sandboxAws = { region: 'us-east-1', accessKeyId: 'sandbox', secretAccessKey: 'sandbox' };

/** How the SDK reaches the endpoint with nothing read from the machine's environment or files. */
export function sandboxAwsConfig(endpoint: string) {
  const { region, accessKeyId, secretAccessKey } = sandboxAws;
  return {
    endpoint,
    region,
    credentials: { accessKeyId, secretAccessKey },
    requestHandler: new NodeHttpHandler({ httpAgent: { keepAlive: true, maxSockets: 64 } }),
  };
}

/** Makes a person. */
export function createAwsPerson(endpoint: string): AwsPerson {
  const client = new ElasticLoadBalancingV2Client({
    ...sandboxAwsConfig(endpoint),
    useDualstackEndpoint: false,
    useFipsEndpoint: false,
    defaultsMode: 'standard',
  });
  return {
    async createLoadBalancer(name) {
      const { LoadBalancers } = await client.send(
        new CreateLoadBalancerCommand({ Name: name, Type: 'network', Subnets: ['subnet-1'] }),
      );
      const made = LoadBalancers?.[0];
      const address = made?.AvailabilityZones?.[0]?.LoadBalancerAddresses?.[0]?.IpAddress;
      if (!made?.LoadBalancerArn || !address) throw new Error(`AWS made no load balancer ${name} with an address.`);
      return { name, arn: made.LoadBalancerArn, address };
    },
    async addressesOf(dnsName) {
      const { LoadBalancers = [] } = await client.send(new DescribeLoadBalancersCommand({}));
      const zones = LoadBalancers.find(({ DNSName }) => DNSName === dnsName)?.AvailabilityZones ?? [];
      return zones.flatMap(zone => (zone.LoadBalancerAddresses ?? []).flatMap(({ IpAddress }) => IpAddress ?? []));
    },
    async targetGroups() {
      const names: string[] = [];
      for await (const page of paginateDescribeTargetGroups({ client }, {})) {
        for (const { TargetGroupName } of page.TargetGroups ?? []) names.push(TargetGroupName ?? '');
      }
      return names;
    },
    close: () => client.destroy(),
  };
}
