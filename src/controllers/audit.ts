import { type NLBPortPool, nlbPortPools } from '../api/pool.ts';
import { type NLBPort, nlbPorts } from '../api/port.ts';
import type { AuditReader } from '../aws/audit-reader.ts';
import { NotWanted } from '../aws/aws-error.ts';
import type { CallOptions } from '../aws/elbv2-api.ts';
import type { PortProvider } from '../aws/port-provider.ts';
import { type AuditFinding, canBeLookedInto, compareGroup, type FindingKind, type GroupLook } from '../core/audit.ts';
import { setBack } from '../core/audit-repair.ts';
import { forgetAfterMs } from '../core/lifecycle.ts';
import type { KubeClient } from '../kube/client.ts';
import type { EventRecorder } from '../kube/event-recorder.ts';
import type { Informer } from '../kube/informer.ts';
import type { Pod } from '../kube/objects.ts';
import type { ReconcileResult } from '../kube/work-queue.ts';
import { type Clock, sleep } from '../runtime/clock.ts';
import type { Log } from '../runtime/log.ts';
import { type AuditListing, auditListing } from './audit-listing.ts';
import type { Observer } from './observer.ts';
import { type OperatorTimes, portContext } from './port-context.ts';
import { type HealthQuestion, withHealth } from './port-status.ts';
import { removeOrphan } from './remove-orphan.ts';
import { savePortStatus } from './save-port-status.ts';

export interface AuditDeps {
  client: KubeClient;
  pods: Informer<Pod>;
  ports: Informer<NLBPort>;
  pools: Informer<NLBPortPool>;
  reader: AuditReader;
  provider: Pick<PortProvider, 'deleteListener' | 'deleteTargetGroup'>;
  /** Brings an NLBPort to the port controller. */
  requestTurn: (portName: string) => void;
  events: EventRecorder;
  clock: Clock;
  log: Log;
  observer: Observer;
  isLeader: () => boolean;
  /** Aborted when the process is to stop leading. */
  signal: AbortSignal;
  clusterId: string;
  times: OperatorTimes;
  options: AuditOptions;
}

export interface AuditOptions {
  /** From the beginning of one audit to the beginning of the next. */
  intervalMs: number;
  /** Target groups that are looked into per second, two calls each; undefined: no limit. */
  looksPerSecond: number | undefined;
}

/** Groups that are looked into in any audit, however short its interval: a small pool is looked at whole. */
const minLooks = 100;

/** Before an audit is made again that could not list all of AWS, or saw a new orphan without a listener. */
const soonMs = 60_000;

/**
 * Compares AWS with the NLBPorts, both ways, and repairs what differs.
 *
 * Trigger: the beginning of leading, and time. Reads: NLBPorts, pools, pods; target groups, listeners, tags, targets and
 * attributes in AWS. Writes: the NLBPort's status, set back so that the port controller looks again, and its health;
 * deletes listeners and target groups of this cluster that two complete listings in a row showed without an NLBPort.
 * Requeue: after `--audit-interval`, or a minute where it saw a new orphan without a listener. Failure: a listing that is not complete changes nothing.
 */
