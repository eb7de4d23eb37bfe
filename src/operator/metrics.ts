import { Counter, collectDefaultMetrics, Gauge, Histogram, Registry } from 'prom-client';
import type { NLBPortPool } from '../api/pool.ts';
import type { NLBPort } from '../api/port.ts';
import { phases } from '../api/port.ts';
import type { Budget } from '../aws/budget.ts';
import type { AttemptReport } from '../aws/create-elbv2-api.ts';
import type { Observer } from '../controllers/observer.ts';
import { findingKinds } from '../core/audit.ts';
import type { Cache } from '../kube/informer.ts';
import type { WorkQueue, WorkQueueObserver } from '../kube/work-queue.ts';
import type { Clock } from '../runtime/clock.ts';

/** Everything the operator measures, on a registry of its own. */
export interface Metrics {
  registry: Registry;
  observer: Observer;
  queueObserver: WorkQueueObserver;
  onAwsAttempt: (report: AttemptReport) => void;
  /** Reads gauges from these when scraped. */
  follow(sources: MetricsSources): void;
}

export interface MetricsSources {
  ports: Cache<NLBPort>;
  pools: Cache<NLBPortPool>;
  queues: Record<string, WorkQueue>;
  budget: Budget;
  isLeader: () => boolean;
  waitingClaims: (pool: string) => number;
}

/** From an instant bind to the hours that a full pool may take. */
const secondsBuckets = [0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60, 120, 300, 600, 1800, 3600];
const callBuckets = [0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60, 300];

/** Makes the metrics. `defaults` adds those of the process (memory, CPU, event loop), which a simulation does without. */
export function createMetrics(clock: Clock, defaults: boolean): Metrics {
  const registry = new Registry();
  const registers = [registry];
  if (defaults) collectDefaultMetrics({ register: registry });

  const allocations = new Counter({
    name: 'nlbports_allocations_total',
    help: 'Claims by what became of them: bound, waiting or refused, and why. The pool is empty where there is none of that name.',
    labelNames: ['pool', 'result', 'reason'],
    registers,
  });
  const histogram = (name: string, help: string, labelNames: string[], buckets = secondsBuckets) =>
    new Histogram({ name, help, labelNames, buckets, registers });
  const bindSeconds = histogram('nlbports_bind_seconds', 'From seeing a labelled pod to binding its port.', ['pool']);
  const registerSeconds = histogram(
    'nlbports_register_seconds',
    "From knowing a pod's address to AWS accepting it as a target.",
    ['pool'],
  );
  const healthySeconds = histogram(
    'nlbports_healthy_seconds',
    "From knowing a pod's address to seeing AWS call it healthy.",
    ['pool'],
  );
  const awsSeconds = histogram(
    'nlbports_aws_call_duration_seconds',
    'Attempts at AWS calls by action and AWS error code (none where it succeeded), without the wait for the budget.',
    ['action', 'code'],
    callBuckets,
  );
  const awsErrors = new Counter({
    name: 'nlbports_aws_call_errors_total',
    help: 'Attempts at AWS calls that failed, by action and AWS error code.',
    labelNames: ['action', 'code'],
    registers,
  });
  const budgetSeconds = histogram(
    'nlbports_aws_budget_wait_seconds',
    'How long calls waited for the AWS budget, by their priority.',
    ['priority'],
    callBuckets,
  );
  const auditFindings = new Gauge({
    name: 'nlbports_audit_findings',
    help: 'What the last complete audit found to differ between AWS and the NLBPorts, by kind.',
    labelNames: ['kind'],
    registers,
  });
  const auditFindingsTotal = new Counter({
    name: 'nlbports_audit_findings_total',
    help: 'All that audits found to differ between AWS and the NLBPorts, by kind.',
    labelNames: ['kind'],
    registers,
  });
  const audits = new Counter({
    name: 'nlbports_audits_total',
    help: 'Audits by result: complete, or incomplete where AWS could not be listed.',
    labelNames: ['result'],
    registers,
  });
  const restored = new Gauge({
    name: 'nlbports_cluster_restored',
    help: '1 while AWS holds resources of this cluster, no NLBPort exists, and a person must decide.',
    registers,
  });
  const queueAdds = new Counter({
    name: 'workqueue_adds_total',
    help: 'Keys added to a work queue.',
    labelNames: ['name'],
    registers,
  });
  const queueRetries = new Counter({
    name: 'workqueue_retries_total',
    help: 'Keys that came back by themselves.',
    labelNames: ['name'],
    registers,
  });
  const queueSeconds = histogram(
    'workqueue_queue_duration_seconds',
    'How long keys waited in a work queue.',
    ['name'],
    callBuckets,
  );
  const workSeconds = histogram(
    'workqueue_work_duration_seconds',
    'How long a key was worked on.',
    ['name'],
    callBuckets,
  );

  const seenAtMs = new Map<string, number>();
  const targetAtMs = new Map<string, number>();
  const secondsSince = (sinceMs: number) => (clock.monotonicMs() - sinceMs) / 1000;

  return {
    registry,
    observer: {
      allocation: (pool, result, reason) => allocations.inc({ pool, result, reason }),
      podSeen(pod) {
        if (!seenAtMs.has(pod)) seenAtMs.set(pod, clock.monotonicMs());
      },
      podBound(pool, pod) {
        const sinceMs = seenAtMs.get(pod);
        if (sinceMs !== undefined) bindSeconds.observe({ pool }, secondsSince(sinceMs));
      },
      podGone: pod => void seenAtMs.delete(pod),
      targetKnown: (_pool, port) => void targetAtMs.set(port, clock.monotonicMs()),
      registered(pool, port) {
        const sinceMs = targetAtMs.get(port);
        if (sinceMs !== undefined) registerSeconds.observe({ pool }, secondsSince(sinceMs));
      },
      healthy(pool, port) {
        const sinceMs = targetAtMs.get(port);
        if (sinceMs !== undefined) healthySeconds.observe({ pool }, secondsSince(sinceMs));
        targetAtMs.delete(port);
      },
      portGone: port => void targetAtMs.delete(port),
      audited(report) {
        audits.inc({ result: report.result });
        if (report.result === 'incomplete') return;
        restored.set(report.restored ? 1 : 0);
        for (const kind of findingKinds) {
          auditFindings.set({ kind }, report.found[kind] ?? 0);
          auditFindingsTotal.inc({ kind }, report.found[kind] ?? 0);
        }
      },
    },
    queueObserver: {
      added: name => queueAdds.inc({ name }),
      started: (name, waitedMs) => queueSeconds.observe({ name }, waitedMs / 1000),
      ended: (name, workedMs) => workSeconds.observe({ name }, workedMs / 1000),
      retried: name => queueRetries.inc({ name }),
    },
    onAwsAttempt({ action, priority, errorCode, durationMs, budgetWaitMs }) {
      budgetSeconds.observe({ priority }, budgetWaitMs / 1000);
      if (errorCode === 'NotWanted') return;
      awsSeconds.observe({ action, code: errorCode }, durationMs / 1000);
      if (errorCode !== 'none') awsErrors.inc({ action, code: errorCode });
    },
    follow: sources => followSources(registry, sources),
  };
}

