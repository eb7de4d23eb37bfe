import assert from 'node:assert/strict';
import { customResourceDefinitions } from '../api/crd.ts';
import { endpointAnnotation, poolLabel, portsAnnotation } from '../api/names.ts';
import { type NLBPortPool, nlbPortPools } from '../api/pool.ts';
import { type NLBPort, nlbPorts } from '../api/port.ts';
import type { RequestHandler } from '../aws/elbv2-client.ts';
import { iamPolicy, type PolicyDocument, scopeOfCluster } from '../aws/iam-policy.ts';
import { createKubeClient, type KubeClient } from '../kube/client.ts';
import { events, type KubeEvent } from '../kube/event-recorder.ts';
import type { Pod } from '../kube/objects.ts';
import { pods as podResource } from '../kube/resource.ts';
import type { KubeTransport } from '../kube/transport.ts';
import { createOperator, type Operator } from '../operator/operator.ts';
import { compileOptions, type WrittenOptions } from '../operator/options.ts';
import { type Log, silentLog } from '../runtime/log.ts';
import { type Random, seededRandom } from '../runtime/random.ts';
import { type VirtualClock, virtualClock } from '../runtime/virtual-clock.ts';
import { createCluster, type SimulatedCluster } from '../sandbox/cluster/cluster.ts';
import { type FaultyTransport, withFaults as withKubeFaults } from '../sandbox/cluster/faults.ts';
import { withRoles } from '../sandbox/cluster/roles.ts';
import { networkConversations } from '../sandbox/conversations.ts';
import { createElbv2, type Elbv2 } from '../sandbox/elbv2/elbv2.ts';
import { type FaultyHandler, withFaults } from '../sandbox/elbv2/faults.ts';
import { createPolicyStore } from '../sandbox/elbv2/policy.ts';
import { sdkRequestHandler } from '../sandbox/elbv2/sdk-request-handler.ts';
import { type Profile, profileSettings } from '../sandbox/elbv2/settings.ts';
import { type TestAnswer, type TestParameters, testClient } from '../sandbox/elbv2/test-client.ts';
import { type VirtualNetwork, virtualNetwork } from '../sandbox/virtual-network.ts';
import { createProcessClock, type ProcessClock } from './process-clock.ts';
import { serve } from './serve.ts';
import { shippedGrants } from './shipped-grants.ts';
import { createTrace, type Trace } from './trace.ts';
import { createWires, type WireOptions, type Wires } from './wires.ts';

export interface WorldOptions {
  /** Fixes everything that is drawn. @default 1 */
  seed?: number;
  /** Of the emulated AWS. @default 'instant' */
  profile?: Profile;
  /** More settings of the emulated AWS. */
  set?: Record<string, string>;
  /** Names of the load balancers that are there from the start. @default ['game-1'] */
  loadBalancers?: string[];
  log?: Log;
  /** Told of every call that reached AWS from an operator, when it was carried out. */
  onOperatorCall?: (call: OperatorCall) => void;
  /** The IAM policy of the operators, made of the shipped one, as by taking an action out. @default the shipped one */
  policy?: (shipped: PolicyDocument) => PolicyDocument;
  /** Told of what an operator asks for and neither its roles nor its IAM policy allow. @default the world ends badly */
  onRefused?: (what: string) => void;
  /** Manifests whose roles the operators have, beside those of deploy/rbac.yaml. @default none */
  moreRoles?: string[];
}

/** A call of an operator as AWS saw and answered it. */
export interface OperatorCall {
  /** Form-encoded. */
  body: string;
  status: number;
  answer: string;
}

/** A load balancer as the world's people know it. */
export interface WorldLoadBalancer {
  arn: string;
  dnsName: string;
  /** The first of its addresses. */
  address: string;
  /** One for each zone. */
  addresses: string[];
}

export interface RoomOptions {
  namespace?: string;
  /** @default 'game' */
  pool?: string;
  /** @default the next free one of 10.0.0.0/8; null: none yet */
  ip?: string | null;
  /** The annotation nlbports.dev/ports. @default '7777/UDP'; null: none */
  ports?: string | null;
  annotations?: Record<string, string>;
  spec?: Partial<Pod['spec']>;
}

/** One operator process of the world. */
export interface OperatorProcess {
  operator: Operator;
  wires: Wires;
  clock: ProcessClock;
  /** Resolves when it has ended, by itself too: who loses the lead ends. */
  ended: Promise<void>;
  /** Ends it without a word, as kill -9 does. */
  kill(): void;
  /** Ends it as SIGTERM does. */
  stop(): Promise<void>;
}

