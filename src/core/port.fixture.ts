import { portObjectName } from '../api/names.ts';
import type { NLBPort, PortClaim, PortSpec, PortStatus } from '../api/port.ts';

/** The ARN of a load balancer with this letter: `a`, `b` and so on. */
export function arnOf(letter: string): string {
  const id = letter.charCodeAt(0).toString(16).padStart(16, '0');
  return `arn:aws:elasticloadbalancing:us-east-1:111122223333:loadbalancer/net/${letter}/${id}`;
}

/** A claim of a pod of this name, exposed unless said otherwise. */
export function aClaim(name: string, more: Partial<PortClaim> = {}): PortClaim {
  return {
    kind: 'Pod',
    namespace: 'default',
    name,
    uid: `uid-${name}`,
    portName: 'default',
    exposed: true,
    ...more,
  };
}

/** A free, cold port of pool `game` on load balancer `a`. */
export function aPort(
  number: number,
  more: { arn?: string; spec?: Partial<PortSpec>; status?: PortStatus; deletionTimestamp?: string } = {},
): NLBPort {
  const arn = more.arn ?? arnOf('a');
  return {
    metadata: {
      name: portObjectName(arn, number),
      resourceVersion: '1',
      finalizers: ['nlbports.dev/aws'],
      ...(more.deletionTimestamp ? { deletionTimestamp: more.deletionTimestamp } : {}),
    },
    spec: { pool: 'game', loadBalancer: { arn }, port: number, protocol: 'UDP', warm: false, ...more.spec },
    ...(more.status ? { status: more.status } : {}),
  };
}
