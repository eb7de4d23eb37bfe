import { type ClaimWish, carries, defaultPortName, type PortWish, type Protocol } from '../api/claim.ts';
import { failure, type Result } from '../api/errors.ts';
import { loadBalancerClass, poolLabel } from '../api/names.ts';
import type { IpFamily, NLBPortPool } from '../api/pool.ts';
import type { Service, ServicePort } from '../kube/objects.ts';
import { admitToPool } from './pool-admission.ts';

/** One port of a load balancer that a Service asks for. */
export interface ServicePortWish extends PortWish {
  /** The Service's own ports behind it: two where one number carries TCP and UDP. */
  servicePorts: readonly ServicePort[];
}

/** What a Service asks of a pool. */
export interface ServiceWish extends ClaimWish {
  ports: ServicePortWish[];
}

/** More than a load balancer has listeners: a Service that names more can never be served. */
const maxPorts = 50;

/** Whether the Service asks for ports: by the label, or as a load balancer of our class. */
export function claimsPorts(service: Service): boolean {
  return service.metadata.labels?.[poolLabel] !== undefined || isOurLoadBalancer(service);
}

/** Whether the Service is a load balancer of our class: then it names its numbers, and its status shows them. */
export function isOurLoadBalancer({ spec }: Service): boolean {
  return spec.type === 'LoadBalancer' && spec.loadBalancerClass === loadBalancerClass;
}

/** Whether the Service has addresses of IPv6 alone. */
export function needsIpv6({ spec: { ipFamilies = [] } }: Service): boolean {
  return ipFamilies.length > 0 && !ipFamilies.includes('IPv4');
}

/**
 * The family of the endpoints that a port of the Service sends to: the one that it sends to already (`now`), else, of those
 * that the load balancer can send to (`families`, the best first), the first that the Service has. Undefined where it has
 * none of them.
 */
export function serviceFamily(
  { spec }: Service,
  families: readonly IpFamily[],
  now: IpFamily | undefined,
): IpFamily | undefined {
  const { ipFamilies: own = [] } = spec;
  if (now && own.includes(now)) return now;
  return own.length === 0 ? families[0] : families.find(family => own.includes(family));
}

/** Whether nobody but people writes the Service's endpoints. */
export function isSelectorless({ spec }: Service): boolean {
  return Object.keys(spec.selector ?? {}).length === 0;
}

/**
 * The name of the pool that a Service asks, by its label, else the pool marked default. `pools` are all there are.
 * Errors: NoDefaultPool.
 */
export function servicePoolName(service: Service, pools: readonly NLBPortPool[]): Result<string> {
  const label = service.metadata.labels?.[poolLabel];
  if (label !== undefined) return { ok: true, value: label };
  const defaults = pools.filter(
    ({ spec, metadata }) => spec.default === true && metadata.deletionTimestamp === undefined,
  );
  const [only] = defaults;
  if (only && defaults.length === 1) return { ok: true, value: only.metadata.name };
  return failure(
    'NoDefaultPool',
    `Cannot choose a pool for a Service without the label ${poolLabel}: ${defaults.length} pools have default: true, exactly one wanted`,
  );
}

/**
 * What a Service asks of a pool, or why it can't have it: from its own fields alone. Ports of the same number, one TCP and
 * one UDP, become one. Errors: PoolNotFound, AccessDenied, ServiceNotSupported, NoSelector, ServicePorts,
 * ProtocolNotInPool, PortNotInRange.
 */
export function serviceWish(service: Service, poolName: string, asked: NLBPortPool | undefined): Result<ServiceWish> {
  const admitted = admitToPool(poolName, asked, service.metadata.namespace ?? '');
  if (!admitted.ok) return admitted;
  const pool = admitted.value;
  const unsupported = whatIsNotSupported(service, pool);
  if (unsupported) return failure('ServiceNotSupported', `Cannot give a port to the Service: ${unsupported}`);
  if (isSelectorless(service) && !pool.spec.access.selectorlessServices) {
    return failure(
      'NoSelector',
      `Cannot claim a port of pool "${poolName}": the Service has no selector, and access.selectorlessServices is false`,
    );
  }
  return readPorts(service, poolName, pool);
}

