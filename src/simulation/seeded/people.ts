import { poolLabel, portsAnnotation, proceedAnnotation } from '../../api/names.ts';
import { type NLBPortPool, nlbPortPools } from '../../api/pool.ts';
import { isNotFound } from '../../kube/kube-error.ts';
import type { Pod } from '../../kube/objects.ts';
import { pods as podResource } from '../../kube/resource.ts';
import { serve } from '../serve.ts';
import type { World } from '../world.ts';
import { createAddresses } from './addresses.ts';
import type { Draw } from './draw.ts';
import { createFleet } from './fleet.ts';
import { createHands } from './hands.ts';
import { type ForeignListener, makeForeignListener } from './make-foreign-listener.ts';
import { lengthenQuarantine, type Scenario, servedPorts } from './scenario.ts';

/** Everybody but the operator: they make rooms and end them, edit pools, and have listeners of their own. */
export interface People {
  start(): Promise<void>;
  /** One act, drawn. */
  act(): Promise<void>;
  /** The end of a run: whatever was begun is brought to an end; nobody acts any more by themselves. */
  calmDown(): Promise<void>;
  /** Every room ends, and where drawn every pool is deleted. Resolves to whether the pools were. */
  leave(): Promise<boolean>;
  /** The run is over: what others do by themselves ends. */
  end(): Promise<void>;
  /** Acts so far. */
  readonly acts: number;
}

export interface PeopleDeps {
  world: World;
  draw: Draw;
  /** A stream for each thing that only some runs are about. */
  streams: (name: string) => Draw;
  scenario: Scenario;
  /** Told of every NLBPort whose resources or object somebody has touched. */
  onTouched: (portName: string) => void;
  say: (line: string) => void;
}

interface Room {
  name: string;
  uid: string;
  ip: string | undefined;
  servers: { close(): Promise<void> }[];
  state: 'lives' | 'leaves' | 'ended';
}

