import { type ChildProcess, spawn } from 'node:child_process';
import { createSocket, type Socket as UdpSocket } from 'node:dgram';
import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { connect, createServer, type Socket } from 'node:net';
import { loadavg } from 'node:os';
import { createInterface } from 'node:readline';
import { request } from 'undici';
import { sleep, systemClock } from '../runtime/clock.ts';
import { signatureHeaders } from './elbv2/test-client.ts';

// `npm run bench:bytes`: clients (this process), the emulator and a server, each a process of its own. Exit code 1
// where a flow or a connection is lost.
const udpFlows = 10_000;
const tcpConnections = 2_000;
const atOnce = 100;
const measureMs = 5_000;
// A machine that is busy may be slow; what has not come by then is lost.
const patienceMs = 20_000;
const clock = systemClock();
const host = '127.0.0.1';
let asked = 0;

if (process.argv[2] === 'server') await serve();
else await bench();

/** Echoes on one port, by UDP and TCP; its number goes to standard output. */
async function serve(): Promise<void> {
  const tcp = createServer(socket => socket.on('error', () => {}).pipe(socket)).listen({
    host,
    port: 0,
    backlog: 4096,
  });
  await once(tcp, 'listening');
  const { port } = tcp.address() as { port: number };
  const udp = createSocket({ type: 'udp4', recvBufferSize: 1 << 22 });
  udp.on('message', (bytes, from) => udp.send(bytes, from.port, from.address)).bind(port, host);
  await once(udp, 'listening');
  console.log(JSON.stringify({ port }));
}

async function bench(): Promise<void> {
  const server = child([import.meta.filename, 'server']);
  const emulator = child([
    ...[`${import.meta.dirname}/../cli/main.ts`, 'sandbox', '--only=aws', '--aws-port=0', '--json'],
  ]);
  try {
    const { port } = (await firstLine(server)) as { port: number };
    const { aws } = (await firstLine(emulator)) as { aws: { endpoint: string } };
    const at = await makeLoadBalancer(aws.endpoint, port);
    await carryAtOnce(at);
    await measureUdp(at);
    await measureTcp(at);
    await measureCalls(aws.endpoint);
    const memory = /VmRSS:\s+(\d+)/.exec(readFileSync(`/proc/${emulator.pid}/status`, 'utf8'))?.[1];
    console.log(`memory of the emulator after it: ${Math.round(Number(memory) / 1024)} MB`);
    console.log(`load average while this ran: ${loadavg()[0]!.toFixed(0)}`);
  } finally {
    emulator.kill();
    server.kill();
  }
}

function child(args: string[]): ChildProcess {
  return spawn(process.execPath, args, { stdio: ['ignore', 'pipe', 'inherit'] });
}

async function firstLine({ stdout }: ChildProcess): Promise<unknown> {
  const [line] = (await once(createInterface({ input: stdout! }), 'line')) as [string];
  return JSON.parse(line);
}

interface Place {
  port: number;
  address: string;
}

async function makeLoadBalancer(url: string, port: number): Promise<Place> {
  const call = async (form: string) => {
    const body = `Version=2015-12-01&${form}`;
    const answer = await request(url, { method: 'POST', headers: signatureHeaders(clock.nowMs()), body });
    const text = await answer.body.text();
    if (answer.statusCode !== 200) throw new Error(text);
    return (element: string) => new RegExp(`<${element}>([^<]*)<`).exec(text)?.[1] ?? '';
  };
  const balancer = await call('Action=CreateLoadBalancer&Name=bench&Type=network&Subnets.member.1=subnet-1');
  const group = (
    await call(`Action=CreateTargetGroup&Name=bench&Protocol=TCP_UDP&Port=${port}&VpcId=vpc-1&TargetType=ip`)
  )('TargetGroupArn');
  const action = `DefaultActions.member.1.Type=forward&DefaultActions.member.1.TargetGroupArn=${group}`;
  const arn = balancer('LoadBalancerArn');
  await call(`Action=CreateListener&LoadBalancerArn=${arn}&Protocol=TCP_UDP&Port=30000&${action}`);
  await call(`Action=RegisterTargets&TargetGroupArn=${group}&Targets.member.1.Id=${host}`);
  const health = () => call(`Action=DescribeTargetHealth&TargetGroupArn=${group}`);
  while ((await health())('State') !== 'healthy') await sleep(clock, 20);
  return { port: 30_000, address: balancer('IpAddress') };
}

