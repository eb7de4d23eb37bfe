import type { AddressInfo } from 'node:net';
import { CodedException, codedError } from '../../api/errors.ts';
import { createKubeClient, type KubeClient } from '../../kube/client.ts';
import { namespaces } from '../../kube/resource.ts';
import type { KubeTransport } from '../../kube/transport.ts';
import { createOperator, type Operator } from '../../operator/operator.ts';
import { compileOptions, type WrittenOptions } from '../../operator/options.ts';
import { startProbeServer } from '../../operator/probe-server.ts';
import { type Clock, sleep } from '../../runtime/clock.ts';
import type { Log } from '../../runtime/log.ts';
import type { Random } from '../../runtime/random.ts';
import { type AwsSandbox, startAwsSandbox } from '../aws-sandbox.ts';
import { createEndpointSliceMaker } from '../cluster/endpoint-slice-maker.ts';
import { gameServers } from '../cluster/game-server.ts';
import { createKubelet, type Kubelet } from '../cluster/kubelet.ts';
import { networkConversations } from '../conversations.ts';
import { compileSettings, type Profile, type Settings, type settingRows } from '../elbv2/settings.ts';
import type { Network } from '../network.ts';
import type { NetworkMapRule } from '../network-map.ts';
import { portTaken } from '../port-taken.ts';
import { type AwsPerson, createAwsPerson, sandboxAws, sandboxAwsConfig } from './aws-person.ts';
import { demoNode, nodes } from './demo-objects.ts';
import { startKubernetesSandbox } from './kubernetes-sandbox.ts';
import { type LoopbackBlock, takeLoopbackBlock } from './loopback-block.ts';
import { createRoomsView, type RoomsView } from './rooms-view.ts';
import { servingWishedPorts } from './wished-ports.ts';

export interface SandboxDeps {
  clock: Clock;
  random: Random;
  network: Network;
  /** Of the simulators and the operator. */
  log: Log;
}

export interface SandboxOptions {
  /** 0 takes a free one. */
  kubernetesPort: number;
  /** 0 takes a free one. */
  awsPort: number;
  /** Of the operator's probes and metrics on 127.0.0.1; 0 takes a free one; left out: they are not served. */
  operatorPort?: number | undefined;
  profile: Profile;
  /** More settings of the emulated AWS, as written after `--set`. */
  set: Readonly<Record<string, string>>;
  /** Where pods really are; left out, or empty: a block of loopback addresses that is free. */
  networkMap?: readonly NetworkMapRule[];
  /** Which block of loopback addresses is tried first, 1 to 63. @default 1 */
  firstBlock?: number;
  /** Whether loopback addresses have to be added one by one, as on macOS. */
  fewAddresses?: boolean;
}

/** A cluster, an AWS and the unchanged operator between them, in this process and with real sockets. */
export interface Sandbox {
  readonly kubernetesUrl: string;
  readonly awsUrl: string;
  /** Of the operator's probes and metrics, where they are served. */
  readonly operatorUrl: string | undefined;
  /** Where pods really are, for people. */
  readonly block: LoopbackBlock;
  /** A person with kubectl. */
  readonly kube: KubeClient;
  /** A person with the AWS CLI. */
  readonly aws: AwsPerson;
  readonly kubelet: Kubelet;
  readonly view: RoomsView;
  /** Of the emulated AWS. */
  readonly settings: Settings;
  /** Ends everything; resolves when all sockets are closed. */
  close(): Promise<void>;
}

/** How long the operator is given to come to rest at the end, before its sockets are taken from it. */
const operatorEndMs = 700;

/**
 * Starts it; resolves when pods and pools can be made.
 * @throws CodedException PortInUse, NoLoopbackAddress, InvalidOption.
 */
