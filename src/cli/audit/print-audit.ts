import type { AuditListing } from '../../controllers/audit-listing.ts';
import type { AuditFinding } from '../../core/audit.ts';
import type { FixOutcome } from './fix-findings.ts';

/** The audit as one JSON object; `outcomes` where it was carried out. */
export function auditJson(clusterId: string, listing: AuditListing, outcomes: readonly FixOutcome[] | undefined) {
  const { objects, restored, findings } = listing;
  return {
    cluster: clusterId,
    restored: restored ? { code: restored.code, message: restored.message } : null,
    kubernetes: {
      pools: objects.pools.length,
      ports: objects.ports.length,
      bound: objects.ports.filter(({ spec }) => spec.claim !== undefined).length,
    },
    aws: ownCounts(listing),
    findings: findings.map(finding => {
      const { action, ...about } = finding;
      const outcome = outcomes?.find(other => other.finding === finding);
      return {
        ...about,
        action: action.do,
        ...(action.do === 'tell' ? { because: action.because } : {}),
        ...(outcome ? { mended: outcome.mended, outcome: outcome.outcome } : {}),
      };
    }),
  };
}

/** The audit for people: both sides, then a block for each finding. */
export function auditText(
  clusterId: string,
  listing: AuditListing,
  outcomes: readonly FixOutcome[] | undefined,
): string {
  const { kubernetes, aws } = auditJson(clusterId, listing, outcomes);
  const lines = [
    `Cluster     ${clusterId}`,
    `Kubernetes  ${count(kubernetes.ports, 'NLBPort')}, ${kubernetes.bound} claimed, in ${count(kubernetes.pools, 'pool')}`,
    `AWS         ${awsSide(aws)}`,
    '',
  ];
  if (listing.restored) lines.push(listing.restored.message, '');
  for (const finding of listing.findings) {
    const outcome = outcomes?.find(other => other.finding === finding);
    const owner = finding.port ?? finding.pool;
    lines.push(`${finding.kind}${owner === undefined ? '' : `  ${owner}`}`, `  ${finding.message}`);
    lines.push(`  -> ${outcome?.outcome ?? intention(finding)}`, '');
  }
  const left = outcomes ? outcomes.filter(({ mended }) => !mended).length : listing.findings.length;
  const all = listing.findings.length === 0 ? 'Nothing differs.' : 'All of it was mended.';
  lines.push(left === 0 ? all : `${count(left, 'difference')}${outcomes ? ' left' : ''}.`);
  return lines.join('\n');
}

/** Listeners are listed by load balancer: where no pool has one, that none was seen says nothing. */
function awsSide({ targetGroups, listeners, loadBalancers }: ReturnType<typeof ownCounts>): string {
  const groups = count(targetGroups, 'target group');
  return loadBalancers === 0
    ? `${groups} of this cluster; listeners were not looked for, as no pool has a load balancer`
    : `${groups} and ${count(listeners, 'listener')} of this cluster on ${count(loadBalancers, 'load balancer')}`;
}

function intention({ action }: AuditFinding): string {
  if (action.do === 'tell') return `left alone: ${action.because}`;
  return action.do === 'repair' ? 'to be repaired' : 'to be deleted, if a second look finds it too';
}

function ownCounts({ view }: AuditListing) {
  return {
    targetGroups: view.targetGroups.length,
    listeners: view.listeners.filter(({ owner }) => owner !== undefined).length,
    loadBalancers: view.loadBalancers.length,
    missingLoadBalancers: view.missing,
  };
}

/** Such as `1 port` or `2 ports`. */
function count(amount: number, thing: string): string {
  return `${amount} ${thing}${amount === 1 ? '' : 's'}`;
}
