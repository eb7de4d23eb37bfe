import { loadBalancerClass, poolLabel } from '../../api/names.ts';
import { isNotFound } from '../../kube/kube-error.ts';
import type { Pod, Service } from '../../kube/objects.ts';
import { endpointSlices, pods as podResource, services as serviceResource } from '../../kube/resource.ts';
import { silentLog } from '../../runtime/log.ts';
import { createEndpointSliceMaker } from '../../sandbox/cluster/endpoint-slice-maker.ts';
import { serve } from '../serve.ts';
import type { World } from '../world.ts';
import type { Addresses } from './addresses.ts';
import type { Draw } from './draw.ts';
import { type Scenario, servedPorts } from './scenario.ts';

/** People with Services, the pods behind those, and what makes EndpointSlices of both. */
export interface Fleet {
  start(): Promise<void>;
  /** Acts and how often they are drawn, as those of other people. */
  readonly acts: readonly { weight: number; act: () => Promise<string | undefined> }[];
  /** Whatever was begun is brought to an end. */
  calmDown(): Promise<void>;
  /** Every Service and pod goes. */
  leave(): Promise<void>;
  /** Nobody makes EndpointSlices any more. */
  stop(): Promise<void>;
}

export interface FleetDeps {
  world: World;
  draw: Draw;
  scenario: Scenario;
  addresses: Addresses;
  /** What follows of itself, unless the object is gone by then. */
  later: (delayMs: number, run: () => Promise<void>) => void;
  say: (line: string) => void;
}

interface Backend {
  name: string;
  app: string;
  uid: string;
  ip: string;
  servers: { close(): Promise<void> }[];
  state: 'lives' | 'leaves';
}

const namespace = 'default';