/** All flows and connections open, then every one of them asked again: counts those that answer. */
async function carryAtOnce(at: Place): Promise<void> {
  const startMs = clock.monotonicMs();
  const flows = await inLanes(udpFlows, async () => {
    const socket = createSocket('udp4');
    socket.connect(at.port, at.address);
    await once(socket, 'connect');
    return { socket, ok: await heardUdp(socket) };
  });
  const connections = await inLanes(tcpConnections, async () => {
    const socket = connect(at.port, at.address).on('error', () => {});
    return { socket, ok: await heardTcp(socket) };
  });
  const openMs = clock.monotonicMs() - startMs;
  const again = await inLanes(udpFlows, n => heardUdp(flows[n]!.socket));
  const tcpAgain = await inLanes(tcpConnections, n => heardTcp(connections[n]!.socket));
  const count = (list: readonly boolean[]) => list.filter(Boolean).length;
  console.log(
    `at once: ${count(flows.map(flow => flow.ok))} UDP flows and ${count(connections.map(one => one.ok))} TCP ` +
      `connections opened in ${(openMs / 1000).toFixed(1)} s; asked again, ${count(again)} and ${count(tcpAgain)} answer`,
  );
  if (count(again) < udpFlows || count(tcpAgain) < tcpConnections) process.exitCode = 1;
  for (const { socket } of flows) socket.close();
  for (const { socket } of connections) socket.destroy();
}

/** Runs `work` for 0 to `count - 1`, some at a time, and gives what it came to in that order. */
async function inLanes<T>(count: number, work: (n: number) => Promise<T>): Promise<T[]> {
  const results: T[] = [];
  let next = 0;
  const lane = async () => {
    while (next < count) {
      const n = next++;
      results[n] = await work(n);
    }
  };
  await Promise.all(Array.from({ length: atOnce }, lane));
  return results;
}

/** Asks and hears the same text; a lost datagram is no lost flow, so it asks three times. */
async function heardUdp(socket: UdpSocket): Promise<boolean> {
  for (let tries = 0; tries < 3; tries++) {
    const text = `question ${asked++}`;
    socket.send(text);
    if (await answered(hears => socket.once('message', bytes => hears(bytes.toString() === text)))) return true;
  }
  return false;
}

function heardTcp(socket: Socket): Promise<boolean> {
  const text = `question ${asked++}`;
  socket.write(text);
  return answered(hears => {
    socket.once('data', bytes => hears(bytes.toString() === text));
    socket.once('close', () => hears(false));
  });
}

function answered(listen: (hears: (ok: boolean) => void) => void): Promise<boolean> {
  return new Promise(resolve => {
    const timer = clock.after(patienceMs, () => resolve(false));
    listen(ok => {
      timer.cancel();
      resolve(ok);
    });
  });
}

async function measureUdp(at: Place): Promise<void> {
  let trips = 0;
  const endMs = clock.monotonicMs() + measureMs;
  await inLanes(atOnce, async () => {
    const socket = createSocket('udp4');
    socket.connect(at.port, at.address);
    await once(socket, 'connect');
    while (clock.monotonicMs() < endMs && (await heardUdp(socket))) trips++;
    socket.close();
  });
  console.log(`UDP round trips, ${atOnce} flows: ${Math.round((trips * 1000) / measureMs)} a second`);
}

async function measureTcp(at: Place): Promise<void> {
  const socket = connect(at.port, at.address);
  let bytes = 0;
  socket.on('data', chunk => {
    bytes += chunk.length;
  });
  const piece = Buffer.alloc(1 << 16);
  const fill = () => {
    while (socket.write(piece));
  };
  socket.on('drain', fill);
  fill();
  await sleep(clock, measureMs);
  socket.removeAllListeners('drain').destroy();
  console.log(`TCP echo on one connection: ${Math.round(bytes / 1e6 / (measureMs / 1000))} MB a second`);
}

async function measureCalls(url: string): Promise<void> {
  let calls = 0;
  const endMs = clock.monotonicMs() + measureMs;
  const body = 'Version=2015-12-01&Action=DescribeTargetGroups&Names.member.1=bench';
  await inLanes(16, async () => {
    while (clock.monotonicMs() < endMs) {
      const answer = await request(url, { method: 'POST', headers: signatureHeaders(clock.nowMs()), body });
      await answer.body.dump();
      calls++;
    }
  });
  console.log(`DescribeTargetGroups from another process: ${Math.round((calls * 1000) / measureMs)} calls a second`);
}
