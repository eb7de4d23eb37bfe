import { isIPv6 } from 'node:net';
import type { Endpoint, UdpSocket } from '../network.ts';
import { type Port, type PortDeps, sourceAddress } from './data-plane.ts';
import { createIdleSweep } from './idle-sweep.ts';
import type { Target } from './world.ts';

interface Flow {
  readonly target: Target;
  readonly to: Endpoint;
  /** Undefined until its socket is bound. */
  upstream: UdpSocket | undefined;
  waiting: Uint8Array[];
  lastMs: number;
  end(): void;
}

// What may wait for a flow's socket, which takes well under a millisecond; more is lost, as UDP may.
const maxWaiting = 256;

/**
 * Forwards datagrams of one port. Each client address and port is a flow with a socket of its own towards the target,
 * so that the target sees flows apart; it stays with its target until it idles, or the target's flows are ended.
 */
export async function openUdpPort(deps: PortDeps, port: number): Promise<Port> {
  const { clock } = deps;
  const flows = new Map<string, Flow>();
  const sweep = createIdleSweep({
    clock,
    idleMs: () => deps.settings['udp-idle-timeout'].minMs,
    flows: () => flows.values(),
  });

  function begin(client: Endpoint, name: string): Flow | undefined {
    const target = deps.pick(client, 'udp');
    if (!target) return undefined;
    const to = { host: deps.dialledHost(target.id), port: target.port };
    const flow: Flow = {
      target,
      to,
      upstream: undefined,
      waiting: [],
      lastMs: clock.monotonicMs(),
      end() {
        if (flows.get(name) === flow) flows.delete(name);
        target.flows.delete(flow.end);
        void flow.upstream?.close();
        flow.upstream = undefined;
      },
    };
    flows.set(name, flow);
    target.flows.add(flow.end);
    sweep.watch();
    void connect(flow, client, name);
    return flow;
  }

  async function connect(flow: Flow, client: Endpoint, name: string): Promise<void> {
    const any = isIPv6(flow.to.host) ? '::' : '0.0.0.0';
    const host = sourceAddress(deps, flow.to.host, client.host, true) ?? any;
    const onReply = (bytes: Uint8Array, from: Endpoint) => {
      // Only the target may answer in its flow.
      if (from.port !== flow.to.port || from.host !== flow.to.host) return;
      flow.lastMs = clock.monotonicMs();
      socket.send(bytes, client);
    };
    try {
      const upstream = await deps.network
        .bindUdp({ host, port: 0 }, onReply)
        .catch(() => deps.network.bindUdp({ host: any, port: 0 }, onReply));
      if (flows.get(name) !== flow) {
        await upstream.close();
        return;
      }
      flow.upstream = upstream;
      for (const bytes of flow.waiting) upstream.send(bytes, flow.to);
      flow.waiting = [];
    } catch (error) {
      deps.log.warn(
        { code: 'FlowSocketFailed', listener: deps.listener.arn, client: name, error: String(error) },
        'Cannot open a socket for a UDP flow',
      );
      flow.end();
    }
  }

  const socket = await deps.network.bindUdp({ host: deps.address, port }, (bytes, client) => {
    const name = `${client.host}:${client.port}`;
    const flow = flows.get(name) ?? begin(client, name);
    if (!flow) return;
    flow.lastMs = clock.monotonicMs();
    if (flow.upstream) flow.upstream.send(bytes, flow.to);
    else if (flow.waiting.length < maxWaiting) flow.waiting.push(bytes);
  });

  return {
    local: socket.local,
    get flows() {
      return flows.size;
    },
    async close() {
      sweep.stop();
      for (const flow of [...flows.values()]) flow.end();
      await socket.close();
    },
  };
}