/** Makes people. They see only what they did themselves. */
export function createPeople({ world, draw, streams, scenario, onTouched, say }: PeopleDeps): People {
  const { kube, clock, network } = world;
  const sets = streams('several ports of a room');
  const retentions = streams('retention, edited');
  const rooms = new Map<string, Room>();
  const addresses = createAddresses({ clock, draw });
  const foreign: ForeignListener[] = [];
  let isOver = false;
  let acts = 0;

  /** What follows of itself, unless the object is gone by then. */
  function later(delayMs: number, run: () => Promise<void>): void {
    clock.after(delayMs, () => {
      run().catch(error => {
        if (!isNotFound(error)) say(`people failed: ${(error as Error).message}`);
      });
    });
  }

  async function stopServing(room: Room): Promise<void> {
    const { ip, servers } = room;
    room.servers = [];
    for (const server of servers) await server.close();
    if (servers.length > 0 && ip !== undefined) addresses.giveBack(ip);
  }

  async function giveAddress(room: Room): Promise<void> {
    if (rooms.get(room.name) !== room || room.state !== 'lives') return;
    await stopServing(room);
    const ip = addresses.take();
    room.ip = ip;
    room.servers = await serve(network, room.uid, ip, servedPorts);
    say(`${room.name} (${room.uid}) runs at ${ip}`);
    await patchStatus(room.name, { phase: 'Running', podIP: ip, podIPs: [{ ip }] });
  }

  const patchStatus = (name: string, status: object) =>
    kube.patch(
      podResource,
      { name, namespace: 'default' },
      { type: 'merge', body: { status } },
      { subresource: 'status' },
    );
  const patchPod = (name: string, metadata: object) =>
    kube.patch(podResource, { name, namespace: 'default' }, { type: 'merge', body: { metadata } });

  async function create(name: string): Promise<string> {
    const pool = draw.oneOf(scenario.pools).name;
    const wish = drawWish(`${scenario.pools[0]!.spec.protocol}`);
    const made = await kube.create(podResource, {
      metadata: {
        name,
        namespace: 'default',
        labels: { [poolLabel]: pool },
        annotations: { [portsAnnotation]: wish },
      },
      spec: {
        nodeName: 'node-1',
        terminationGracePeriodSeconds: draw.oneOf([0, 5, 30]),
        containers: [{ name: 'game', image: 'game' }],
      } as unknown as Pod['spec'],
    });
    const room: Room = { name, uid: made.metadata.uid ?? '', ip: undefined, servers: [], state: 'lives' };
    rooms.set(name, room);
    later(draw.chance(0.5) ? 0 : draw.int(0, 6_000), () => giveAddress(room));
    return `creates ${name} (${room.uid}) in ${pool} for ${wish}`;
  }

  /** What the room asks for: one port, or a set of two or three. */
  function drawWish(protocol: string): string {
    if (!scenario.severalPorts || sets.chance(0.4)) return `7777/${protocol}`;
    const two = `game=7777/${protocol},voice=7778/${protocol}`;
    const three = `${two},query=7779/${protocol}`;
    // One number for TCP and UDP is one port.
    const pair = `game=7777/UDP,login=7777/TCP,voice=7778/UDP`;
    return sets.oneOf(protocol === 'TCP_UDP' ? [two, three, pair] : [two, three]);
  }

  /** The object goes, at once or after its time of grace, as with a kubelet. */
  async function remove(room: Room): Promise<void> {
    room.state = 'leaves';
    const key = { name: room.name, namespace: 'default' };
    await kube.delete(podResource, key);
    const left = await find(room);
    if (!left) return await vanish(room);
    const graceMs = (left.metadata.deletionGracePeriodSeconds ?? 0) * 1_000;
    later(draw.int(0, graceMs), async () => {
      await stopServing(room);
      if (draw.chance(0.5)) await patchStatus(room.name, { phase: draw.oneOf(['Succeeded', 'Failed']) });
      await kube.delete(podResource, key, { gracePeriodSeconds: 0, uid: room.uid });
      await vanish(room);
    });
  }

  /** The object is gone without a word. */
  async function vanish(room: Room): Promise<void> {
    if (await find(room)) {
      await kube.delete(
        podResource,
        { name: room.name, namespace: 'default' },
        { gracePeriodSeconds: 0, uid: room.uid },
      );
    }
    await stopServing(room);
    if (rooms.get(room.name) === room) rooms.delete(room.name);
  }

  async function find(room: Room): Promise<Pod | undefined> {
    try {
      const pod = await world.pod(room.name);
      return pod.metadata.uid === room.uid ? pod : undefined;
    } catch (error) {
      if (isNotFound(error)) return undefined;
      throw error;
    }
  }

  const living = () => [...rooms.values()].filter(({ state }) => state === 'lives');

  const fleet =
    scenario.services.length > 0
      ? createFleet({ world, draw: streams('fleet'), scenario, addresses, later, say })
      : undefined;
  const hands = scenario.byHand
    ? createHands({ world, draw: streams('hands'), onTouched, onTaken: theirs => foreign.push(theirs) })
    : undefined;
  const all: { weight: number; act: () => Promise<string | undefined> }[] = [
    ...(fleet?.acts ?? []),
    ...(hands?.acts ?? []),
    {
      weight: 10,
      async act() {
        const names = scenario.rooms.filter(name => !rooms.has(name));
        return names.length === 0 ? undefined : create(draw.oneOf(names));
      },
    },
    {
      weight: 4,
      async act() {
        const room = anyOf(living());
        if (!room) return undefined;
        await remove(room);
        return `deletes ${room.name}`;
      },
    },
    {
      weight: 3,
      async act() {
        const room = anyOf(living());
        if (!room) return undefined;
        await vanish(room);
        return `force-deletes ${room.name}, and ${await create(room.name)}`;
      },
    },
    {
      weight: 2,
      async act() {
        const room = anyOf(living());
        if (!room) return undefined;
        room.state = 'ended';
        await stopServing(room);
        await patchStatus(room.name, { phase: draw.oneOf(['Succeeded', 'Failed']) });
        later(draw.int(0, 20_000), () => vanish(room));
        return `ends ${room.name}`;
      },
    },
    {
      weight: 2,
      async act() {
        const room = anyOf(living().filter(({ ip }) => ip !== undefined));
        if (!room) return undefined;
        await giveAddress(room);
        return `moves ${room.name} to ${room.ip}`;
      },
    },
    {
      weight: 1,
      async act() {
        const room = anyOf(living());
        if (!room) return undefined;
        room.state = 'leaves';
        await stopServing(room);
        later(draw.int(0, 40_000), () => vanish(room));
        return `${room.name} is gone with its host`;
      },
    },
    {
      weight: 2,
      async act() {
        const room = anyOf(living());
        if (!room) return undefined;
        const labelled = draw.oneOf([null, ...scenario.pools.map(({ name }) => name)]);
        await patchPod(room.name, { labels: { [poolLabel]: labelled } });
        return `labels ${room.name} with ${labelled}`;
      },
    },
    {
      weight: 3,
      async act() {
        const { name, spec } = draw.oneOf(scenario.pools);
        const edit = drawEdit(spec);
        if (scenario.lateCallMs > 1_000) lengthenQuarantine(edit);
        await kube.patch(nlbPortPools, { name }, { type: 'merge', body: { spec: edit } });
        return `edits ${name}: ${JSON.stringify(edit)}`;
      },
    },
    {
      weight: scenario.budgetJudged ? 0 : 1,
      act: placeForeignListener,
    },
    {
      weight: scenario.budgetJudged ? 0 : 1,
      act: removeForeignListener,
    },
  ];
  const weights = all.reduce((sum, { weight }) => sum + weight, 0);

  function drawEdit(spec: Record<string, unknown>): Record<string, unknown> {
    const { min } = spec.ports as { min: number };
    const arns = world.loadBalancers.map(({ arn }) => ({ arn }));
    return draw.oneOf<() => Record<string, unknown>>([
      () => ({ warm: draw.int(0, 3) }),
      () => ({ ports: { min, max: min + draw.int(0, scenario.budgetJudged ? 11 : 3) } }),
      () => ({ loadBalancers: draw.chance(0.5) ? arns : [draw.oneOf(arns)] }),
      () => ({ healthCheck: { interval: draw.oneOf(['10s', '15s', '20s']) } }),
      () => ({ targets: { deregistrationDelay: draw.oneOf(['0s', '2s', '5s']) } }),
      () => {
        const quarantine = draw.oneOf(['3s', '20s', '30s']);
        const { retains } = scenario;
        return {
          release: retains.length > 0 ? { quarantine, retain: retentions.oneOf(['0s', ...retains]) } : { quarantine },
        };
      },
    ])();
  }

  /** Somebody's own listener on a port of a pool: where it is free for them, it is theirs from then on. */
  async function placeForeignListener(): Promise<string | undefined> {
    const { spec } = draw.oneOf(scenario.pools);
    const port = (spec.ports as { min: number }).min + draw.int(0, 2);
    const { arn } = draw.oneOf(world.loadBalancers);
    const made = await makeForeignListener(world, { name: `theirs-${acts}`, loadBalancerArn: arn, port });
    if (made.status !== 200) {
      await world.person('DeleteTargetGroup', { TargetGroupArn: made.targetGroupArn });
      return `finds port ${port} taken`;
    }
    foreign.push(made);
    return `listens on ${port} of ${arn}`;
  }

  async function removeForeignListener(): Promise<string | undefined> {
    const found = foreign.pop();
    if (!found) return undefined;
    await world.person('DeleteListener', { ListenerArn: found.listenerArn });
    await world.person('DeleteTargetGroup', { TargetGroupArn: found.targetGroupArn });
    return `takes the own listener ${found.listenerArn} away`;
  }

  async function proceed(name: string): Promise<void> {
    const metadata = { annotations: { [proceedAnnotation]: 'true' } };
    await kube.patch(nlbPortPools, { name }, { type: 'merge', body: { metadata } });
  }

  const anyOf = <T>(choices: readonly T[]): T | undefined => (choices.length === 0 ? undefined : draw.oneOf(choices));

  return {
    start: async () => fleet?.start(),
    end: async () => fleet?.stop(),
    get acts() {
      return acts;
    },
    async act() {
      if (isOver) return;
      let at = draw.int(0, weights - 1);
      const chosen = all.find(({ weight }) => {
        at -= weight;
        return at < 0;
      });
      const said = await chosen!.act().catch(error => {
        if (!isNotFound(error)) throw error;
        return undefined;
      });
      if (said === undefined) return;
      acts += 1;
      say(`someone ${said}`);
    },
    async calmDown() {
      isOver = true;
      for (const room of [...rooms.values()]) if (room.state !== 'lives') await vanish(room);
      await fleet?.calmDown();
      // Where somebody deleted the last NLBPort and the operator died, it asks a person what is true.
      if (hands) for (const { name } of scenario.pools) await proceed(name);
      while (foreign.length > 0 && draw.chance(0.5)) await removeForeignListener();
    },
    async leave() {
      for (const room of [...rooms.values()]) await vanish(room);
      await fleet?.leave();
      const goes = draw.chance(0.5);
      say(goes ? 'everyone leaves, and the pools are deleted' : 'everyone leaves');
      if (goes) for (const { name } of scenario.pools) await kube.delete<NLBPortPool>(nlbPortPools, { name });
      return goes;
    },
  };
}
