import { homedir } from 'node:os';
import { CodedException, codedError } from '../../api/errors.ts';
import { createAuditReader } from '../../aws/audit-reader.ts';
import { createBudget } from '../../aws/budget.ts';
import { createElbv2Api } from '../../aws/create-elbv2-api.ts';
import type { BudgetRow, BudgetRows } from '../../aws/documented-budget.ts';
import { createPortProvider } from '../../aws/port-provider.ts';
import { createKubeClient } from '../../kube/client.ts';
import { ConnectionConfigError } from '../../kube/connection-config.ts';
import { loadConnection } from '../../kube/load-connection.ts';
import { namespaces } from '../../kube/resource.ts';
import { createUndiciTransport } from '../../kube/undici-transport.ts';
import type { OperatorOptions } from '../../operator/options.ts';
import { systemClock } from '../../runtime/clock.ts';
import { silentLog } from '../../runtime/log.ts';
import { systemRandom } from '../../runtime/random.ts';
import { auditExitCodes } from '../audit.ts';
import { regionOfEndpoint } from '../region-of-endpoint.ts';
import { version } from '../version.ts';
import { auditOnce } from './audit-once.ts';
import { fixFindings } from './fix-findings.ts';
import { auditJson, auditText } from './print-audit.ts';

/**
 * Audits the cluster and the account that the settings lead to, prints it, and gives the exit code.
 * @throws CodedException NoCluster, or AWS's own error where it can not be listed.
 */
export async function runAudit(options: OperatorOptions & { fix: boolean; json: boolean }): Promise<number> {
  const [clock, random, log] = [systemClock(), systemRandom(), silentLog()];
  const connection = await loadConnection(
    { clock, env: process.env, interactive: process.stdin.isTTY === true, homeDirectory: homedir() },
    { kubeconfig: options.kubeconfig, context: options.context },
  ).catch((error: unknown) => {
    throw error instanceof ConnectionConfigError ? new CodedException(codedError('NoCluster', error.message)) : error;
  });
  const transport = createUndiciTransport(connection, {
    userAgent: `nlbports/${version()}`,
    requestTimeoutMs: options.kubeTimeoutMs,
  });
  const api = createElbv2Api({
    clock,
    random,
    log,
    budget: createBudget({ clock, random, log }, halved(options.awsBudget)),
    attemptTimeoutMs: options.awsAttemptTimeoutMs,
    region: options.awsRegion ?? regionOfEndpoint(process.env),
  });
  try {
    const client = createKubeClient({ transport, clock }, { requestTimeoutMs: options.kubeTimeoutMs });
    const clusterId = options.clusterId ?? (await client.get(namespaces, { name: 'kube-system' })).metadata.uid ?? '';
    const reader = createAuditReader({ api, clusterId });
    const provider = createPortProvider({ api, clock, clusterId });
    const deps = { client, clock, reader, provider, clusterId };
    const listing = await auditOnce(deps);
    const isRefused = options.fix && listing.restored !== undefined;
    const outcomes = options.fix && !isRefused ? await fixFindings(deps, listing) : undefined;
    const print = options.json
      ? JSON.stringify(auditJson(clusterId, listing, outcomes), null, 2)
      : auditText(clusterId, listing, outcomes);
    console.log(print);
    if (isRefused) {
      const why = 'Cannot fix: no NLBPort exists, and AWS holds resources of this cluster; a person must decide first';
      console.error(codedError('ClusterRestored', why).message);
      return auditExitCodes.refused;
    }
    const isLeft = outcomes ? outcomes.some(({ mended }) => !mended) : listing.findings.length > 0;
    return isLeft || listing.restored ? auditExitCodes.found : 0;
  } finally {
    api.close();
    await transport.close();
  }
}

/** The running operator has its own budget of the same account: a person who waits takes no more than half of each. */
function halved(rows: BudgetRows): BudgetRows {
  const half = (row: BudgetRow | undefined) =>
    row && { burst: Math.max(1, Math.floor(row.burst / 2)), perSecond: row.perSecond / 2 };
  return {
    account: half(rows.account),
    describe: half(rows.describe),
    register: half(rows.register),
    mutate: half(rows.mutate),
  };
}
