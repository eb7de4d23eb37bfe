import { parseDurationMs } from '../api/duration.ts';
import { poolLabel } from '../api/names.ts';
import { type NLBPortPool, nlbPortPools } from '../api/pool.ts';
import { type NLBPort, nlbPorts } from '../api/port.ts';
import { createAuditReader } from '../aws/audit-reader.ts';
import { createBudget } from '../aws/budget.ts';
import { createElbv2Api } from '../aws/create-elbv2-api.ts';
import { auditLooksPerSecond } from '../aws/documented-budget.ts';
import type { Elbv2ClientOptions } from '../aws/elbv2-client.ts';
import { createInventory } from '../aws/inventory.ts';
import { createPortProvider } from '../aws/port-provider.ts';
import { createAssigner } from '../controllers/assign-ports.ts';
import { auditReconciler } from '../controllers/audit.ts';
import { portIndexes } from '../controllers/claims.ts';
import { gameServerReconciler, gameServersToCheck, watchForGameServers } from '../controllers/game-servers.ts';
import { podReconciler, watchForPods } from '../controllers/pods.ts';
import { poolReconciler, watchForPools } from '../controllers/pools.ts';
import { portReconciler, watchForPorts } from '../controllers/ports.ts';
import { probeReconciler, probesAtOnce, watchForProbes } from '../controllers/probes.ts';
import { createRestoredGuard } from '../controllers/restored.ts';
import { waitingPods } from '../controllers/waiting-pods.ts';
import { isToBeProbed } from '../core/probe.ts';
import { createAlwaysLeader } from '../kube/always-leader.ts';
import { createKubeClient, type KubeClient } from '../kube/client.ts';
import { createEventRecorder } from '../kube/event-recorder.ts';
import { createInformer } from '../kube/informer.ts';
import { createElection, type Election } from '../kube/lease-election.ts';
import { keyOf, type Pod } from '../kube/objects.ts';
import { namespaces, pods as podResource } from '../kube/resource.ts';
import type { KubeTransport } from '../kube/transport.ts';
import { createWorkQueue, type ReconcileResult, requeueAt } from '../kube/work-queue.ts';
import { type Clock, sleep } from '../runtime/clock.ts';
import type { ConversationNetwork } from '../runtime/conversation.ts';
import type { Log } from '../runtime/log.ts';
import type { Random } from '../runtime/random.ts';
import { createMetrics, type Metrics } from './metrics.ts';
import type { OperatorOptions } from './options.ts';
import { createServiceMode } from './service-mode.ts';
import { systemConversations } from './system-conversations.ts';
import { trimPod } from './trim.ts';
import { whileLeading } from './while-leading.ts';

export interface OperatorDeps {
  transport: KubeTransport;
  clock: Clock;
  random: Random;
  log: Log;
  hostname: string;
  /** How AWS is reached; left out: the SDK's own ways. */
  aws?: Omit<Elbv2ClientOptions, 'clock' | 'requestTimeoutMs'>;
  /** How probes of ports are sent; left out: by the machine's own sockets and name servers. */
  conversations?: ConversationNetwork;
  /** Whether the process's own metrics are collected. */
  processMetrics?: boolean;
}

/** The whole operator, not yet running. */
export interface Operator {
  /** Runs until `signal` is aborted or leadership is lost; resolves when everything has come to rest. */
  run(signal: AbortSignal): Promise<'ended' | 'lost'>;
  isReady(): boolean;
  /** What is stuck, if anything is. */
  stuck(): string | undefined;
  metrics: Metrics;
  isLeader(): boolean;
}