/**
 * A whole world in one process under virtual time: a cluster, an AWS, a network, and operators between them, which may do
 * what the shipped roles and the shipped IAM policy allow.
 */
export interface World {
  clock: VirtualClock;
  network: VirtualNetwork;
  cluster: SimulatedCluster;
  emulator: Elbv2;
  awsFaults: FaultyHandler;
  /** Strikes the operators' requests alone. */
  kubeFaults: FaultyTransport;
  /** A person with kubectl. */
  kube: KubeClient;
  trace: Trace;
  loadBalancers: WorldLoadBalancer[];
  /** A call of someone else to AWS; it must succeed. */
  aws(action: string, parameters?: TestParameters): Promise<TestAnswer>;
  /** The same, where AWS may say no. */
  person(action: string, parameters?: TestParameters): Promise<TestAnswer>;
  addLoadBalancer(name: string, parameters?: TestParameters): Promise<WorldLoadBalancer>;
  startOperator(written?: WrittenOptions, wires?: WireOptions): OperatorProcess;
  pool(name?: string, spec?: Record<string, unknown>): Promise<NLBPortPool>;
  editPool(name: string, spec: Record<string, unknown>): Promise<NLBPortPool>;
  /** Gives the operators the roles of one more manifest. */
  allow(manifest: string): void;
  /** A labelled pod; with an address it runs, and a server behind it answers with the pod's name. */
  room(name: string, options?: RoomOptions): Promise<Pod>;
  setIP(name: string, ip: string, namespace?: string): Promise<void>;
  setPhase(name: string, phase: string, namespace?: string): Promise<void>;
  removeRoom(name: string, namespace?: string): Promise<void>;
  pod(name: string, namespace?: string): Promise<Pod>;
  pods(): Promise<Pod[]>;
  /** All NLBPorts in order of their names. */
  ports(): Promise<NLBPort[]>;
  /** The NLBPort with this number, on the first load balancer unless another is given. */
  port(number: number, loadBalancer?: number): Promise<NLBPort>;
  endpointOf(pod: Pod | undefined): string | undefined;
  eventsOf(kind: string, name: string): Promise<KubeEvent[]>;
  /** Sends a datagram to an endpoint and gives what came back. */
  ask(endpoint: string): Promise<string>;
  /** Moves time in small steps until `check` no longer throws. */
  eventually<T>(check: () => Promise<T> | T, limitMs?: number): Promise<T>;
  /** Ends every operator and everything that still runs. Rejects where an operator was refused, and nobody was told. */
  end(): Promise<void>;
}

/** From where operators probe. */
const operatorAddress = '203.0.113.1';

