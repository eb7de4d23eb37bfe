import type { Clock, Timer } from '../../runtime/clock.ts';
import type { Log } from '../../runtime/log.ts';
import { type Closable, type Network, networkErrorCode } from '../network.ts';
import { loadBalancerAttributes } from './attributes.ts';
import type { FlowKey } from './pick-target.ts';
import { pickTarget } from './pick-target.ts';
import type { DurationRange, Settings } from './settings.ts';
import { openTcpPort } from './tcp-port.ts';
import { openUdpPort } from './udp-port.ts';
import type { Forward, Listener, Protocol, Target } from './world.ts';

/** The sockets behind the listeners. Every method resolves when the sockets are as they should be. */
export interface DataPlane {
  open(listener: Listener): Promise<void>;
  /** Port, protocol or forwards were changed: follows after the delay of the profile. */
  modified(listener: Listener): Promise<void>;
  /** The load balancer's zones were changed. */
  refresh(listener: Listener): Promise<void>;
  close(listener: Listener): Promise<void>;
  /** Why a listener's sockets are not all there; undefined where they are. */
  problem(listener: Listener): string | undefined;
  /** Figures over all listeners. */
  counts(): { tcpConnections: number; udpFlows: number };
  closeAll(): Promise<void>;
}

/** What the data plane works with; `dialledHost` is where a target's address is really dialled. */
export interface DataPlaneDeps {
  clock: Clock;
  settings: Settings;
  network: Network;
  log: Log;
  dialledHost(host: string): string;
  draw(range: DurationRange): number;
}

/** What a port asks and tells while it forwards. */
export interface PortDeps extends DataPlaneDeps {
  readonly listener: Listener;
  /** The load balancer's address that the port is on. */
  readonly address: string;
  pick(client: { host: string; port: number }, protocol: 'tcp' | 'udp'): Target | undefined;
}

/** One socket of a listener with its flows. */
export interface Port extends Closable {
  readonly flows: number;
}

interface Plane {
  /** What the data plane follows just now, which lags behind the listener in some profiles. */
  port: number;
  protocol: Protocol;
  forwards: readonly Forward[];
  readonly ports: Map<string, Port>;
  readonly problems: Map<string, string>;
  /** Changes of one listener are made one after another. */
  queue: Promise<void>;
  closed: boolean;
  /** A change that is still on its way. */
  followTimer: Timer | undefined;
}

