import assert from 'node:assert/strict';
import { type Random, randomInt } from '../../src/runtime/random.ts';
import { eventually } from './eventually.ts';
import type { GameServer } from './game-server.ts';
import type { OperatorProcess } from './operator-process.ts';
import type { AnyObject } from './rest.ts';
import { eachOf, pause, startWorld, type World } from './world.ts';

export interface ChurnOptions {
  rooms: number;
  operatorKills: number;
  apiServerKills: number;
  etcdRestarts: number;
  /** How long AWS answers everything with 500, and then how long it throttles everything. */
  outageMs: number;
  throttleMs: number;
  random: Random;
  say(line: string): void;
}

/** What the churn did, and what the prober saw meanwhile. */
export interface ChurnReport {
  rooms: { created: number; deleted: number };
  probes: { sent: number; right: number; silent: number };
  /** A published endpoint that answered with another room's name, with the pod and its endpoint unchanged around it. */
  misrouted: string[];
}

/** Every port of the pool is warm, so that at the end each is Bound or Available. */
const portsPerLoadBalancer = 40;
const quarantine = '2s';

/**
 * Makes, deletes and makes again rooms by the same names, while the operator, the API server and etcd are killed and
 * AWS goes through bad minutes; a prober asks every published endpoint all the time. Then judges the end: every live
 * room has one endpoint that answers with its name, every other port is Available, and AWS holds nothing without an owner.
 */
export async function churn(options: ChurnOptions): Promise<ChurnReport> {
  const { random, say } = options;
  const world = await startWorld({ loadBalancers: ['game-1', 'game-2'] });
  const report: ChurnReport = {
    rooms: { created: 0, deleted: 0 },
    probes: { sent: 0, right: 0, silent: 0 },
    misrouted: [],
  };
  const crowd = createCrowd(world, report);
  const stop = new AbortController();
  const loops: Promise<void>[] = [];
  try {
    await world.pool('game', {
      ports: { min: 30000, max: 30000 + portsPerLoadBalancer - 1 },
      warm: 2 * portsPerLoadBalancer,
      release: { on: 'Ended', quarantine },
    });
    let operator = await world.operator();
    await everyPort(world, ['Available']);
    const names = Array.from({ length: options.rooms }, (_, at) => `room-${String(at + 1).padStart(3, '0')}`);
    await eachOf(names, 10, name => crowd.toggle(name));
    loops.push(keepChurning(stop.signal, random, names, crowd), keepProbing(stop.signal, world, report));

    for (let kills = 1; kills <= options.operatorKills; kills++) {
      await pause(randomInt(random, 300, 2_500));
      operator = await killOperator(world, operator);
      say(`${kills} of ${options.operatorKills} kills of the operator; ${progress(report)}`);
    }
    for (let kills = 1; kills <= options.apiServerKills; kills++) {
      await pause(randomInt(random, 500, 3_000));
      await world.cluster.killApiServer();
      await pause(randomInt(random, 0, 2_000));
      await world.cluster.startApiServer();
      say(`${kills} of ${options.apiServerKills} kills of the API server; ${progress(report)}`);
    }
    for (let restarts = 1; restarts <= options.etcdRestarts; restarts++) {
      await world.cluster.stopEtcd();
      await pause(1_000);
      await world.cluster.startEtcd();
      say(`etcd was restarted; ${progress(report)}`);
    }
    await world.aws.setFaults([{ kind: 'error' }]);
    await pause(options.outageMs);
    say(`${options.outageMs / 1_000} s of AWS answering 500; ${progress(report)}`);
    await world.aws.setFaults([{ kind: 'throttle' }]);
    await pause(options.throttleMs);
    say(`${options.throttleMs / 1_000} s of AWS throttling everything; ${progress(report)}`);
    await world.aws.setFaults([]);

    stop.abort();
    await Promise.all(loops);
    await judge(world, crowd);
    say(`at the end all is well; ${progress(report)}`);
    return report;
  } finally {
    stop.abort();
    await Promise.allSettled(loops);
    await crowd.close();
    await world.stop();
  }
}

async function killOperator(world: World, operator: OperatorProcess): Promise<OperatorProcess> {
  await operator.kill();
  return await world.operator();
}

/** The rooms that live, each with a server that answers with the name of its incarnation. */
interface Crowd {
  /** Deletes a room that lives; makes one that doesn't, with a new address. */
  toggle(name: string): Promise<void>;
  alive(): Map<string, GameServer>;
  close(): Promise<void>;
}

