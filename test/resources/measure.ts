import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { sleep, systemClock } from '../../src/runtime/clock.ts';
import { createAwsPerson } from '../../src/sandbox/demo/aws-person.ts';
import { demoPool, roomPod } from '../../src/sandbox/demo/demo-objects.ts';
import { eventually } from '../cluster/eventually.ts';
import { guardFolder, type ManagedProcess, startProcess } from '../cluster/managed-process.ts';
import { startOperator } from '../cluster/operator-process.ts';
import { cleanEnvironment, nlbportsCommand } from '../cluster/product.ts';

/**
 * `npm run bench:resources -- --rooms 50,500,1000`: what memory and CPU the operator takes, as its own process between the
 * simulated API and the emulated AWS, each a process too. All rooms come at once, play, and end at once, and no budget
 * slows the calls to AWS: the CPU seconds of a room are those of real life, the peaks are higher. `--heap` is in MB: in a
 * container Node takes half of the memory limit for it, and collects its garbage only when it comes near.
 */
const { values } = parseArgs({
  options: { rooms: { type: 'string', default: '50,500,1000' }, heap: { type: 'string', default: '256' } },
});
const clock = systemClock();
/** Linux counts CPU time in these (getconf CLK_TCK). */
const ticksPerSecond = 100;
const idleMs = 20_000;
const portsPerLoadBalancer = 50;

for (const rooms of values.rooms.split(',').map(Number)) console.log(await measure(rooms));

async function measure(rooms: number): Promise<string> {
  const folder = mkdtempSync(join(tmpdir(), 'nlbports-resources-'));
  const release = guardFolder(folder);
  const started: ManagedProcess[] = [];
  const sandbox = async (only: string, ...flags: string[]) => {
    const process = await startProcess({
      name: only,
      command: nlbportsCommand,
      args: ['sandbox', `--only=${only}`, '--json', ...flags],
      env: cleanEnvironment(),
      logFile: join(folder, only),
    });
    started.push(process);
    const line = () =>
      process
        .log()
        .split('\n')
        .find(text => text.startsWith('{"') && text.includes('"pid"'));
    return await eventually(() => JSON.parse(line()!), 15_000);
  };
  try {
    const { kubernetes } = await sandbox('kubernetes', '--kubernetes-port=0');
    const { aws } = await sandbox('aws', '--aws-port=0', '--set=data-plane=off');
    const operator = await startOperator({
      kubeconfig: kubernetes.kubeconfig,
      awsEndpoint: aws.endpoint,
      args: ['--aws-budget=none', '--leader-elect=false'],
      env: { NODE_OPTIONS: `--max-old-space-size=${values.heap}` },
    });
    started.push(operator.process);
    await operator.waitReady();
    const pid = nodeOf(operator.process.pid);
    const samples = { ready: usage(pid), served: usage(pid), idle: usage(pid), ended: usage(pid) };

    await makePool(kubernetes.url, aws.endpoint, Math.ceil(rooms / portsPerLoadBalancer));
    const bound = (phase: string) => async () => {
      const found = (await operator.metrics()).find(
        ({ name, labels }) => name === 'nlbports_ports' && labels.pool === 'game' && labels.phase === phase,
      )?.value;
      if ((found ?? 0) < rooms) throw new Error(`${found} of ${rooms} ports are ${phase}`);
    };
    await eventually(bound('Cold'), 60_000, 500);
    const names = Array.from({ length: rooms }, (_, at) => `room-${at}`);
    const startedMs = clock.monotonicMs();
    await inTurns(names, (name, at) =>
      startRoom(kubernetes.url, name, `10.${1 + Math.floor(at / 250)}.0.${1 + (at % 250)}`),
    );
    await eventually(bound('Bound'), 1_200_000, 500);
    const servedMs = clock.monotonicMs() - startedMs;
    samples.served = usage(pid);
    await sleep(clock, idleMs);
    samples.idle = usage(pid);
    await inTurns(names, name =>
      call(kubernetes.url, 'DELETE', `/api/v1/namespaces/default/pods/${name}?gracePeriodSeconds=0`),
    );
    await eventually(bound('Cold'), 1_200_000, 500);
    samples.ended = usage(pid);
    await operator.stop();
    const { ready, served, idle, ended } = samples;
    const load = (100 * (idle.cpuSeconds - served.cpuSeconds)) / (idleMs / 1000);
    return [
      `${rooms} rooms: served in ${(servedMs / 1000).toFixed(1)} s`,
      `memory ${ready.rssMb} MB at the start, ${idle.rssMb} with all rooms, ${ended.peakMb} at most`,
      `CPU ${(served.cpuSeconds - ready.cpuSeconds).toFixed(1)} s to serve them, ${load.toFixed(1)} % of a core while they play, ${(ended.cpuSeconds - idle.cpuSeconds).toFixed(1)} s to end them`,
    ].join('; ');
  } finally {
    for (const process of started) await process.stop(2_000);
    rmSync(folder, { recursive: true, force: true });
    release();
  }
}