/** Puts the operator together: the one place where its parts meet. */
export function createOperator(deps: OperatorDeps, options: OperatorOptions): Operator {
  const { transport, clock, random, log } = deps;
  const client = createKubeClient({ transport, clock }, { requestTimeoutMs: options.kubeTimeoutMs });
  const metrics = createMetrics(clock, deps.processMetrics ?? false);
  const election = makeElection(deps, options, client);
  const isLeader = () => election.isLeader();

  const informerDeps = { transport, clock, random, log };
  const pods = createInformer<Pod>({
    ...informerDeps,
    resource: podResource,
    select: { labelSelector: poolLabel, namespaces: options.watchNamespaces },
    trim: trimPod,
    indexes: { pool: pod => [pod.metadata.labels?.[poolLabel] ?? ''] },
  });
  const ports = createInformer<NLBPort>({ ...informerDeps, resource: nlbPorts, indexes: portIndexes });
  const pools = createInformer<NLBPortPool>({ ...informerDeps, resource: nlbPortPools });
  const serviceMode = createServiceMode({ ...informerDeps, namespaces: options.watchNamespaces, ports, pools });
  const caches = [pods, ports, pools, ...serviceMode.caches];

  let lastAttemptMs = clock.monotonicMs();
  const budget = createBudget({ clock, random, log }, options.awsBudget);
  const api = createElbv2Api({
    clock,
    random,
    log,
    budget,
    attemptTimeoutMs: options.awsAttemptTimeoutMs,
    region: options.awsRegion,
    ...deps.aws,
    observer(report) {
      lastAttemptMs = clock.monotonicMs();
      metrics.onAwsAttempt(report);
    },
  });

  // A standby would keep the name of everything that ever changed; who begins to lead looks at all there is.
  let leads = false;
  const queueOf = (name: string) =>
    createWorkQueue({ clock, random, log, name, observer: metrics.queueObserver, isOpen: () => leads });
  const queues = {
    pods: queueOf('pods'),
    services: queueOf('services'),
    passes: queueOf('passes'),
    gameServers: queueOf('gameServers'),
    probes: queueOf('probes'),
    ports: queueOf('ports'),
    pools: queueOf('pools'),
    audit: queueOf('audit'),
  };
  const assigner = createAssigner({ clock, ports, pools, sources: [waitingPods({ pods, ports }), serviceMode.source] });
  const requestPass = (pool: string) => queues.passes.addAfter(pool, options.batchWindowMs);
  metrics.follow({ ports, pools, queues, budget, isLeader, waitingClaims: assigner.waiting });

  watchForPods({ pods, ports, pools, assigner, requestPass }, queues.pods);
  serviceMode.watch(requestPass, queues.services);
  if (options.agones) watchForGameServers({ pods }, queues.gameServers);
  watchForPorts({ ports, pools }, queues.ports);
  watchForProbes({ ports, pools }, queues.probes);
  watchForPools({ pools, ports }, queues.pools);

  async function lead(leading: AbortSignal): Promise<void> {
    const clusterId = options.clusterId ?? (await readClusterId(client, clock, log, leading));
    if (clusterId === undefined) return;
    log.info({ identity: election.identity, clusterId }, 'Leading');
    leads = true;
    const events = createEventRecorder({
      client,
      clock,
      random,
      log,
      component: 'nlbports',
      instance: election.identity,
    });
    const shared = { client, pods, ports, pools, events, clock, log, isLeader };
    const reconcilePod = podReconciler({
      ...shared,
      assigner,
      requestPass,
      observer: metrics.observer,
    });
    const provider = createPortProvider({ api, clock, clusterId });
    const times = {
      firstHealthLookMs: options.healthFirstLookMs,
      drainSlackMs: options.drainSlackMs,
      conflictRetryMs: options.conflictRetryMs,
    };
    const reconcilePort = portReconciler({
      ...shared,
      provider,
      observer: metrics.observer,
      signal: leading,
      times,
    });
    const reader = createAuditReader({ api, clusterId });
    const reconcilePool = poolReconciler({
      ...shared,
      inventory: createInventory({ api, clusterId }),
      restored: createRestoredGuard({ ports: ports.list, reader }),
      waitingClaims: assigner.waiting,
      signal: leading,
      options: {
        resyncMs: options.poolResyncMs,
        retryMs: options.poolRetryMs,
        listenersPerLoadBalancer: options.listenersPerLoadBalancer,
        awsAttemptMs: options.awsAttemptTimeoutMs,
      },
    });
    const reconcileAudit = auditReconciler({
      ...shared,
      reader,
      provider,
      requestTurn: name => queues.ports.add(name),
      observer: metrics.observer,
      signal: leading,
      clusterId,
      times,
      options: { intervalMs: options.auditIntervalMs, looksPerSecond: auditLooksPerSecond(options.awsBudget) },
    });
    const reconcileProbe = probeReconciler({ ...shared, network: deps.conversations ?? systemConversations() });
    queues.audit.add('aws');
    const reconcileService = serviceMode.reconciler(
      { client, events, assigner, requestPass, observer: metrics.observer, isLeader, signal: leading },
      queues.services,
    );
    for (const pool of pools.list()) queues.pools.add(keyOf(pool));
    for (const port of ports.list()) {
      queues.ports.add(keyOf(port));
      const { claim } = port.spec;
      // Its claimant may have gone meanwhile.
      if (claim) queues[claim.kind === 'Pod' ? 'pods' : 'services'].add(`${claim.namespace}/${claim.name}`);
    }
    for (const port of ports.list().filter(isToBeProbed)) queues.probes.add(keyOf(port));
    for (const pod of pods.list()) queues.pods.add(keyOf(pod));
    if (options.agones) for (const key of gameServersToCheck({ pods, ports })) queues.gameServers.add(key);
    const turn = (reconcile: (key: string) => Promise<ReconcileResult>) => whileLeading(isLeader, leading, reconcile);
    const pass = async (pool: string): Promise<ReconcileResult> => {
      const before = assigner.waiting(pool);
      for (const { kind, key } of assigner.pass(pool)) queues[kind === 'Pod' ? 'pods' : 'services'].add(key, 0);
      if (assigner.waiting(pool) !== before) queues.pools.addAfter(pool, parseDurationMs('1s'));
      const againAtMs = assigner.passAgainAtMs(pool);
      return againAtMs === undefined ? {} : requeueAt(clock, againAtMs);
    };
    await Promise.all([
      queues.pods.run(leading, options.podWorkers, turn(reconcilePod)),
      queues.gameServers.run(leading, options.podWorkers, turn(gameServerReconciler(shared))),
      queues.services.run(leading, options.podWorkers, turn(reconcileService)),
      queues.passes.run(leading, 1, pass),
      queues.ports.run(leading, options.portWorkers, turn(reconcilePort)),
      queues.probes.run(leading, probesAtOnce, turn(reconcileProbe)),
      queues.pools.run(leading, 4, turn(reconcilePool)),
      queues.audit.run(leading, 1, turn(reconcileAudit)),
    ]);
    await events.flush();
  }

  return {
    metrics,
    isLeader,
    isReady: () => caches.every(({ synced }) => synced),
    stuck() {
      const isSlow = (name: keyof typeof queues) => queues[name].oldestRunningMs() > options.stuckAfterMs;
      const slow = (['pods', 'services', 'passes', 'gameServers', 'probes'] as const).find(isSlow);
      if (slow) return `the ${slow} loop has been in one turn for over ${options.stuckAfterMs} ms`;
      // These may wait long for the AWS budget; they are stuck when nothing at all goes out meanwhile.
      const waits = (['ports', 'pools'] as const).find(isSlow);
      const idleMs = clock.monotonicMs() - lastAttemptMs;
      if (!waits || idleMs <= options.stuckAfterMs) return undefined;
      return `the ${waits} loop waits, and no AWS call was made for ${Math.round(idleMs)} ms`;
    },
    async run(signal) {
      // The caches live until the last turn has ended: it must not judge by a copy that stands still.
      const following = new AbortController();
      const stop = () => following.abort();
      const synced = Promise.all(caches.map(cache => cache.start(following.signal)));
      signal.addEventListener('abort', stop, { once: true });
      await synced;
      signal.removeEventListener('abort', stop);
      if (signal.aborted) return 'ended';
      log.info(
        { pods: pods.list().length, ports: ports.list().length, pools: pools.list().length },
        'Caches are synced',
      );
      try {
        return await election.run(signal, lead);
      } finally {
        stop();
        api.close();
      }
    },
  };
}

function makeElection(deps: OperatorDeps, options: OperatorOptions, client: KubeClient): Election {
  const { transport, clock, random, log, hostname } = deps;
  if (!options.leaderElect) return createAlwaysLeader({ random }, hostname);
  const { namespace, leaseDurationMs } = options;
  return createElection({ client, transport, clock, random, log, namespace, hostname, durationMs: leaseDurationMs });
}

/** The UID of kube-system, which lives as long as the cluster; asked until it is known. */
async function readClusterId(
  client: KubeClient,
  clock: Clock,
  log: Log,
  signal: AbortSignal,
): Promise<string | undefined> {
  while (!signal.aborted) {
    try {
      const { metadata } = await client.get(namespaces, { name: 'kube-system' }, { signal });
      if (metadata.uid) return metadata.uid;
    } catch (error) {
      log.warn({ err: error }, 'Cannot read the namespace kube-system for the id of the cluster');
    }
    await sleep(clock, 1_000, signal);
  }
  return undefined;
}
