import { failure, type Result } from './errors.ts';
import { portsAnnotation } from './names.ts';

/** Protocols of listeners and target groups. */
export type Protocol = 'TCP' | 'UDP' | 'TCP_UDP';

/** One port that a claimant asks for. */
export interface PortWish {
  /** Unique within the claimant; `default` where none was given. */
  name: string;
  /** The port on the pod. */
  targetPort: number;
  protocol: Protocol;
  /** The port number that is wanted on the load balancer; any where it is left out. */
  number?: number;
  /** Where one number carries TCP and UDP under two names: how the claimant calls either; both are published. */
  parts?: readonly { name: string; protocol: Protocol }[];
}

/** What a claimant asks of a pool: at least one port, all on one load balancer. */
export interface ClaimWish {
  ports: PortWish[];
}

/** The name of a port that was asked for without one. */
export const defaultPortName = 'default';

/** More than a load balancer has listeners (a quota of AWS that can't be raised): more can never be served. */
export const maxPortsOfClaim = 50;

/** More than any list of ports needs (63 + 16 bytes each); keeps a hostile annotation out of memory and messages. */
export const maxPortsAnnotationBytes = 4096;

/**
 * Reads the annotation `nlbports.dev/ports`: one `[name=]number/protocol`, or several, each with a name, by commas.
 * White space around an entry is allowed. Errors: PortsTooLong, MalformedPorts, InvalidPortNumber.
 */
export function parsePorts(text: string): Result<PortWish[]> {
  if (Buffer.byteLength(text) > maxPortsAnnotationBytes) {
    // Without their number: the operator keeps no more of it than shows that they are too many.
    const found = `more than ${maxPortsAnnotationBytes} bytes, at most ${maxPortsAnnotationBytes} wanted`;
    return failure('PortsTooLong', `Cannot read the annotation ${portsAnnotation}: ${found}`);
  }
  const wishes: PortWish[] = [];
  const entries = text.split(',').map(entry => entry.trim());
  for (const entry of entries) {
    const match = /^(?:([^=]*)=)?([0-9]+)\/([A-Za-z_]+)$/.exec(entry);
    if (!match) return malformed(text, `entry "${shown(entry)}", wanted name=number/protocol such as game=7777/UDP`);
    const [, name, digits = '', protocol] = match;
    if (name !== undefined && !isPortName(name)) {
      return malformed(text, `name "${shown(name)}", wanted at most 63 of a-z, 0-9 and hyphens, no hyphen at the ends`);
    }
    if (name === undefined && entries.length > 1) return malformed(text, 'a name for each port when there are several');
    if (!isProtocol(protocol))
      return malformed(text, `protocol "${shown(protocol ?? '')}", wanted TCP, UDP or TCP_UDP`);
    const targetPort = Number(digits);
    if (!(targetPort >= 1 && targetPort <= 65535)) {
      return failure(
        'InvalidPortNumber',
        `Cannot read the annotation ${portsAnnotation}: port ${shown(digits)}, wanted 1 to 65535`,
      );
    }
    const wish = { name: name ?? defaultPortName, targetPort, protocol };
    if (wishes.some(other => other.name === wish.name)) return malformed(text, `name "${wish.name}" more than once`);
    wishes.push(wish);
  }
  return { ok: true, value: wishes };
}

/** Whether a listener of protocol `listener` carries what the wish asks for. */
export function carries(listener: Protocol, wish: Protocol): boolean {
  return listener === wish || listener === 'TCP_UDP';
}

/** The same list with TCP and UDP on one number as a single port of protocol TCP_UDP, under the name of the first. */
export function joinProtocols(wishes: readonly PortWish[]): PortWish[] {
  const joined: PortWish[] = [];
  for (const wish of wishes) {
    const at = joined.findIndex(other => other.targetPort === wish.targetPort && isOtherHalf(other, wish));
    const first = joined[at];
    if (first) joined[at] = { ...first, protocol: 'TCP_UDP', parts: [part(first), part(wish)] };
    else joined.push(wish);
  }
  return joined;
}

function part({ name, protocol }: PortWish) {
  return { name, protocol };
}

function isOtherHalf({ protocol }: PortWish, other: PortWish): boolean {
  return (protocol === 'TCP' && other.protocol === 'UDP') || (protocol === 'UDP' && other.protocol === 'TCP');
}

function isProtocol(text: string | undefined): text is Protocol {
  return text === 'TCP' || text === 'UDP' || text === 'TCP_UDP';
}

function isPortName(text: string): boolean {
  return /^[a-z0-9]([-a-z0-9]{0,61}[a-z0-9])?$/.test(text);
}

function malformed(text: string, found: string) {
  return failure('MalformedPorts', `Cannot read the annotation ${portsAnnotation} "${shown(text)}": ${found}`);
}

function shown(text: string): string {
  return text.length > 80 ? `${text.slice(0, 80)}…` : text;
}
