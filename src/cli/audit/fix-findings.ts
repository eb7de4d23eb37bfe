import { type NLBPort, nlbPorts, type PortStatus } from '../../api/port.ts';
import type { PortProvider } from '../../aws/port-provider.ts';
import type { AuditListing } from '../../controllers/audit-listing.ts';
import { removeOrphan } from '../../controllers/remove-orphan.ts';
import { updateStatus } from '../../controllers/update-status.ts';
import type { AuditFinding } from '../../core/audit.ts';
import { isAsBelieved, setBack } from '../../core/audit-repair.ts';
import type { KubeClient } from '../../kube/client.ts';
import { isNotFound } from '../../kube/kube-error.ts';
import { type Clock, sleep } from '../../runtime/clock.ts';
import { type AuditOnceDeps, listOnce } from './audit-once.ts';

export interface FixDeps extends AuditOnceDeps {
  clock: Clock;
  provider: Pick<PortProvider, 'deleteListener' | 'deleteTargetGroup'>;
}

/** What became of a finding: whether it is mended, and a sentence for people. */
export interface FixOutcome {
  finding: AuditFinding;
  mended: boolean;
  outcome: string;
}

/** Between the two looks that an orphan needs: what is being made now is on record then. */
export const secondLookMs = 5_000;
/** How long the running operator gets for its repairs: some ten calls each, behind all that is more urgent. */
export const repairMs = 60_000;

/** Carries out the plan: sets statuses back and waits for the operator, and deletes what a second look finds orphaned too. */
export async function fixFindings(deps: FixDeps, listing: AuditListing): Promise<FixOutcome[]> {
  const { findings, objects } = listing;
  const outcomes: FixOutcome[] = [];
  const byPort = Map.groupBy(findings.filter(isRepair), ({ port }) => port ?? '');
  const waiting = new Map<string, AuditFinding[]>();
  for (const asked of objects.ports) {
    const its = byPort.get(asked.metadata.name);
    if (!its) continue;
    const isSet = await setPortBack(deps.client, asked, its);
    if (isSet) waiting.set(asked.metadata.name, its);
    else outcomes.push(...its.map(finding => ({ finding, mended: false, outcome: 'the port has changed meanwhile' })));
  }
  outcomes.push(...(await removeOrphans(deps, findings)));
  outcomes.push(...(await awaitRepairs(deps, waiting)));
  for (const finding of findings) {
    if (finding.action.do === 'tell') outcomes.push({ finding, mended: false, outcome: finding.action.because });
  }
  return outcomes;
}

/** Sets the status back in one write; false where the port is no longer as AWS was compared with. */
async function setPortBack(client: KubeClient, asked: NLBPort, findings: readonly AuditFinding[]): Promise<boolean> {
  const parts = findings.flatMap(({ action }) => (action.do === 'repair' ? action.parts : []));
  const written = await updateStatus<PortStatus, NLBPort>(
    { client, resource: nlbPorts, informer: { get: () => undefined, put() {} } },
    asked,
    current => setBack(asked, current, parts),
  );
  return written !== undefined;
}

async function removeOrphans(deps: FixDeps, findings: readonly AuditFinding[]): Promise<FixOutcome[]> {
  const first = findings.filter(({ action }) => action.do === 'remove');
  if (first.length === 0) return [];
  await sleep(deps.clock, secondLookMs);
  const again = await listOnce(deps);
  const outcomes: FixOutcome[] = [];
  for (const finding of first) {
    const seen = again.findings.find(({ resource, action }) => resource === finding.resource && action.do === 'remove');
    if (!seen) {
      outcomes.push({ finding, mended: false, outcome: 'kept: a second look did not find it orphaned' });
      continue;
    }
    const removed = await removeOrphan(deps, seen, { priority: 'audit' });
    outcomes.push({ finding, mended: removed.ok, outcome: removed.ok ? removed.value : removed.error.message });
  }
  return outcomes;
}

async function awaitRepairs(deps: FixDeps, waiting: Map<string, AuditFinding[]>): Promise<FixOutcome[]> {
  const outcomes: FixOutcome[] = [];
  const endMs = deps.clock.monotonicMs() + repairMs;
  while (waiting.size > 0) {
    for (const [name, findings] of waiting) {
      const live = await readPort(deps.client, name);
      const isLate = deps.clock.monotonicMs() >= endMs;
      const provisioned = live?.status?.conditions?.find(({ type }) => type === 'Provisioned');
      const error = provisioned?.message.startsWith('NLBP-') ? provisioned.message : undefined;
      const mended = live !== undefined && isAsBelieved(live.status);
      if (!mended && live && !isLate && error === undefined) continue;
      waiting.delete(name);
      const outcome = !live
        ? 'the NLBPort is gone'
        : (error ?? (mended ? 'repaired' : `no operator has repaired it in ${repairMs / 1_000} s`));
      outcomes.push(...findings.map(finding => ({ finding, mended: mended && error === undefined, outcome })));
    }
    if (waiting.size > 0) await sleep(deps.clock, 500);
  }
  return outcomes;
}

async function readPort(client: KubeClient, name: string): Promise<NLBPort | undefined> {
  try {
    return await client.get(nlbPorts, { name });
  } catch (error) {
    if (isNotFound(error)) return undefined;
    throw error;
  }
}

function isRepair({ action }: AuditFinding): boolean {
  return action.do === 'repair';
}
