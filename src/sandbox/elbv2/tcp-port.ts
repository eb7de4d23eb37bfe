import type { TcpConnection } from '../network.ts';
import { listenerAttributes, targetGroupAttributes } from './attributes.ts';
import { type Port, type PortDeps, sourceAddress } from './data-plane.ts';
import { createIdleSweep, type Idling } from './idle-sweep.ts';
import { proxyProtocolHeader } from './proxy-protocol.ts';
import type { Target } from './world.ts';

// Linux gives up a connect to a silent host after about two minutes; clients of a sandbox should hear sooner.
const dialTimeoutMs = 10_000;

/**
 * Forwards the connections of one port. A real load balancer passes the client's SYN on; here the client is accepted
 * first and reset where the target can't be reached.
 */
export async function openTcpPort(deps: PortDeps, port: number): Promise<Port> {
  const { clock, listener } = deps;
  const flows = new Set<Idling>();
  const sweep = createIdleSweep({
    clock,
    idleMs: () => Number(listenerAttributes.value(listener, 'tcp.idle_timeout.seconds') || 350) * 1000,
    flows: () => flows,
  });

  async function forward(client: TcpConnection): Promise<void> {
    const target = deps.pick(client.remote, 'tcp');
    if (!target) {
      client.attach({ data() {}, ended() {}, closed() {}, drained() {} });
      client.reset();
      return;
    }
    let upstream: TcpConnection | undefined;
    let ended = false;
    const flow: Idling = {
      lastMs: clock.monotonicMs(),
      end() {
        ended = true;
        forget();
        client.reset();
        upstream?.reset();
      },
    };
    const forget = () => {
      flows.delete(flow);
      target.flows.delete(flow.end);
    };
    flows.add(flow);
    target.flows.add(flow.end);
    sweep.watch();
    try {
      upstream = await dial(target, client);
    } catch {
      client.attach({ data() {}, ended() {}, closed() {}, drained() {} });
      flow.end();
      return;
    }
    if (ended) {
      client.attach({ data() {}, ended() {}, closed() {}, drained() {} });
      upstream.attach({ data() {}, ended() {}, closed() {}, drained() {} });
      upstream.reset();
      return;
    }
    if (targetGroupAttributes.value(target.group, 'proxy_protocol_v2.enabled') === 'true') {
      upstream.write(proxyProtocolHeader(client.remote, client.local));
    }
    splice(
      client,
      upstream,
      () => {
        flow.lastMs = clock.monotonicMs();
      },
      forget,
    );
  }

  function dial(target: Target, client: TcpConnection): Promise<TcpConnection> {
    const host = deps.dialledHost(target.id);
    const preserves = targetGroupAttributes.value(target.group, 'preserve_client_ip.enabled') === 'true';
    const from = sourceAddress(deps, host, client.remote.host, preserves);
    return deps.network.dialTcp(
      { host, port: target.port },
      { timeoutMs: dialTimeoutMs, ...(from === undefined ? {} : { from }) },
    );
  }

  const server = await deps.network.listenTcp({ host: deps.address, port }, client => void forward(client));
  return {
    local: server.local,
    get flows() {
      return flows.size;
    },
    async close() {
      sweep.stop();
      for (const flow of [...flows]) flow.end();
      await server.close();
    },
  };
}

/** Passes bytes both ways, with each side's half-close and reset as they come. */
function splice(a: TcpConnection, b: TcpConnection, touched: () => void, done: () => void): void {
  const pass = (from: TcpConnection, to: TcpConnection) => ({
    data(bytes: Uint8Array) {
      touched();
      if (!to.write(bytes)) from.pause();
    },
    ended: () => to.end(),
    closed(reset: boolean) {
      if (reset) to.reset();
      else to.end();
      done();
    },
    drained: () => to.resume(),
  });
  a.attach(pass(a, b));
  b.attach(pass(b, a));
}