function followSources(registry: Registry, sources: MetricsSources): void {
  const registers = [registry];
  const gauge = (name: string, help: string, labelNames: string[], collect: (this: Gauge) => void) =>
    new Gauge({ name, help, labelNames, registers, collect });

  gauge('nlbports_ports', 'Ports by pool and phase.', ['pool', 'phase'], function () {
    this.reset();
    for (const pool of sources.pools.list()) {
      const ports = sources.ports.by('pool', pool.metadata.name);
      for (const phase of phases) {
        this.set({ pool: pool.metadata.name, phase }, ports.filter(port => port.status?.phase === phase).length);
      }
    }
  });
  gauge('nlbports_claims_waiting', 'Claims that wait for a port, by pool.', ['pool'], function () {
    this.reset();
    for (const { metadata } of sources.pools.list()) {
      this.set({ pool: metadata.name }, sources.waitingClaims(metadata.name));
    }
  });
  gauge('nlbports_leader', '1 while this process leads.', [], function () {
    this.set(sources.isLeader() ? 1 : 0);
  });
  gauge('nlbports_aws_budget_waiting', 'AWS calls that wait for the budget.', [], function () {
    this.set(sources.budget.waiting());
  });
  gauge(
    'nlbports_aws_budget_rate_share',
    "Share of a class's rate that is used at present: below 1 after throttling.",
    ['class'],
    function () {
      for (const name of ['describe', 'register', 'mutate'] as const) {
        this.set({ class: name }, sources.budget.rateShare(name));
      }
    },
  );
  const perQueue = (name: string, help: string, read: (queue: WorkQueue) => number) =>
    gauge(name, help, ['name'], function () {
      for (const [queue, source] of Object.entries(sources.queues)) this.set({ name: queue }, read(source));
    });
  perQueue('workqueue_depth', 'Keys that wait in a work queue.', queue => queue.depth);
  perQueue(
    'workqueue_unfinished_work_seconds',
    'Work in progress, summed up.',
    queue => queue.unfinishedWorkMs() / 1000,
  );
  perQueue(
    'workqueue_longest_running_processor_seconds',
    'Age of the oldest turn in progress.',
    queue => queue.oldestRunningMs() / 1000,
  );
}
