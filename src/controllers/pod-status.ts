import { type ClaimWish, defaultPortName } from '../api/claim.ts';
import { findCondition } from '../api/conditions.ts';
import { endpointAnnotation, endpointsAnnotation } from '../api/names.ts';
import { type NLBPort, sameTarget } from '../api/port.ts';
import { isReady, readyAtMs } from '../core/readiness.ts';
import type { ClaimReport } from './claim-report.ts';

/**
 * The report of a pod that holds its ports, in the order of its commit: how far the AWS half of the hindmost is, and the
 * endpoints once all of them are exposed and their listeners are known to be ours.
 */
export function boundReport(ports: readonly NLBPort[], wish: ClaimWish | undefined, nowMs: number): ClaimReport {
  const states = ports.map(port => stateOf(port, nowMs));
  const failed = states.find(state => state.failed)?.failed;
  const hindmost = states.toSorted((a, b) => stages.indexOf(a.reason) - stages.indexOf(b.reason))[0]!;
  return {
    status: states.every(state => state.isReady && !state.isGone) ? 'True' : 'False',
    reason: failed?.reason ?? hindmost.reason,
    message: failed?.message ?? hindmost.message,
    warning: failed !== undefined,
    // What was published stays until the ports are lost: a cache that is behind must not take it back.
    annotations: states.every(state => state.isPublished) ? published(ports, wish, states) : {},
  };
}

interface PortState {
  reason: string;
  message: string;
  isPublished: boolean;
  isReady: boolean;
  /** The load balancer is not there any more. */
  isGone: boolean;
  failed: { reason: string; message: string } | undefined;
}

/** The words of a port's progress, in their order. */
const stages = ['Provisioning', 'WaitingForIP', 'Registering', 'Settling', 'Probing', 'Healthy'];

function stateOf(port: NLBPort, nowMs: number): PortState {
  const { status } = port;
  const provisioned = findCondition(status?.conditions, 'Provisioned');
  const registered = findCondition(status?.conditions, 'TargetsRegistered');
  const healthy = findCondition(status?.conditions, 'Healthy');
  const probed = findCondition(status?.conditions, 'Probed');
  // The port has an endpoint while its listener is in place; what AWS says of a pool's edit is the port's matter then.
  const isPublished = port.spec.claim?.exposed === true && status?.endpoint !== undefined;
  const isGone = provisioned?.reason === 'LoadBalancerNotFound';
  const failed = [isPublished && !isGone ? undefined : provisioned, registered, healthy, probed].find(
    condition => condition?.status === 'False' && condition.message.startsWith('NLBP-'),
  );
  return { ...progressOf(port, nowMs), isPublished, isReady: isReady(port, nowMs), isGone, failed };
}

function progressOf(port: NLBPort, nowMs: number): { reason: string; message: string } {
  const { name } = port.metadata;
  const is = (type: string) => findCondition(port.status?.conditions, type)?.status === 'True';
  if (port.status?.endpoint === undefined)
    return { reason: 'Provisioning', message: `Listener and target group of ${name} are being made` };
  if ((port.spec.targets ?? []).length === 0) return { reason: 'WaitingForIP', message: 'The pod has no address yet' };
  // The conditions may still speak of targets that the port had before: those of now are what AWS must have accepted.
  const known = port.status.targets ?? [];
  const isRegistered = (port.spec.targets ?? []).every(target =>
    known.some(entry => entry.state === 'Registered' && sameTarget(entry, target)),
  );
  if (!isRegistered || !is('TargetsRegistered'))
    return { reason: 'Registering', message: `The pod is being registered with ${name}` };
  if (isReady(port, nowMs)) return { reason: 'Healthy', message: `Reachable at ${port.status?.endpoint}` };
  if (!is('Healthy')) return { reason: 'Registering', message: 'AWS has not called the target healthy yet' };
  if (readyAtMs(port, nowMs) === undefined && port.status.readyAfter !== undefined)
    return { reason: 'Probing', message: 'The expected answer to the probe of the pool did not come yet' };
  const until = port.status?.readyAfter ?? 'it has settled';
  return { reason: 'Settling', message: `Healthy; until ${until} traffic may not flow everywhere yet` };
}

function published(
  ports: readonly NLBPort[],
  wish: ClaimWish | undefined,
  states: readonly PortState[],
): Record<string, string> {
  const entries = ports.flatMap((port, at) => {
    const { claim, protocol, targets } = port.spec;
    const endpoint = port.status?.endpoint ?? '';
    const colon = endpoint.lastIndexOf(':');
    const portName = claim?.portName ?? defaultPortName;
    const asked = wish?.ports.find(({ name }) => name === portName);
    const parts = asked?.parts ?? [{ name: portName, protocol: asked?.protocol ?? protocol }];
    return parts.map(part => ({
      name: part.name,
      protocol: part.protocol,
      host: endpoint.slice(0, colon),
      port: Number(endpoint.slice(colon + 1)),
      targetPort: targets?.[0]?.port ?? asked?.targetPort,
      state: states[at]?.reason,
    }));
  });
  return { [endpointAnnotation]: ports[0]?.status?.endpoint ?? '', [endpointsAnnotation]: JSON.stringify(entries) };
}