/** Makes a world. Nothing moves unless its clock is moved. */
export async function createWorld(options: WorldOptions = {}): Promise<World> {
  const { seed = 1, profile = 'instant' } = options;
  const clock = virtualClock();
  // Each part has a stream of its own, so that a change in one does not change what the others draw.
  const randomOf = (part: number): Random => seededRandom(seed * 1_000 + part);
  const log = options.log ?? silentLog();
  const network = virtualNetwork({ clock });
  const trace = createTrace(clock);
  const cluster = createCluster({
    clock,
    random: randomOf(1),
    log,
    crds: Object.values(customResourceDefinitions()),
  });
  const policies = createPolicyStore();
  const refused = new Set<string>();
  const onRefused = options.onRefused ?? (what => refused.add(what));
  const emulator = createElbv2({
    clock,
    random: randomOf(2),
    network,
    log,
    authorize(request) {
      const allowed = policies.authorize(request);
      if (!allowed) onRefused(`${request.action} on ${request.resource}`);
      return allowed;
    },
    // The wires of a process are its distance; a person's calls must not need the clock to move.
    settings: profileSettings(profile, { latency: '0s', ...options.set }),
  });
  const awsFaults = withFaults({ handle: emulator.handle, clock, random: randomOf(3) });
  const grants = shippedGrants(options.moreRoles);
  const held = withRoles({
    transport: cluster.transport,
    grants,
    user: 'system:serviceaccount:nlbports-system:nlbports',
    onDenied: ({ verb, resource, namespace }) => onRefused(`${verb} ${resource} in ${namespace ?? 'all namespaces'}`),
  });
  const kubeFaults = withKubeFaults({ transport: tracedTransport(held, trace), clock, random: randomOf(4) });
  const tracedAws = sdkRequestHandler(async request => {
    const answer = await awsFaults.handle(request).catch(error => {
      trace.add(`aws ${request.body} -> no answer`);
      throw error;
    });
    trace.add(`aws ${request.body} -> ${answer.status}`);
    options.onOperatorCall?.({ body: request.body, status: answer.status, answer: answer.body });
    return answer;
  });
  const kube = createKubeClient(
    { transport: tracedTransport(cluster.transport, trace), clock },
    { fieldManager: 'person' },
  );
  const person = testClient(emulator.handle, clock, { accessKeyId: 'AKIAPERSON' });
  const processes: OperatorProcess[] = [];
  const servers = new Map<string, { close(): Promise<void> }[]>();
  let lastAddress = 0;
  let started = 0;

  const world: World = {
    clock,
    network,
    cluster,
    emulator,
    awsFaults,
    kubeFaults,
    kube,
    trace,
    loadBalancers: [],
    person: (action, parameters = {}) => person(action, parameters),

    async aws(action, parameters = {}) {
      const answer = await person(action, parameters);
      assert.equal(answer.status, 200, `${action}: ${answer.code} ${answer.message}`);
      return answer;
    },
    async addLoadBalancer(name, parameters = {}) {
      const made = await world.aws('CreateLoadBalancer', {
        Name: name,
        Type: 'network',
        Subnets: ['subnet-1'],
        ...parameters,
      });
      const arn = made.text('LoadBalancerArn') ?? '';
      const addresses = made.texts('IpAddress');
      const loadBalancer = { arn, dnsName: made.text('DNSName') ?? '', address: addresses[0] ?? '', addresses };
      if (made.text('Type') === 'network') world.loadBalancers.push(loadBalancer);
      holdToPolicy();
      return loadBalancer;
    },

    startOperator(written = {}, wireOptions = {}) {
      const number = started++;
      const random = randomOf(100 + number);
      const abort = new AbortController();
      const own = createProcessClock(clock);
      const wires = createWires(
        { clock, random, transport: kubeFaults.transport, requestHandler: tracedAws as unknown as RequestHandler },
        {
          whenRunning: own.whenRunning,
          ...wireOptions,
          onDeath() {
            abort.abort();
            wireOptions.onDeath?.();
          },
        },
      );
      const operator = createOperator(
        {
          transport: wires.transport,
          clock: own,
          random,
          log: log.child({ operator: number }),
          hostname: `host-${number}`,
          conversations: networkConversations(network, { from: operatorAddress, addressesOf: addressesOfName }),
          aws: {
            region: 'us-east-1',
            credentials: { accessKeyId: 'AKIAOPERATOR', secretAccessKey: 'secret' },
            requestHandler: wires.requestHandler,
          },
        },
        compileOptions({
          'leader-elect': 'false',
          'aws-budget': profile === 'instant' ? 'none' : 'documented',
          ...written,
        }),
      );
      const ended = operator.run(abort.signal).then(
        () => {},
        () => {},
      );
      const handle: OperatorProcess = {
        operator,
        wires,
        clock: own,
        ended,
        kill: () => wires.cut(),
        async stop() {
          abort.abort();
          await inTime(clock, ended);
        },
      };
      processes.push(handle);
      return handle;
    },

    pool: (name = 'game', spec = {}) =>
      kube.create(nlbPortPools, {
        metadata: { name },
        spec: {
          loadBalancers: world.loadBalancers.map(({ arn }) => ({ arn })),
          ports: { min: 30000, max: 30049 },
          protocol: 'UDP',
          // What most tests judge is there at once then.
          readiness: { settle: '0s' },
          access: { namespaces: ['*'] },
          ...spec,
        },
      } as unknown as NLBPortPool),
    allow: manifest => void grants.push(...shippedGrants([manifest])),
    editPool: (name, spec) => kube.patch(nlbPortPools, { name }, { type: 'merge', body: { spec } }),

    async room(name, room = {}) {
      const { namespace = 'default', pool = 'game', ports = '7777/UDP' } = room;
      const pod = await kube.create(podResource, {
        metadata: {
          name,
          namespace,
          labels: { [poolLabel]: pool },
          annotations: { ...(ports === null ? {} : { [portsAnnotation]: ports }), ...room.annotations },
        },
        spec: { containers: [{ name: 'game', image: 'game' }], ...room.spec } as Pod['spec'],
      });
      if (room.ip === null) return pod;
      lastAddress += 1;
      await world.setIP(name, room.ip ?? `10.0.${lastAddress >> 8}.${lastAddress & 255}`, namespace);
      return await world.pod(name, namespace);
    },
    async setIP(name, ip, namespace = 'default') {
      await stopServing(name);
      servers.set(name, await serve(network, name, ip, [7777]));
      const body = { status: { phase: 'Running', podIP: ip, podIPs: [{ ip }] } };
      await kube.patch(podResource, { name, namespace }, { type: 'merge', body }, { subresource: 'status' });
    },
    async setPhase(name, phase, namespace = 'default') {
      if (phase === 'Succeeded' || phase === 'Failed') await stopServing(name);
      await kube.patch(
        podResource,
        { name, namespace },
        { type: 'merge', body: { status: { phase } } },
        { subresource: 'status' },
      );
    },
    async removeRoom(name, namespace = 'default') {
      await stopServing(name);
      await kube.delete(podResource, { name, namespace });
    },

    pod: (name, namespace = 'default') => kube.get(podResource, { name, namespace }),
    pods: async () => (await kube.list(podResource)).items,
    ports: async () => (await kube.list(nlbPorts)).items,
    async port(number, loadBalancer = 0) {
      const { arn } = world.loadBalancers[loadBalancer]!;
      const found = (await world.ports()).find(port => port.spec.port === number && port.spec.loadBalancer.arn === arn);
      assert.ok(found, `no NLBPort ${number}`);
      return found;
    },
    endpointOf: pod => pod?.metadata.annotations?.[endpointAnnotation],
    async eventsOf(kind, name) {
      const { items } = await kube.list(events);
      return items.filter(({ regarding }) => regarding.kind === kind && regarding.name === name);
    },

    async ask(endpoint) {
      const [host = '', port = ''] = endpoint.split(':');
      const loadBalancer = world.loadBalancers.find(({ dnsName }) => dnsName === host);
      assert.ok(loadBalancer, `no load balancer is called ${host}`);
      let answer: string | undefined;
      const socket = await network.bindUdp({ host: '198.51.100.1', port: 0 }, bytes => {
        answer = Buffer.from(bytes).toString();
      });
      socket.send(Buffer.from('who is there'), { host: loadBalancer.address, port: Number(port) });
      await clock.advanceUntil(() => answer !== undefined, 1_000);
      await socket.close();
      assert.ok(answer !== undefined, `no answer from ${endpoint}`);
      return answer;
    },

    async eventually(check, limitMs = 30_000) {
      const endMs = clock.nowMs() + limitMs;
      for (let stepMs = 20; ; stepMs = Math.min(1_000, stepMs * 1.3)) {
        await clock.advance(stepMs);
        try {
          return await check();
        } catch (error) {
          if (clock.nowMs() >= endMs) throw error;
        }
      }
    },

    async end() {
      for (const { kill } of processes) kill();
      await emulator.close();
      await cluster.stop();
      for (const name of [...servers.keys()]) await stopServing(name);
      assert.deepEqual([...refused], [], 'the operator asked for what its roles and its IAM policy do not allow');
    },
  };

  /** As the name service tells them. */
  async function addressesOfName(name: string): Promise<string[]> {
    return world.loadBalancers.flatMap(({ dnsName, addresses }) => (dnsName === name ? addresses : []));
  }

  /** The operators may make listeners on the load balancers that people know of. */
  function holdToPolicy(): void {
    const arns = world.loadBalancers.map(({ arn }) => arn);
    const shipped = iamPolicy(scopeOfCluster(cluster.systemUid, arns));
    policies.set(new Map([['AKIAOPERATOR', options.policy?.(shipped) ?? shipped]]));
  }

  async function stopServing(name: string): Promise<void> {
    for (const server of servers.get(name) ?? []) await server.close();
    servers.delete(name);
  }

  for (const name of options.loadBalancers ?? ['game-1']) await world.addLoadBalancer(name);
  return world;
}

/** Moves time until `promise` is settled, at most ten minutes. */
async function inTime<T>(clock: VirtualClock, promise: Promise<T>): Promise<T> {
  let settled = false;
  const watched = promise.finally(() => {
    settled = true;
  });
  watched.catch(() => {});
  assert.ok(await clock.advanceUntil(() => settled, 600_000), 'not settled within ten minutes of virtual time');
  return watched;
}

/** A transport that writes down every change with its outcome. */
function tracedTransport(inner: KubeTransport, trace: Trace): KubeTransport {
  return {
    async request(request) {
      const answer = await inner.request(request);
      if (request.method !== 'GET') {
        trace.add(`${request.method} ${request.path} ${request.body ?? ''} -> ${answer.status}`);
      }
      return answer;
    },
    close: () => inner.close(),
  };
}