export function auditReconciler(deps: AuditDeps): (key: string) => Promise<ReconcileResult> {
  /** Orphans of the last complete listing, by ARN. */
  let orphans = new Set<string>();
  /** What the last audit found and could not mend, so that it is said once. */
  let told = new Set<string>();
  const lookedAtMs = new Map<string, number>();
  const { clock, log, options } = deps;
  const call: CallOptions = { priority: 'audit', stillWanted: deps.isLeader, signal: deps.signal };

  return async () => {
    if (!deps.isLeader() || deps.signal.aborted) return {};
    try {
      return await audit();
    } catch (error) {
      if (!(error instanceof NotWanted)) throw error;
      // It no longer leads; or what it was about to remove has got an NLBPort meanwhile, and all is looked at anew.
      return deps.isLeader() ? { requeueAfterMs: Math.min(options.intervalMs, soonMs) } : {};
    }
  };

  async function audit(): Promise<ReconcileResult> {
    const startedMs = clock.nowMs();
    const objects = { ports: deps.ports.list(), pools: deps.pools.list(), pods: deps.pods.list() };
    const listed = await auditListing(deps, objects, call);
    if (!listed.ok) {
      log.warn({ code: listed.error.code }, `Audit given up: ${listed.error.message}`);
      deps.observer.audited({ result: 'incomplete', found: {}, restored: false });
      return { requeueAfterMs: Math.min(options.intervalMs, soonMs) };
    }
    const listing = listed.value;
    const found: AuditFinding[] = [...listing.findings];
    const byPort = Map.groupBy(listing.findings, ({ action, port }) => (action.do === 'repair' ? port : undefined));
    for (const asked of objects.ports) await repair(deps, byPort.get(asked.metadata.name) ?? [], asked);
    for (const finding of listing.findings) await handle(deps, finding, { orphans, told });
    const suspects = listing.findings.filter(isOrphan);
    const fresh = suspects.filter(({ resource = '' }) => !orphans.has(resource));
    // A listener may carry traffic: if anything about it is not as it seems, there is time to say so.
    const isUrgent =
      fresh.length > 0 && !fresh.some(({ action }) => action.do === 'remove' && action.what === 'listener');
    const waitMs = isUrgent ? Math.min(options.intervalMs, soonMs) : options.intervalMs;
    orphans = new Set(suspects.map(({ resource = '' }) => resource));
    const looked = await lookIntoGroups(deps, listing, lookedAtMs, call, async (findings, asked) => {
      found.push(...findings);
      await repair(deps, findings, asked);
    });
    told = new Set(found.map(nameOf));
    const counts: Partial<Record<FindingKind, number>> = {};
    for (const { kind } of found) counts[kind] = (counts[kind] ?? 0) + 1;
    deps.observer.audited({ result: 'complete', found: counts, restored: listing.restored !== undefined });
    log.info({ ports: objects.ports.length, looked, found: found.length, ...counts }, 'Audit ended');
    return { requeueAfterMs: Math.max(1_000, startedMs + waitMs - clock.nowMs()) };
  }
}

/** What no NLBPort can mend: an orphan goes when it was seen before, the rest is only told. */
async function handle(
  deps: AuditDeps,
  finding: AuditFinding,
  before: { orphans: ReadonlySet<string>; told: ReadonlySet<string> },
): Promise<void> {
  switch (finding.action.do) {
    case 'repair':
      return;
    case 'remove': {
      if (!before.orphans.has(finding.resource ?? '')) {
        tell(deps, finding, 'it is removed if the next audit finds it too');
        return;
      }
      const removed = await removeOrphan(deps, finding, {
        priority: 'audit',
        signal: deps.signal,
        stillWanted: () => deps.isLeader() && deps.ports.get(finding.port ?? '') === undefined,
      });
      tell(deps, finding, removed.ok ? removed.value : removed.error.message);
      return;
    }
    case 'tell':
      if (!before.told.has(nameOf(finding))) tell(deps, finding, finding.action.because);
  }
}

/** Sets the port's status back in one write; the port controller does the rest. */
async function repair(deps: AuditDeps, findings: readonly AuditFinding[], asked: NLBPort): Promise<void> {
  const parts = findings.flatMap(({ action }) => (action.do === 'repair' ? action.parts : []));
  if (parts.length === 0) return;
  const written = await savePortStatus(deps, asked, current => setBack(asked, current, parts));
  if (!written || written.metadata.resourceVersion === asked.metadata.resourceVersion) return;
  for (const finding of findings) tell(deps, finding, 'it is being repaired');
  deps.requestTurn(asked.metadata.name);
}

/**
 * Looks into target groups, those first that were not looked at for longest, at an even pace: as many as fit into the
 * interval. What is found is handed over; the health of a bound port's target is written down anew.
 */
