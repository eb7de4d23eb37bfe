import { setTimeout as delay } from 'node:timers/promises';
import { iamPolicy, scopeOfCluster } from '../../src/aws/iam-policy.ts';
import { applyFiles, applyObjects } from './apply.ts';
import { askUdp } from './ask.ts';
import { createTestAws, type TestAws, type TestLoadBalancer } from './aws.ts';
import { type ControlPlane, startControlPlane } from './control-plane.ts';
import { type EmulatorProcess, type EmulatorProcessOptions, startEmulator } from './emulator-process.ts';
import { eventually } from './eventually.ts';
import { type GameServer, startGameServer } from './game-server.ts';
import { type OperatorProcess, operatorAccessKey, startOperator } from './operator-process.ts';
import { createPods, type PodOptions, type Pods } from './pods.ts';
import type { AnyObject } from './rest.ts';

/** Pods have addresses of 10.0.0.0/8, and their servers listen on the same of 127.0.0.0/8. */
const networkMap = '10.0.0.0/8=127.0.0.0/8';
/** Those with IPv6 addresses too, by the last three bytes. */
const networkMap6 = 'fd00::/104=127.0.0.0/8';

export interface WorldOptions {
  profile?: EmulatorProcessOptions['profile'];
  sets?: Record<string, string>;
  loadBalancers?: string[];
  /** Runs kube-controller-manager too, as for garbage collection. @default false */
  controllerManager?: boolean;
  /** Whether namespace, CRDs and roles are applied; a test may install them in its own way. @default true */
  manifests?: boolean;
}

/** A real control plane with the shipped manifests, an emulated AWS, and what a test does with both. */
export interface World {
  cluster: ControlPlane;
  emulator: EmulatorProcess;
  aws: TestAws;
  pods: Pods;
  loadBalancers: TestLoadBalancer[];
  /**
   * Holds the operator's access key to the shipped IAM policy, for this cluster and its load balancers. `operator` does
   * so; where one came later, add it to `loadBalancers` and call it again.
   */
  allowOperator(): Promise<void>;
  /** An operator process under the shipped service account and RBAC, and the shipped IAM policy. */
  operator(args?: string[], env?: NodeJS.ProcessEnv): Promise<OperatorProcess>;
  pool(name: string, spec?: AnyObject): Promise<AnyObject>;
  /** The address of pod number so-and-so (from 0), in a network that no other world uses. */
  ip(number: number): string;
  /** A labelled pod with a server behind its address that answers with the pod's name. */
  room(name: string, ip: string, options?: Partial<PodOptions>): Promise<GameServer>;
  serve(name: string, ip: string): Promise<GameServer>;
  endpointOf(pod: AnyObject | undefined): string | undefined;
  /** Asks whoever is behind an endpoint for its name. */
  ask(endpoint: string, timeoutMs?: number): Promise<string>;
  ports(): Promise<AnyObject[]>;
  stop(): Promise<void>;
}

/** Starts the world: about 5 s. Everything in it ends with `stop`. */
export async function startWorld(options: WorldOptions = {}): Promise<World> {
  const cluster = await startControlPlane({ controllerManager: options.controllerManager ?? false });
  const emulator = await startEmulator({
    profile: options.profile ?? 'instant',
    sets: options.sets ?? {},
    mapNetwork: networkMap,
    args: [`--map-network=${networkMap6}`],
  });
  const aws = createTestAws(emulator.endpoint);
  const pods = createPods(cluster.rest);
  const loadBalancers: TestLoadBalancer[] = [];
  for (const name of options.loadBalancers ?? ['game-1']) loadBalancers.push(await aws.createLoadBalancer(name));
  if (options.manifests !== false) {
    const crds = ['nlbports.dev_nlbportpools.yaml', 'nlbports.dev_nlbports.yaml'].map(name => `deploy/crds/${name}`);
    await applyFiles(cluster.rest, 'deploy/namespace.yaml', ...crds, 'deploy/rbac.yaml');
    await eventually(() => cluster.rest.list('/apis/nlbports.dev/v1alpha1/nlbports'), 10_000);
  }
  const operators: OperatorProcess[] = [];
  // Above the pods of sandboxes that run beside (127.1 to 127.63), and above load balancers (127.64 to 127.127).
  const network = 128 + Math.floor(Math.random() * 124);
  const servers: GameServer[] = [];

  const world: World = {
    cluster,
    emulator,
    aws,
    pods,
    loadBalancers,
    async allowOperator() {
      const { metadata } = await cluster.rest.get('/api/v1/namespaces/kube-system');
      const arns = loadBalancers.map(({ arn }) => arn);
      await aws.setPolicies({ [operatorAccessKey]: iamPolicy(scopeOfCluster(metadata.uid, arns)) });
    },
    async operator(args = [], env = {}) {
      await world.allowOperator();
      const operator = await startOperator({
        kubeconfig: await cluster.serviceAccountKubeconfig('nlbports-system', 'nlbports'),
        awsEndpoint: emulator.endpoint,
        args: ['--leader-elect=false', '--aws-budget=none', ...args],
        env,
      });
      operators.push(operator);
      await operator.waitReady();
      return operator;
    },
    async pool(name, spec = {}) {
      const [pool] = await applyObjects(cluster.rest, [
        {
          apiVersion: 'nlbports.dev/v1alpha1',
          kind: 'NLBPortPool',
          metadata: { name },
          spec: {
            loadBalancers: loadBalancers.map(({ arn }) => ({ arn })),
            ports: { min: 30000, max: 30049 },
            protocol: 'UDP',
            targets: { deregistrationDelay: '0s' },
            release: { on: 'Ended', quarantine: '0s' },
            readiness: { settle: '0s' },
            access: { namespaces: ['*'] },
            ...spec,
          },
        },
      ]);
      return pool!;
    },
    ip: number => `10.${network}.${1 + Math.floor(number / 200)}.${1 + (number % 200)}`,
    async room(name, ip, more = {}) {
      const server = await world.serve(name, ip);
      await pods.run({
        name,
        ip,
        labels: { 'nlbports.dev/pool': 'game' },
        annotations: { 'nlbports.dev/ports': '7777/UDP' },
        ...more,
      });
      return server;
    },
    async serve(name, ip) {
      const server = await startGameServer({ name, address: ip.replace(/^10\./, '127.') });
      servers.push(server);
      return server;
    },
    endpointOf: pod => pod?.metadata.annotations?.['nlbports.dev/endpoint'],
    async ask(endpoint, timeoutMs) {
      const [host = '', port = ''] = endpoint.split(':');
      const loadBalancer = loadBalancers.find(({ dnsName }) => dnsName === host);
      if (!loadBalancer) throw new Error(`No load balancer is called ${host}.`);
      return await askUdp({ host: loadBalancer.address, port: Number(port) }, 'hello', timeoutMs);
    },
    ports: () => cluster.rest.list('/apis/nlbports.dev/v1alpha1/nlbports'),
    async stop() {
      for (const operator of operators) await operator.stop();
      for (const server of servers) await server.close().catch(() => {});
      await emulator.stop();
      await cluster.stop();
    },
  };
  return world;
}

/** Runs `work` for each item, so many at a time. */
export async function eachOf<T>(
  items: readonly T[],
  atOnce: number,
  work: (item: T) => Promise<unknown>,
): Promise<void> {
  for (let at = 0; at < items.length; at += atOnce) await Promise.all(items.slice(at, at + atOnce).map(work));
}

/** Real time: only for tests across processes. */
export const pause = (ms: number): Promise<void> => delay(ms);
