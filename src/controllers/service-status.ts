import { isIP } from 'node:net';
import { findCondition } from '../api/conditions.ts';
import { endpointAnnotation, endpointsAnnotation } from '../api/names.ts';
import type { NLBPort } from '../api/port.ts';
import { isReady } from '../core/readiness.ts';
import { isOurLoadBalancer, type ServicePortWish } from '../core/service-wish.ts';
import type { LoadBalancerIngress, Service } from '../kube/objects.ts';
import { type ClaimReport, findReady, reportPatch } from './claim-report.ts';

/** What a Service is told, its ways in among it. */
export interface ServiceReport extends ClaimReport {
  /** `status.loadBalancer.ingress` of a load balancer of our class. Unset: it goes with the endpoint, or stays. */
  ingress?: LoadBalancerIngress[];
}

/** A port that a Service holds, with the wish that it fulfils; no wish where the Service has such a port no more. */
export interface HeldPort {
  port: NLBPort;
  wish: ServicePortWish | undefined;
}

/**
 * The report of a Service that holds its ports: how far their AWS half is (the least advanced counts), and the endpoints
 * once all of them are exposed and their listeners known to be ours.
 */
export function heldReport(service: Service, held: readonly HeldPort[], nowMs: number): ServiceReport {
  const wasTrue = findReady(service)?.status === 'True';
  const progress = held.map(({ port }) => progressOf(port, wasTrue, nowMs)).toSorted((a, b) => a.rank - b.rank);
  const { reason, message, warning } = progress[0]!;
  const arePublished = held.every(({ port }) => port.spec.claim?.exposed && port.status?.endpoint !== undefined);
  return {
    status: reason === 'Healthy' ? 'True' : 'False',
    reason,
    message: reason === 'Healthy' ? reachable(held) : message,
    warning,
    // What was published stays until a port is lost: a cache that is behind must not take it back.
    ...(arePublished ? publication(held, wasTrue, nowMs) : { annotations: {} }),
  };
}

/** Finds the name under which the Service was last told of the number of a port. */
export function toldNameOf({ metadata }: Service): (port: NLBPort) => string | undefined {
  try {
    const told = JSON.parse(metadata.annotations?.[endpointsAnnotation] ?? '[]') as { name: string; port: number }[];
    const names = new Map(told.map(({ name, port }) => [port, name]));
    return ({ spec }) => names.get(spec.port);
  } catch {
    // Somebody else wrote there: it is put right when the Service is told again.
    return () => undefined;
  }
}

/** The strategic merge patch of services/status that makes the Service say this; undefined where it does. */
export function serviceStatusPatch(service: Service, report: ServiceReport, nowMs: number): object | undefined {
  const isWithdrawn = report.annotations[endpointAnnotation] === null;
  const wanted = report.ingress ?? (isWithdrawn ? [] : undefined);
  const ingress = isOurLoadBalancer(service) ? wanted : undefined;
  const now = (service.status?.loadBalancer?.ingress ?? []).map(plainIngress);
  const keepIngress = ingress === undefined || JSON.stringify(ingress) === JSON.stringify(now);
  const more = keepIngress ? {} : { loadBalancer: { ingress: ingress.length > 0 ? ingress : null } };
  return reportPatch(service, report, nowMs, more);
}

/** Where the Service is reached, and how many of its targets are healthy, where AWS was asked since they last changed. */
function reachable(held: readonly HeldPort[]): string {
  const counts = held.flatMap(({ port }) => {
    const healthy = findCondition(port.status?.conditions, 'Healthy');
    return healthy?.status === 'True' ? healthy.message : [];
  });
  return [`Reachable at ${held.map(({ port }) => port.status?.endpoint).join(', ')}`, ...new Set(counts)].join('; ');
}

interface Progress {
  /** The lower, the less is done. */
  rank: number;
  reason: string;
  message: string;
  warning: boolean;
}

function progressOf(port: NLBPort, wasTrue: boolean, nowMs: number): Progress {
  const { name } = port.metadata;
  const { status, spec } = port;
  const [provisioned, registered, healthy] = ['Provisioned', 'TargetsRegistered', 'Healthy'].map(type =>
    findCondition(status?.conditions, type),
  );
  const isPublished = spec.claim?.exposed && status?.endpoint !== undefined;
  const isGone = provisioned?.reason === 'LoadBalancerNotFound';
  const failed = [isPublished && !isGone ? undefined : provisioned, registered, healthy].find(
    condition => condition?.status === 'False' && condition.message.startsWith('NLBP-'),
  );
  if (failed) return { rank: isGone ? -1 : 1, reason: failed.reason, message: failed.message, warning: true };
  const at = (rank: number, reason: string, message: string): Progress => ({ rank, reason, message, warning: false });
  if (!isPublished && provisioned?.status !== 'True') {
    return at(0, 'Provisioning', `Listener and target group of ${name} are being made`);
  }
  const targets = spec.targets ?? [];
  if (targets.length === 0)
    return at(2, 'NoEndpoints', `No endpoint of the Service is ready to be a target of ${name}`);
  if (isReady(port, nowMs)) return at(6, 'Healthy', '');
  // While more targets are being added, those that were healthy go on serving.
  const isServing = (status?.targets ?? []).some(
    known =>
      known.state === 'Registered' && targets.some(({ ip, port: number }) => known.ip === ip && known.port === number),
  );
  if (wasTrue && isServing) return at(5, 'Healthy', '');
  if (healthy?.status === 'True') {
    return at(4, 'Settling', `Healthy; until ${status?.readyAfter ?? 'a while'} traffic may not flow everywhere yet`);
  }
  return at(3, 'Registering', `AWS has not called a target of ${name} healthy yet`);
}

function publication(
  held: readonly HeldPort[],
  wasTrue: boolean,
  nowMs: number,
): Pick<ServiceReport, 'annotations' | 'ingress'> {
  const entries = held.map(({ port, wish }) => {
    const endpoint = port.status?.endpoint ?? '';
    const at = endpoint.lastIndexOf(':');
    return {
      name: wish?.name ?? port.spec.claim?.portName ?? '',
      protocol: wish?.protocol ?? port.spec.protocol,
      host: endpoint.slice(0, at),
      port: Number(endpoint.slice(at + 1)),
      targetPort: port.spec.targets?.[0]?.port ?? wish?.targetPort,
      state: progressOf(port, wasTrue, nowMs).reason,
    };
  });
  const hosts = Map.groupBy(entries, ({ host }) => host);
  const ingress = [...hosts].map(([host, ports]) => ({
    // Kubernetes wants a host name in lower case, and an address in a field of its own.
    ...(isIP(host) ? { ip: host } : { hostname: host.toLowerCase() }),
    ports: ports.flatMap(({ port, protocol }) =>
      (protocol === 'TCP_UDP' ? ['TCP', 'UDP'] : [protocol]).map(each => ({ port, protocol: each })),
    ),
  }));
  const [first] = held;
  return {
    annotations: {
      [endpointAnnotation]: first?.port.status?.endpoint ?? null,
      [endpointsAnnotation]: JSON.stringify(entries),
    },
    ingress,
  };
}

/** An ingress without what the API server adds by itself. */
function plainIngress({ ip, hostname, ports }: LoadBalancerIngress): LoadBalancerIngress {
  return {
    ...(ip === undefined ? {} : { ip }),
    ...(hostname === undefined ? {} : { hostname }),
    ...(ports === undefined ? {} : { ports: ports.map(({ port, protocol }) => ({ port, protocol })) }),
  };
}
