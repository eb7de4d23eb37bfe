import type { Pod } from '../../kube/objects.ts';
import type { Log } from '../../runtime/log.ts';
import type { Closable, Network, TcpConnection, UdpSocket } from '../network.ts';
import type { RunningContainer, StartContainer } from './kubelet.ts';

export interface GameServerDeps {
  network: Network;
  log: Log;
  /** The address to listen on for a pod's address, as by `networkMap`; the same unless given. */
  hostFor?: (ip: string) => string;
}

/** The port on which a web server, not a game, answers. */
const webPort = 80;

/**
 * Makes the sandbox's pods: each container port is served at the pod's address. UDP answers every datagram, and TCP
 * every piece that arrives, with the pod's name; port 80 answers HTTP like a fresh nginx, with the pod's name on the
 * page. A TCP port is opened on UDP ports too, so that a TCP health check of the traffic port finds it.
 */
export function gameServers(deps: GameServerDeps): StartContainer {
  const hostFor = deps.hostFor ?? (ip => ip);
  return async (pod, ip) => {
    const host = hostFor(ip);
    const open: Closable[] = [];
    const close = async () => {
      await Promise.all(open.splice(0).map(item => item.close()));
    };
    try {
      for (const { port, udp } of portsOf(pod)) {
        const handler = port === webPort ? serveWeb(pod.metadata.name) : serveEcho(pod.metadata.name);
        open.push(await deps.network.listenTcp({ host, port }, handler));
        if (udp) open.push(await bindEcho(deps.network, host, port, pod.metadata.name));
      }
    } catch (error) {
      await close();
      throw error;
    }
    return { stop: close } satisfies RunningContainer;
  };
}

function portsOf(pod: Pod): { port: number; udp: boolean }[] {
  const found = new Map<number, boolean>();
  for (const container of pod.spec.containers) {
    for (const { containerPort, protocol } of container.ports ?? []) {
      found.set(containerPort, found.get(containerPort) === true || protocol === 'UDP');
    }
  }
  return [...found].map(([port, udp]) => ({ port, udp }));
}

async function bindEcho(network: Network, host: string, port: number, name: string): Promise<UdpSocket> {
  const answer = new TextEncoder().encode(name);
  const socket: UdpSocket = await network.bindUdp({ host, port }, (_bytes, from) => socket.send(answer, from));
  return socket;
}

function serveEcho(name: string): (connection: TcpConnection) => void {
  const answer = new TextEncoder().encode(name);
  return connection =>
    connection.attach({
      data: () => void connection.write(answer),
      ended: () => connection.end(),
      closed: () => {},
      drained: () => {},
    });
}

/** Requests longer than this are no requests of a health check or a browser. */
const maxHeadBytes = 16_384;

function serveWeb(name: string): (connection: TcpConnection) => void {
  return connection => {
    let head = '';
    connection.attach({
      data(bytes) {
        head += Buffer.from(bytes).toString('latin1');
        for (let end = head.indexOf('\r\n\r\n'); end >= 0; end = head.indexOf('\r\n\r\n')) {
          const request = head.slice(0, end);
          head = head.slice(end + 4);
          connection.write(Buffer.from(page(request, name)));
          if (/\r\nconnection: *close/i.test(request) || / HTTP\/1\.0$/m.test(request.split('\r\n', 1)[0]!)) {
            connection.end();
            return;
          }
        }
        if (head.length > maxHeadBytes) connection.reset();
      },
      ended: () => connection.end(),
      closed: () => {},
      drained: () => {},
    });
  };
}

function page(request: string, name: string): string {
  const match = /^([A-Z]+) (\S+) HTTP\/1\.[01]/.exec(request);
  const isRoot = match !== null && /^\/(index\.html)?(\?.*)?$/.test(match[2]!);
  const status = match === null ? '400 Bad Request' : isRoot ? '200 OK' : '404 Not Found';
  const title = isRoot ? 'Welcome to nginx!' : status;
  const body = `<!DOCTYPE html>\n<html><head><title>${title}</title></head><body><h1>${title}</h1><p>${name}</p></body></html>\n`;
  const headers = [
    `HTTP/1.1 ${status}`,
    'Server: nginx/1.29 (nlbports sandbox)',
    'Content-Type: text/html',
    `Content-Length: ${Buffer.byteLength(body)}`,
    'Connection: keep-alive',
  ];
  return `${headers.join('\r\n')}\r\n\r\n${match?.[1] === 'HEAD' ? '' : body}`;
}