/** bin/nlbports replaces itself by Node, so both have one id; a runtime in between would show here. */
function nodeOf(pid: number): number {
  if (readFileSync(`/proc/${pid}/comm`, 'utf8').trim() === 'sh')
    throw new Error('Cannot measure: a shell is in between.');
  return pid;
}

function usage(pid: number): { rssMb: number; peakMb: number; cpuSeconds: number } {
  const status = readFileSync(`/proc/${pid}/status`, 'utf8');
  const megabytes = (field: string) =>
    Math.round(Number(new RegExp(`^${field}:\\s+(\\d+) kB`, 'm').exec(status)?.[1]) / 1024);
  // After the name, which may contain blanks: field 14 and 15 of proc(5) are user and system time.
  const fields = readFileSync(`/proc/${pid}/stat`, 'utf8')
    .replace(/^.*\) /, '')
    .split(' ');
  return {
    rssMb: megabytes('VmRSS'),
    peakMb: megabytes('VmHWM'),
    cpuSeconds: (Number(fields[11]) + Number(fields[12])) / ticksPerSecond,
  };
}

async function makePool(server: string, endpoint: string, loadBalancers: number): Promise<void> {
  const aws = createAwsPerson(endpoint);
  const made = [];
  for (let at = 1; at <= loadBalancers; at++) made.push(await aws.createLoadBalancer(`game-${at}`));
  aws.close();
  const ports = { min: 30000, max: 30000 + portsPerLoadBalancer - 1 };
  const body = demoPool({ name: 'game', loadBalancers: made, ports, protocol: 'TCP_UDP', quarantine: '2s' });
  const kind = { apiVersion: 'nlbports.dev/v1alpha1', kind: 'NLBPortPool' };
  await call(server, 'POST', '/apis/nlbports.dev/v1alpha1/nlbportpools', { ...kind, ...body });
}

async function startRoom(server: string, name: string, ip: string): Promise<void> {
  await call(server, 'POST', '/api/v1/namespaces/default/pods', {
    apiVersion: 'v1',
    kind: 'Pod',
    ...roomPod(name, 'game'),
  });
  const conditions = [{ type: 'Ready', status: 'True' }];
  const status = { phase: 'Running', podIP: ip, podIPs: [{ ip }], conditions };
  await call(server, 'PATCH', `/api/v1/namespaces/default/pods/${name}/status`, { status });
}

async function call(server: string, method: string, path: string, body?: object): Promise<void> {
  const type = method === 'PATCH' ? 'application/merge-patch+json' : 'application/json';
  const answer = await fetch(new URL(path, server), {
    method,
    headers: { 'content-type': type },
    ...(body === undefined ? {} : { body: JSON.stringify(body) }),
  });
  const text = await answer.text();
  if (!answer.ok) throw new Error(`${method} ${path} answered ${answer.status} ${text}`);
}

/** A few at a time. */
async function inTurns<T>(items: readonly T[], run: (item: T, at: number) => Promise<void>): Promise<void> {
  const left = items.entries();
  await Promise.all(
    Array.from({ length: 8 }, async () => {
      for (const [at, item] of left) await run(item, at);
    }),
  );
}