/** Makes a fleet. It sees only what it did itself. */
export function createFleet({ world, draw, scenario, addresses, later, say }: FleetDeps): Fleet {
  const { kube, clock, network } = world;
  const backends = new Map<string, Backend>();
  const services = new Set<string>();
  const slices = createEndpointSliceMaker({
    clock,
    transport: world.cluster.transport,
    random: draw.random,
    log: silentLog(),
  });
  let made = 0;

  const living = (app?: string) =>
    [...backends.values()].filter(backend => backend.state === 'lives' && (app === undefined || backend.app === app));
  const anyOf = <T>(choices: readonly T[]): T | undefined => (choices.length === 0 ? undefined : draw.oneOf(choices));
  const anyService = () => anyOf([...services]);
  const edit = (name: string, body: object) =>
    kube.patch(serviceResource, { namespace, name }, { type: 'merge', body });
  const patchStatus = (name: string, status: object) =>
    kube.patch(podResource, { namespace, name }, { type: 'strategic', body: { status } }, { subresource: 'status' });

  async function addBackend(app: string): Promise<void> {
    const name = `${app}-${++made}`;
    const pod = await kube.create(podResource, {
      metadata: { name, namespace, labels: { app } },
      spec: {
        nodeName: 'node-1',
        terminationGracePeriodSeconds: draw.oneOf([0, 5, 30]),
        containers: [{ name: 'game', image: 'game' }],
      } as unknown as Pod['spec'],
    });
    const { uid = '' } = pod.metadata;
    const ip = addresses.take();
    const backend: Backend = { name, app, uid, ip, servers: [], state: 'lives' };
    backends.set(name, backend);
    backend.servers = await serve(network, uid, ip, servedPorts);
    await patchStatus(name, { phase: 'Running', podIP: ip, podIPs: [{ ip }] });
    later(draw.int(0, 3_000), async () => {
      if (backend.state === 'lives') await becomeReady(backend, 'True');
    });
  }

  const becomeReady = (backend: Backend, status: 'True' | 'False') =>
    patchStatus(backend.name, {
      conditions: [
        { type: 'ContainersReady', status },
        { type: 'Ready', status },
      ],
    });

  async function stopServing(backend: Backend): Promise<void> {
    const { servers } = backend;
    if (servers.length === 0) return;
    backend.servers = [];
    for (const server of servers) await server.close();
    addresses.giveBack(backend.ip);
  }

  /** The object goes: at once, or after its time of grace. */
  async function remove(backend: Backend, how: 'gracefully' | 'at once'): Promise<void> {
    backend.state = 'leaves';
    const key = { namespace, name: backend.name };
    if (how === 'gracefully') {
      const graceMs = draw.int(0, 20_000);
      await kube.delete(podResource, key);
      later(graceMs, () => vanish(backend));
      return;
    }
    await vanish(backend);
  }

  async function vanish(backend: Backend): Promise<void> {
    backend.state = 'leaves';
    await stopServing(backend);
    await kube.delete(podResource, { namespace, name: backend.name }, { gracePeriodSeconds: 0 }).catch(ignoreGone);
    backends.delete(backend.name);
  }

  async function deleteService(name: string): Promise<void> {
    services.delete(name);
    await kube.delete(serviceResource, { namespace, name }).catch(ignoreGone);
    // The garbage collector.
    later(draw.int(0, 5_000), async () => {
      if (!services.has(name)) await collectSlices(name);
    });
  }

  async function collectSlices(name: string): Promise<void> {
    const labelSelector = `kubernetes.io/service-name=${name}`;
    const { items } = await kube.list(endpointSlices, { namespace, labelSelector });
    for (const { metadata } of items) {
      await kube.delete(endpointSlices, { namespace, name: metadata.name }).catch(ignoreGone);
    }
  }

  const protocol = `${scenario.pools[0]!.spec.protocol}`;

  /** One or two ports; as a load balancer of our class they are numbers of the pool. */
  function drawPorts(): object[] {
    const { min } = scenario.pools[0]!.spec.ports as { min: number };
    const first = min + draw.int(0, 2);
    const kinds = protocol === 'UDP' ? ['UDP'] : ['UDP', 'TCP'];
    const one = { name: 'game', port: first, targetPort: 7777, protocol: draw.oneOf(kinds) };
    const two = { name: 'voice', port: first + 1, targetPort: 7778, protocol: draw.oneOf(kinds) };
    return draw.oneOf([[one], [one], [one, two], [two]]);
  }

  function drawAsk(): { labels: Record<string, string | null>; spec: object } {
    const pool = draw.oneOf(scenario.pools).name;
    const plain = { type: 'ClusterIP', loadBalancerClass: null };
    const ours = { type: 'LoadBalancer', loadBalancerClass };
    return draw.oneOf([
      { labels: { [poolLabel]: pool }, spec: plain },
      { labels: { [poolLabel]: pool }, spec: plain },
      { labels: { [poolLabel]: scenario.pools[0]!.name }, spec: ours },
      // The default pool's.
      { labels: { [poolLabel]: null }, spec: ours },
    ]);
  }

  async function createService(name: string): Promise<string> {
    const { labels, spec } = drawAsk();
    const ports = drawPorts();
    await kube.create(serviceResource, {
      metadata: { name, namespace, labels: withoutNulls(labels) },
      spec: { ...withoutNulls(spec), selector: { app: name }, ports },
    } as unknown as Service);
    services.add(name);
    return `creates Service ${name}: ${JSON.stringify([labels, spec, ports])}`;
  }

  const acts: Fleet['acts'] = [
    {
      weight: 6,
      async act() {
        const name = anyOf(scenario.services.filter(each => !services.has(each)));
        return name && createService(name);
      },
    },
    {
      weight: 1,
      async act() {
        const name = anyService();
        if (name) await deleteService(name);
        return name && `deletes Service ${name}`;
      },
    },
    {
      weight: 1,
      async act() {
        const name = anyService();
        if (!name) return undefined;
        await deleteService(name);
        return `makes a Service anew, and ${await createService(name)}`;
      },
    },
    {
      weight: 5,
      async act() {
        const app = draw.oneOf(scenario.services);
        const wanted = draw.int(0, 3);
        const there = living(app);
        for (let missing = wanted - there.length; missing > 0; missing--) await addBackend(app);
        for (const backend of there.slice(wanted)) await remove(backend, 'gracefully');
        return `scales ${app} from ${there.length} to ${wanted}`;
      },
    },
    {
      weight: 2,
      async act() {
        const app = draw.oneOf(scenario.services);
        const there = living(app);
        for (const backend of there) {
          await addBackend(app);
          later(draw.int(0, 8_000), async () => {
            if (backend.state === 'lives') await remove(backend, 'gracefully');
          });
        }
        return there.length === 0 ? undefined : `rolls ${app}`;
      },
    },
    {
      weight: 1,
      async act() {
        const backend = anyOf(living());
        if (!backend) return undefined;
        backend.state = 'leaves';
        await stopServing(backend);
        later(draw.int(0, 40_000), () => vanish(backend));
        return `${backend.name} is gone with its host`;
      },
    },
    {
      weight: 1,
      async act() {
        const backend = anyOf(living());
        if (!backend) return undefined;
        await becomeReady(backend, 'False');
        later(draw.int(0, 20_000), async () => {
          if (backend.state === 'lives') await becomeReady(backend, 'True');
        });
        return `${backend.name} is not ready for a while`;
      },
    },
    {
      weight: 2,
      async act() {
        const name = anyService();
        if (!name) return undefined;
        const ports = drawPorts();
        await edit(name, { spec: { ports } });
        return `edits ports of Service ${name}: ${JSON.stringify(ports)}`;
      },
    },
    {
      weight: 1,
      async act() {
        const name = anyService();
        if (!name) return undefined;
        const { labels, spec } = draw.chance(0.3)
          ? { labels: { [poolLabel]: null }, spec: { type: 'ClusterIP', loadBalancerClass: null } }
          : drawAsk();
        await edit(name, { metadata: { labels }, spec });
        return `edits Service ${name}: ${JSON.stringify([labels, spec])}`;
      },
    },
  ];

  return {
    acts,
    async start() {
      const started = slices.start();
      await clock.advance(50);
      await started;
    },
    async calmDown() {
      for (const backend of [...backends.values()]) {
        if (backend.state === 'leaves') await vanish(backend);
        else await becomeReady(backend, 'True');
      }
      say(`Services at rest: ${[...services].join(', ') || 'none'}`);
    },
    async leave() {
      for (const name of [...services]) {
        await deleteService(name);
        await collectSlices(name);
      }
      for (const backend of [...backends.values()]) await vanish(backend);
    },
    stop: () => slices.stop(),
  };
}

function ignoreGone(error: unknown): void {
  if (!isNotFound(error)) throw error;
}

function withoutNulls(fields: object): Record<string, unknown> {
  return Object.fromEntries(Object.entries(fields).filter(([, value]) => value !== null));
}