/** What the Service asks for and would not get: to promise nothing is better than to leave it out in silence. */
function whatIsNotSupported({ spec }: Service, pool: NLBPortPool): string | undefined {
  if (spec.type === 'ExternalName') return 'its type is ExternalName, which has no endpoints';
  if (spec.sessionAffinity === 'ClientIP') return 'sessionAffinity is ClientIP, None wanted';
  if ((spec.loadBalancerSourceRanges ?? []).length > 0) {
    return "loadBalancerSourceRanges is set: it would not be enforced; use the load balancer's security groups";
  }
  if (spec.loadBalancerIP) return "loadBalancerIP is set: the load balancer's addresses are what they are";
  const { preserveClientIP, proxyProtocolV2 } = pool.spec.targets;
  if (spec.externalTrafficPolicy === 'Local' && pool.spec.protocol === 'TCP' && !preserveClientIP && !proxyProtocolV2) {
    return `externalTrafficPolicy is Local, which keeps the client's address, and pool "${pool.metadata.name}" has targets.preserveClientIP: false`;
  }
  return undefined;
}

function readPorts(service: Service, poolName: string, pool: NLBPortPool): Result<ServiceWish> {
  const { ports = [] } = service.spec;
  if (ports.length === 0 || ports.length > maxPorts) {
    return failure(
      'ServicePorts',
      `Cannot give ports to the Service: it has ${ports.length} of them, 1 to ${maxPorts} wanted`,
    );
  }
  const wishes = servicePortWishes(service);
  for (const { protocol, number, servicePorts } of wishes) {
    const [first, second] = servicePorts as [ServicePort, ...ServicePort[]];
    if (protocolOf(servicePorts) === undefined || !carries(pool.spec.protocol, protocol)) {
      const asked = servicePorts.map(port => port.protocol ?? 'TCP').join(' and ');
      return failure(
        'ProtocolNotInPool',
        `Cannot claim a ${asked} port of pool "${poolName}": its protocol is ${pool.spec.protocol}`,
      );
    }
    if (second && targetOf(first) !== targetOf(second) && !isNamed(first) && !isNamed(second)) {
      return failure(
        'ServicePorts',
        `Cannot give one number to TCP and UDP: port ${first.port} has target ports ${targetOf(first)} and ${targetOf(second)}, the same wanted`,
      );
    }
    const { min, max } = pool.spec.ports;
    if (number !== undefined && (number < min || number > max)) {
      return failure(
        'PortNotInRange',
        `Cannot claim port ${number} of pool "${poolName}": its ports are ${min} to ${max}`,
      );
    }
  }
  return { ok: true, value: { ports: wishes } };
}

/**
 * The ports of a Service by number, whether a pool can give them or not: what a Service that holds ports already is served
 * by, whatever its wish became.
 */
export function servicePortWishes(service: Service): ServicePortWish[] {
  return [...Map.groupBy(service.spec.ports ?? [], ({ port }) => port).values()].map(same => {
    const first = same[0]!;
    const target = targetOf(first);
    return {
      name: first.name || defaultPortName,
      // A name stands for one number per pod: the endpoints tell.
      targetPort: typeof target === 'number' ? target : first.port,
      protocol: protocolOf(same) ?? 'TCP_UDP',
      servicePorts: same,
      ...(isOurLoadBalancer(service) ? { number: first.port } : {}),
    };
  });
}

function protocolOf(ports: readonly ServicePort[]): Protocol | undefined {
  const protocols = new Set(ports.map(({ protocol = 'TCP' }) => protocol));
  if (protocols.size === 2 && protocols.has('TCP') && protocols.has('UDP')) return 'TCP_UDP';
  const [only] = protocols;
  return protocols.size === 1 && (only === 'TCP' || only === 'UDP') ? only : undefined;
}

function targetOf({ port, targetPort }: ServicePort): number | string {
  return targetPort || port;
}

function isNamed(port: ServicePort): boolean {
  return typeof targetOf(port) === 'string';
}