/** Makes the data plane; nothing listens yet. */
export function createDataPlane(deps: DataPlaneDeps): DataPlane {
  const planes = new Map<Listener, Plane>();

  function enqueue(plane: Plane, work: () => Promise<void>): Promise<void> {
    plane.queue = plane.queue.then(work);
    return plane.queue;
  }

  /** Opens what is missing and closes what is too much. */
  async function reconcile(listener: Listener, plane: Plane): Promise<void> {
    const wanted = new Map<string, { address: string; zone: string; protocol: 'tcp' | 'udp' }>();
    if (!plane.closed && deps.settings['data-plane'] && listener.loadBalancer.type === 'network') {
      for (const { address, name } of listener.loadBalancer.zones) {
        if (address === undefined) continue;
        for (const protocol of socketsOf[plane.protocol]) {
          wanted.set(`${protocol} ${address}:${plane.port}`, { address, zone: name, protocol });
        }
      }
    }
    plane.problems.clear();
    if (plane.protocol === 'TLS') plane.problems.set('tls', 'The emulator does not terminate TLS');
    for (const [name, port] of [...plane.ports]) {
      if (wanted.has(name)) continue;
      plane.ports.delete(name);
      await port.close();
    }
    for (const [name, { address, zone, protocol }] of wanted) {
      if (plane.ports.has(name)) continue;
      const open = protocol === 'tcp' ? openTcpPort : openUdpPort;
      try {
        const port = await open(
          {
            ...deps,
            listener,
            address,
            pick: (client, kind) => pick(listener, plane, flowKey(listener, zone, client, kind)),
          },
          plane.port,
        );
        plane.ports.set(name, port);
      } catch (error) {
        plane.problems.set(name, reportBindFailure(listener, name, address, error));
      }
    }
  }

  function pick(listener: Listener, plane: Plane, key: FlowKey): Target | undefined {
    const nowMs = deps.clock.monotonicMs();
    return listener.loadBalancer.activeMs > nowMs ? undefined : pickTarget(plane.forwards, key, nowMs);
  }

  function reportBindFailure(listener: Listener, name: string, address: string, error: unknown): string {
    const errorCode = networkErrorCode(error);
    const remedy =
      errorCode === 'EADDRNOTAVAIL'
        ? `This machine lacks the address: add it, on a Mac by "sudo ifconfig lo0 alias ${address} up".`
        : errorCode === 'EADDRINUSE'
          ? 'Another program has the port: end it, or choose another port or --set address-range=….'
          : errorCode === 'EACCES'
            ? 'Ports below 1024 need a privilege on this machine: choose a higher one.'
            : 'The listener exists, but carries no traffic.';
    const message = `Cannot listen on ${name}: ${errorCode}. ${remedy}`;
    deps.log.error({ code: 'ListenerSocketFailed', listener: listener.arn, address, error: errorCode }, message);
    return message;
  }

  function flowKey(
    listener: Listener,
    zone: string,
    client: { host: string; port: number },
    protocol: 'tcp' | 'udp',
  ): FlowKey {
    return {
      clientHost: client.host,
      clientPort: client.port,
      protocol,
      zone,
      crossZone: loadBalancerAttributes.value(listener.loadBalancer, 'load_balancing.cross_zone.enabled') === 'true',
    };
  }

  function follow(listener: Listener, plane: Plane): Promise<void> {
    return enqueue(plane, () => {
      plane.port = listener.port;
      plane.protocol = listener.protocol;
      plane.forwards = listener.forwards;
      return reconcile(listener, plane);
    });
  }

  return {
    async open(listener) {
      const plane: Plane = {
        port: listener.port,
        protocol: listener.protocol,
        forwards: listener.forwards,
        ports: new Map(),
        problems: new Map(),
        queue: Promise.resolve(),
        closed: false,
        followTimer: undefined,
      };
      planes.set(listener, plane);
      await enqueue(plane, () => reconcile(listener, plane));
    },
    async modified(listener) {
      const plane = planes.get(listener);
      if (!plane) return;
      const delayMs = deps.draw(deps.settings['modify-listener-delay']);
      if (delayMs === 0) return follow(listener, plane);
      plane.followTimer?.cancel();
      plane.followTimer = deps.clock.after(delayMs, () => void follow(listener, plane));
    },
    async refresh(listener) {
      const plane = planes.get(listener);
      if (plane) await enqueue(plane, () => reconcile(listener, plane));
    },
    async close(listener) {
      const plane = planes.get(listener);
      if (!plane) return;
      planes.delete(listener);
      plane.followTimer?.cancel();
      plane.closed = true;
      await enqueue(plane, () => reconcile(listener, plane));
    },
    problem(listener) {
      const problems = planes.get(listener)?.problems;
      return problems?.size ? [...problems.values()].join(' ') : undefined;
    },
    counts() {
      const counts = { tcpConnections: 0, udpFlows: 0 };
      for (const plane of planes.values()) {
        for (const [name, port] of plane.ports)
          counts[name.startsWith('tcp') ? 'tcpConnections' : 'udpFlows'] += port.flows;
      }
      return counts;
    },
    async closeAll() {
      const open = [...planes];
      planes.clear();
      await Promise.all(
        open.map(([listener, plane]) => {
          plane.followTimer?.cancel();
          plane.closed = true;
          return enqueue(plane, () => reconcile(listener, plane));
        }),
      );
    },
  };
}

const socketsOf: Record<Protocol, readonly ('tcp' | 'udp')[]> = {
  TCP: ['tcp'],
  UDP: ['udp'],
  TCP_UDP: ['tcp', 'udp'],
  TLS: [],
  HTTP: [],
  HTTPS: [],
};

/**
 * The address to dial a target from: the client's where client IP preservation is on and the network allows it, else
 * the load balancer's; undefined where neither can reach the target, so that the system has to choose.
 */
export function sourceAddress(
  deps: PortDeps,
  dialled: string,
  clientHost: string,
  preserves: boolean,
): string | undefined {
  const choices = preserves ? [clientHost, deps.address] : [deps.address];
  return choices.find(from => deps.network.canSendFrom(from, dialled));
}