function createCrowd(world: World, report: ChurnReport): Crowd {
  const servers = new Map<string, GameServer>();
  let made = 0;
  return {
    async toggle(name) {
      const server = servers.get(name);
      if (server) {
        await persist(() => world.pods.remove(name));
        servers.delete(name);
        await server.close();
        report.rooms.deleted++;
        return;
      }
      made += 1;
      // An address rests until all others had their turn, longer than any deregistration takes.
      const ip = world.ip(made % 10_000);
      servers.set(name, await world.serve(`${name}#${made}`, ip));
      await persist(async () => {
        if (await world.pods.find(name)) await world.pods.remove(name);
        await world.pods.run({
          name,
          ip,
          labels: { 'nlbports.dev/pool': 'game' },
          annotations: { 'nlbports.dev/ports': '7777/UDP' },
        });
      });
      report.rooms.created++;
    },
    alive: () => servers,
    async close() {
      for (const server of servers.values()) await server.close();
    },
  };
}

async function keepChurning(signal: AbortSignal, random: Random, names: readonly string[], crowd: Crowd) {
  while (!signal.aborted) {
    const name = names[randomInt(random, 0, names.length - 1)]!;
    await crowd.toggle(name);
    // Half of those that went come back under their name at once.
    if (!crowd.alive().has(name) && random.next() < 0.5) await crowd.toggle(name);
    await pause(randomInt(random, 20, 200));
  }
}

async function keepProbing(signal: AbortSignal, world: World, report: ChurnReport): Promise<void> {
  while (!signal.aborted) {
    const pods = await world.cluster.rest.list('/api/v1/namespaces/default/pods').catch(() => []);
    await eachOf(pods, 10, pod => probe(world, pod, report));
    await pause(50);
  }
}

/** Asks a published endpoint. What is wrong counts where nothing had changed when the answer was there. */
async function probe(world: World, pod: AnyObject, report: ChurnReport): Promise<void> {
  const endpoint = world.endpointOf(pod);
  if (!endpoint) return;
  report.probes.sent++;
  const answer = await world.ask(endpoint).catch(() => undefined);
  if (answer === undefined) report.probes.silent++;
  else if (answer.startsWith(`${pod.metadata.name}#`)) report.probes.right++;
  else {
    const now = await persist(() => world.pods.find(pod.metadata.name));
    if (now?.metadata.uid !== pod.metadata.uid || world.endpointOf(now) !== endpoint) return;
    report.misrouted.push(`${endpoint} of ${pod.metadata.name} answered as ${answer}`);
  }
}

async function judge(world: World, crowd: Crowd): Promise<void> {
  await eventually(
    async () => {
      const ports = await world.ports();
      const alive = crowd.alive();
      const held = ports.filter(({ spec }) => spec.claim);
      assert.deepEqual(held.map(({ spec }) => spec.claim.name).toSorted(), [...alive.keys()].toSorted());
      for (const { metadata, spec, status } of ports) {
        assert.equal(status?.phase, spec.claim ? 'Bound' : 'Available', metadata.name);
      }
      for (const [name, server] of alive) {
        const pod = await world.pods.get(name);
        const port = held.find(({ spec }) => spec.claim.uid === pod.metadata.uid);
        assert.ok(port, `${name} holds no port`);
        assert.equal(world.endpointOf(pod), port.status?.endpoint);
        assert.equal(await world.ask(port.status?.endpoint), server.name);
      }
      await judgeAws(world, ports);
    },
    120_000,
    1_000,
  );
}

/** AWS holds exactly what the NLBPorts say: listeners, target groups, and in each the targets that are wanted. */
async function judgeAws(world: World, ports: readonly AnyObject[]): Promise<void> {
  const listeners: (string | undefined)[] = [];
  for (const { arn } of world.loadBalancers) {
    listeners.push(...(await world.aws.listeners(arn)).map(({ ListenerArn }) => ListenerArn));
  }
  assert.deepEqual(listeners.toSorted(), ports.map(({ status }) => status.listenerArn).toSorted());
  const groups = await world.aws.targetGroups();
  assert.equal(groups.length, ports.length);
  for (const group of groups) {
    const port = ports.find(({ status }) => status.targetGroupArn === group.TargetGroupArn);
    assert.ok(port, `${group.TargetGroupName} has no owner`);
    const wanted = (port.spec.targets ?? []).map((target: AnyObject) => `${target.ip}:${target.port}`);
    const found = group.targets.filter(({ state }) => state !== 'draining').map(({ target }) => target);
    assert.deepEqual(found, wanted, port.metadata.name);
  }
}

async function everyPort(world: World, phases: string[]): Promise<void> {
  await eventually(
    async () => {
      const ports = await world.ports();
      assert.equal(ports.length, 2 * portsPerLoadBalancer);
      for (const { status } of ports) assert.ok(phases.includes(status?.phase));
    },
    60_000,
    500,
  );
}

/** The judge's own requests meet the outages too: each is repeated until the API server answers. */
const persist = <T>(work: () => Promise<T>): Promise<T> => eventually(work, 60_000, 200);

function progress({ rooms, probes, misrouted }: ChurnReport): string {
  return `${rooms.created} rooms made, ${rooms.deleted} deleted; ${probes.sent} probes, ${probes.right} right, ${probes.silent} without an answer, ${misrouted.length} misrouted`;
}
