import type { KubeRequest, KubeResponse, KubeTransport } from '../../kube/transport.ts';
import type { Clock } from '../../runtime/clock.ts';
import type { Log } from '../../runtime/log.ts';
import type { Random } from '../../runtime/random.ts';
import type { HttpListener } from '../listen-http.ts';
import { createApiHandler } from './api-handler.ts';
import { startControllers } from './controllers.ts';
import { serveHttp } from './http-server.ts';
import type { Json, JsonObject } from './json.ts';
import type { Kind } from './kind.ts';
import { createKindRegistry } from './kind-registry.ts';
import {
  configMapKind,
  endpointSliceKind,
  namespaceKind,
  nodeKind,
  secretKind,
  serviceAccountKind,
} from './kinds/core-kinds.ts';
import { definitionKind } from './kinds/custom-resource-definition.ts';
import { coreEventKind, newEventKind } from './kinds/event.ts';
import { leaseKind } from './kinds/lease.ts';
import { podKind } from './kinds/pod.ts';
import { serviceKind } from './kinds/service.ts';
import { createObjectWatches } from './object-watches.ts';
import { createObjectWriter, timeText } from './object-writer.ts';
import { createStore, type StoreEvent } from './store.ts';

/** Figures of the simulated API server; what is left out has the real one's default. */
export interface ClusterOptions {
  /** How long changes are remembered for watches and older versions, milliseconds. @default 300000 (etcd's compaction) */
  historyMs?: number;
  /** How many changes of one kind are remembered at most. @default 10000 */
  historyEvents?: number;
  /**
   * Whether every write notes in `managedFields` who owns which field, as the real server does. It costs about as much
   * as the write itself; without it only appliers are noted. @default false
   */
  managedFields?: boolean;
  /** Time until a deleted namespace or definition is emptied, milliseconds. @default 100 */
  cleanupMs?: number;
}

export interface ClusterDeps {
  clock: Clock;
  random: Random;
  log: Log;
  /** CustomResourceDefinitions that are there from the start. */
  crds?: readonly unknown[];
  options?: ClusterOptions;
}

/** A simulated Kubernetes API server with its store, in this process. */
export interface SimulatedCluster {
  /** Answers a request in process, as a `KubeTransport` does. */
  handle(request: KubeRequest): Promise<KubeResponse>;
  readonly transport: KubeTransport;
  /** Serves the same over HTTP on a loopback address; port 0 picks a free one. */
  serve(at?: { host?: string; port?: number }): Promise<HttpListener>;
  /** UID of the namespace kube-system: a cluster's identity. */
  readonly systemUid: string;
  /** The newest resourceVersion. */
  readonly version: number;
  /** Watches that are open. */
  readonly openWatches: number;
  /** Ends (or breaks, with an error) all open watches, as a restart of the API server does. */
  cutWatches(error?: Error): void;
  /** Calls `follower` with every change of every kind, in the turn of the write; `collection` is `plural.group`, or the plural. */
  follow(follower: (collection: string, event: StoreEvent) => void): void;
  /** Ends watches, timers and HTTP servers. */
  stop(): Promise<void>;
}

const systemNamespaces = ['default', 'kube-system', 'kube-public', 'kube-node-lease'];

/**
 * Makes a simulated Kubernetes API. What it imitates and what it does not is in docs/simulated-kubernetes.md. Throws
 * where a given CRD is refused.
 */
export function createCluster(deps: ClusterDeps): SimulatedCluster {
  const { clock, random, log } = deps;
  const options = { historyMs: 300_000, historyEvents: 10_000, cleanupMs: 100, managedFields: false, ...deps.options };
  const nowMs = () => clock.nowMs();
  const store = createStore({ nowMs, options });
  const kinds = createKindRegistry(builtInKinds(() => timeText(nowMs())));
  const writer = createObjectWriter({ store, random, nowMs, managedFields: options.managedFields });
  const watches = createObjectWatches({ store, clock, random });
  const handle = createApiHandler({ store, kinds, writer, watches, clock, log });
  const controllers = startControllers({ store, kinds, writer, clock, cleanupMs: options.cleanupMs });
  const servers = new Set<HttpListener>();

  const plain = { dryRun: false, fieldValidation: 'Strict', fieldManager: 'kube-apiserver' } as const;
  const namespaces = kinds.find('', 'v1', 'namespaces')!;
  for (const name of systemNamespaces) {
    writer.create(namespaces, undefined, { apiVersion: 'v1', kind: 'Namespace', metadata: { name } }, plain);
  }
  const definitions = kinds.find('apiextensions.k8s.io', 'v1', 'customresourcedefinitions')!;
  for (const crd of deps.crds ?? []) {
    const body = JSON.parse(JSON.stringify(crd)) as JsonObject & { status?: Json };
    delete body.status;
    writer.create(definitions, undefined, body, plain);
  }

  const cluster: SimulatedCluster = {
    handle,
    transport: { request: handle, close: async () => {} },
    async serve(at = {}) {
      const server = await serveHttp({ handle, log, host: at.host ?? '127.0.0.1', port: at.port ?? 0 });
      servers.add(server);
      return server;
    },
    systemUid: store.collection('namespaces').get(undefined, 'kube-system')!.object.metadata.uid,
    get version() {
      return store.version;
    },
    get openWatches() {
      return watches.open;
    },
    cutWatches: error => watches.endAll(error),
    follow: store.follow,
    async stop() {
      controllers.stop();
      watches.endAll();
      await Promise.all([...servers].map(server => server.close()));
    },
  };
  return cluster;
}

function builtInKinds(nowText: () => string): Kind[] {
  return [
    podKind(),
    namespaceKind(),
    serviceKind(),
    coreEventKind(),
    configMapKind(),
    secretKind(),
    serviceAccountKind(),
    nodeKind(),
    newEventKind(),
    leaseKind(),
    endpointSliceKind(),
    definitionKind(nowText),
  ];
}
