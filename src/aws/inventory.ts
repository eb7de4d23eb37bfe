import type { CodedError, Result } from '../api/errors.ts';
import type { CallOptions } from './elbv2-api.ts';

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