export async function startSandbox(deps: SandboxDeps, options: SandboxOptions): Promise<Sandbox> {
  const { clock, random, network, log } = deps;
  const closing: (() => Promise<void> | void)[] = [];
  const close = async () => {
    for (const end of closing.reverse().splice(0)) await end();
  };
  try {
    return await start();
  } catch (error) {
    await close();
    throw error;
  }

  async function start(): Promise<Sandbox> {
    const block = await takeLoopbackBlock({ network }, options);
    closing.push(() => block.release());
    const settings = settingsFor(options, block);
    const kubernetes = await startKubernetesSandbox(deps, { port: options.kubernetesPort });
    closing.push(() => kubernetes.close());
    const aws = await startAws(deps, options.awsPort, settings, block);
    closing.push(() => aws.close());

    const ending = new AbortController();
    const view = createRoomsView({ transport: kubernetes.cluster.transport, clock, random, log });
    await view.start(ending.signal);
    const kubelet = createKubelet({
      transport: kubernetes.cluster.transport,
      clock,
      random,
      log,
      startContainer: servingWishedPorts(gameServers({ network, log, hostFor: block.hostFor })),
    });
    await kubelet.start();
    closing.push(() => kubelet.stop());
    const slices = createEndpointSliceMaker({ transport: kubernetes.cluster.transport, clock, random, log });
    await slices.start();
    closing.push(() => slices.stop());
    const person = createAwsPerson(aws.url);
    closing.push(() => person.close());
    const operator = makeOperator(deps, kubernetes.cluster.transport, aws.url, person, settings, options);
    const probes = options.operatorPort === undefined ? undefined : await serveProbes(operator, options.operatorPort);
    if (probes) closing.push(probes.close);
    closing.push(runOperator(deps, operator));
    closing.push(() => ending.abort());

    const kube = createKubeClient({ transport: kubernetes.cluster.transport, clock }, { fieldManager: 'sandbox' });
    const { node, status } = demoNode('node-1', '1.36.1');
    await kube.create(nodes, node);
    await kube.patch(nodes, { name: 'node-1' }, { type: 'merge', body: { status } }, { subresource: 'status' });
    await kube.create(namespaces, { metadata: { name: 'nlbports-system' } });
    return {
      kubernetesUrl: kubernetes.url,
      awsUrl: aws.url,
      operatorUrl: probes?.url,
      block,
      kube,
      aws: person,
      kubelet,
      view,
      settings,
      close,
    };
  }
}

/** The operator as `nlbports operator` makes it, over HTTP to AWS and in process to the API, which halves the work of a burst. */
function makeOperator(
  { clock, random, log, network }: SandboxDeps,
  transport: KubeTransport,
  awsUrl: string,
  { addressesOf }: AwsPerson,
  settings: Settings,
  { operatorPort }: SandboxOptions,
): Operator {
  return createOperator(
    {
      transport,
      clock,
      random,
      log,
      hostname: 'sandbox',
      aws: sandboxAwsConfig(awsUrl),
      conversations: networkConversations(network, { from: '127.0.0.1', addressesOf }),
      processMetrics: operatorPort !== undefined,
    },
    compileOptions(operatorOptions(settings)),
  );
}

/** Lets it run; what is given back ends it. */
function runOperator({ clock, log }: SandboxDeps, operator: Operator): () => Promise<void> {
  const stop = new AbortController();
  const ended = operator.run(stop.signal).catch((error: unknown) => {
    log.error({ err: error }, 'The operator ended with an error');
  });
  return async () => {
    stop.abort();
    const late = new AbortController();
    await Promise.race([ended, sleep(clock, operatorEndMs, late.signal)]);
    late.abort();
  };
}

/** Serves the operator's probes and metrics as `nlbports operator` does. */
async function serveProbes(operator: Operator, port: number): Promise<{ url: string; close: () => void }> {
  const { registry } = operator.metrics;
  const server = await startProbeServer(
    {
      stuck: () => operator.stuck(),
      ready: () => operator.isReady(),
      metrics: async () => ({ contentType: registry.contentType, body: await registry.metrics() }),
    },
    { host: '127.0.0.1', port },
  ).catch((error: unknown) => {
    if (!(error instanceof CodedException) || error.coded.reason !== 'PortInUse') throw error;
    throw portTaken({ code: 'EADDRINUSE' }, port, '--operator-port');
  });
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    close() {
      server.close();
      server.closeAllConnections();
    },
  };
}

/** What differs from the defaults: nobody else runs here, and an AWS without delays needs no patience. */
function operatorOptions(settings: Settings): WrittenOptions {
  const slow = settings['registration-delay'].maxMs > 0;
  return {
    'leader-elect': 'false',
    'aws-region': sandboxAws.region,
    'aws-budget': settings.throttling ? 'documented' : 'none',
    ...(slow ? {} : { 'health-first-look': '300ms', 'drain-slack': '200ms' }),
  };
}

function settingsFor(options: SandboxOptions, block: LoopbackBlock): Settings {
  const range: keyof typeof settingRows = 'address-range';
  const compiled = compileSettings(options.profile, { [range]: block.addressRange, ...options.set });
  if (!compiled.ok) throw new CodedException(codedError('InvalidOption', compiled.message));
  return compiled.settings;
}

async function startAws(
  deps: SandboxDeps,
  port: number,
  settings: Settings,
  block: LoopbackBlock,
): Promise<AwsSandbox> {
  try {
    return await startAwsSandbox(deps, { port, settings, networkMap: block.networkMap });
  } catch (error) {
    throw portTaken(error, port, '--aws-port');
  }
}
