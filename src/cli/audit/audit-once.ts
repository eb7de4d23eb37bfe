import { CodedException } from '../../api/errors.ts';
import { poolLabel } from '../../api/names.ts';
import { nlbPortPools } from '../../api/pool.ts';
import { nlbPorts } from '../../api/port.ts';
import type { AuditReader } from '../../aws/audit-reader.ts';
import { type AuditListing, type AuditObjects, auditListing } from '../../controllers/audit-listing.ts';
import { type AuditFinding, canBeLookedInto, compareGroup } from '../../core/audit.ts';
import type { KubeClient } from '../../kube/client.ts';
import { pods } from '../../kube/resource.ts';

export interface AuditOnceDeps {
  client: KubeClient;
  reader: AuditReader;
  clusterId: string;
}

const call = { priority: 'audit' } as const;

/**
 * Everything that differs, with a look into every target group that is to be in place.
 * @throws CodedException with AWS's own error where a listing or a look is not complete.
 */
export async function auditOnce(deps: AuditOnceDeps): Promise<AuditListing> {
  const listing = await listOnce(deps);
  const { objects, view } = listing;
  const known = new Set(view.targetGroups.map(({ arn }) => arn));
  const findings: AuditFinding[] = [...listing.findings];
  for (const port of objects.ports) {
    const pool = objects.pools.find(({ metadata }) => metadata.name === port.spec.pool);
    const { targetGroupArn = '' } = port.status ?? {};
    if (!pool || !canBeLookedInto(port) || !known.has(targetGroupArn)) continue;
    const look = await deps.reader.look(targetGroupArn, call);
    if (!look.ok) throw new CodedException(look.error);
    findings.push(...compareGroup(port, pool, look.value));
  }
  return { ...listing, findings };
}

/** What a listing alone shows. @throws CodedException where it is not complete. */
export async function listOnce(deps: AuditOnceDeps): Promise<AuditListing> {
  const listed = await auditListing(deps, await objectsNow(deps.client), call);
  if (!listed.ok) throw new CodedException(listed.error);
  return listed.value;
}

async function objectsNow(client: KubeClient): Promise<AuditObjects> {
  const [ports, pools, claimants] = await Promise.all([
    client.list(nlbPorts),
    client.list(nlbPortPools),
    client.list(pods, { labelSelector: poolLabel }),
  ]);
  return { ports: ports.items, pools: pools.items, pods: claimants.items };
}
