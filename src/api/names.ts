import { createHash } from 'node:crypto';

/** The label by which a pod or Service claims a port, with the pool's name as its value. */
export const poolLabel = 'nlbports.dev/pool';
/** The class of Services of type LoadBalancer that are ours. */
export const loadBalancerClass = 'nlbports.dev/nlb';
/** The wish: `7777/UDP`, or `game=7777/UDP,voice=7778/UDP`. */
export const portsAnnotation = 'nlbports.dev/ports';
/** The wish for a fixed number: `30007`, or `game=30007,voice=30008`. */
export const staticPortAnnotation = 'nlbports.dev/static-port';
/** The claimant's half of a bind: the names of the NLBPorts that it accepts, by commas. */
export const boundAnnotation = 'nlbports.dev/bound';
/** The result: `host:port` of the first port. */
export const endpointAnnotation = 'nlbports.dev/endpoint';
/** The result: all ports as JSON. */
export const endpointsAnnotation = 'nlbports.dev/endpoints';
/** The condition of a claimant; a readiness gate where a pod declares it. */
export const readyCondition = 'nlbports.dev/ready';
/** On a pool: "true" makes its NLBPorts although AWS holds resources of this cluster that no NLBPort has on record. */
export const proceedAnnotation = 'nlbports.dev/proceed';
/** On an NLBPort: "true" where AWS held a listener of its name when it was made. */
export const foundAnnotation = 'nlbports.dev/found-in-aws';
/** The scheduling gate that a pod may declare, so that it gets a node only when it has its port. */
export const schedulingGate = 'nlbports.dev/port';
/** The finalizer that keeps an NLBPort until its AWS resources are settled. */
export const awsFinalizer = 'nlbports.dev/aws';
/** The finalizer that keeps a pool until its ports are gone. */
export const poolFinalizer = 'nlbports.dev/ports';
/** AWS tag: the cluster that owns the resource. */
export const clusterTag = 'nlbports.dev/cluster';
/** AWS tag: the name of the NLBPort that owns the resource. */
export const portTag = 'nlbports.dev/port';
/** AWS tag: the pool of the NLBPort. */
export const poolTag = 'nlbports.dev/pool';

/** The 16 hexadecimal digits that end a load balancer's ARN; undefined where it is not the ARN of a Network Load Balancer. */
export function loadBalancerId(arn: string): string | undefined {
  return /^arn:[^:]+:elasticloadbalancing:[^:]*:[^:]*:loadbalancer\/net\/[^/]+\/([0-9a-f]{16})$/.exec(arn)?.[1];
}

/** The name of the NLBPort for a port number on a load balancer; the pair and nothing else, so no two pools own it. */
export function portObjectName(loadBalancerArn: string, port: number): string {
  const id = loadBalancerId(loadBalancerArn);
  if (id === undefined) throw new RangeError(`Cannot name a port: "${loadBalancerArn}" is not the ARN of an NLB`);
  return `nlb-${id}-${port}`;
}

/** What all names of one cluster's target groups begin with: `nlbp-<8 hex of the cluster's hash>-`. */
export function targetGroupPrefix(clusterId: string): string {
  return `nlbp-${hash(clusterId, 8)}-`;
}

/**
 * The name of a port's target group: 30 characters of the 32 that AWS allows, from hashes of the whole identity, so
 * that it is legal for any input and no cut at a separator can make two identities equal.
 */
export function targetGroupName(clusterId: string, loadBalancerArn: string, port: number): string {
  // A JSON array keeps the parts apart whatever they contain.
  return `${targetGroupPrefix(clusterId)}${hash(JSON.stringify([clusterId, loadBalancerArn, port]), 16)}`;
}

function hash(text: string, digits: number): string {
  return createHash('sha256').update(text).digest('hex').slice(0, digits);
}