async function lookIntoGroups(
  deps: AuditDeps,
  { objects, view }: AuditListing,
  lookedAtMs: Map<string, number>,
  call: CallOptions,
  onFindings: (findings: AuditFinding[], asked: NLBPort) => Promise<void>,
): Promise<number> {
  const { intervalMs, looksPerSecond } = deps.options;
  const known = new Set(view.targetGroups.map(({ arn }) => arn));
  const arnOf = ({ status }: NLBPort) => status?.targetGroupArn ?? '';
  const names = objects.ports.filter(port => known.has(arnOf(port))).map(({ metadata }) => metadata.name);
  for (const arn of lookedAtMs.keys()) if (!known.has(arn)) lookedAtMs.delete(arn);
  const lastMs = (name: string) => lookedAtMs.get(arnOf(deps.ports.get(name) ?? objects.ports[0]!)) ?? 0;
  const fitting = looksPerSecond === undefined ? names.length : Math.floor((looksPerSecond * intervalMs) / 1_000);
  const chosen = names.toSorted((a, b) => lastMs(a) - lastMs(b)).slice(0, Math.max(minLooks, fitting));
  let looked = 0;
  for (const name of chosen) {
    const asked = deps.ports.get(name);
    const pool = asked && deps.pools.get(asked.spec.pool);
    if (!asked || !pool || !canBeLookedInto(asked)) continue;
    if (!deps.isLeader() || deps.signal.aborted) break;
    if (looked > 0 && looksPerSecond !== undefined) await sleep(deps.clock, 1_000 / looksPerSecond, deps.signal);
    const atMs = deps.clock.nowMs();
    const look = await deps.reader.look(arnOf(asked), call);
    if (!look.ok) {
      deps.log.warn({ port: name, code: look.error.code }, `Audit cut short: ${look.error.message}`);
      break;
    }
    looked++;
    lookedAtMs.set(arnOf(asked), deps.clock.nowMs());
    const findings = compareGroup(asked, pool, look.value);
    if (findings.length > 0) await onFindings(findings, asked);
    else {
      const { times } = portContext(asked, pool, deps.times);
      await writeHealth(deps, { port: asked, atMs, forgetAfterMs: forgetAfterMs(times) }, look.value);
    }
  }
  return looked;
}

/** Writes the health that AWS told of a bound port, if nothing has happened to the port since. */
async function writeHealth(deps: AuditDeps, asked: HealthQuestion, { targets }: GroupLook): Promise<void> {
  const { metadata, spec } = asked.port;
  if (targets === undefined || (spec.targets ?? []).length === 0 || spec.claim?.releasedAt !== undefined) return;
  const written = await savePortStatus(deps, asked.port, current =>
    current.metadata.resourceVersion === metadata.resourceVersion
      ? withHealth(current, targets, deps.clock.nowMs(), asked)
      : undefined,
  );
  if (written && written.metadata.resourceVersion !== metadata.resourceVersion) deps.requestTurn(metadata.name);
}

/** A line of the log, and an Event on the NLBPort, or on the pool where there is none. */
function tell(deps: AuditDeps, finding: AuditFinding, outcome: string): void {
  const message = `${finding.message}; ${outcome}`;
  const { kind, port, pool, resource } = finding;
  deps.log.warn({ kind, port, pool, resource }, `Audit: ${message}`);
  const event = { type: 'Warning' as const, reason: kind, action: 'Audit', message };
  const portObject = deps.ports.get(port ?? '');
  const poolObject = deps.pools.get(pool ?? '');
  if (portObject) deps.events.record({ resource: nlbPorts, object: portObject, ...event });
  else if (poolObject) deps.events.record({ resource: nlbPortPools, object: poolObject, ...event });
}

function isOrphan({ action }: AuditFinding): boolean {
  return action.do === 'remove';
}

function nameOf({ kind, port, resource }: AuditFinding): string {
  return JSON.stringify([kind, port, resource]);
}
