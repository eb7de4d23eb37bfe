import type { Result } from '../api/errors.ts';
import { nlbPorts } from '../api/port.ts';
import type { CallOptions } from '../aws/elbv2-api.ts';
import type { PortProvider } from '../aws/port-provider.ts';
import type { AuditFinding } from '../core/audit.ts';
import type { KubeClient } from '../kube/client.ts';
import { isNotFound } from '../kube/kube-error.ts';

/**
 * Deletes what two complete listings showed without an NLBPort: the NLBPort is read live just before, as only that it is
 * not there proves anything. The value says what was done.
 */
export async function removeOrphan(
  deps: { client: KubeClient; provider: Pick<PortProvider, 'deleteListener' | 'deleteTargetGroup'> },
  { action, port: name = '', resource = '' }: AuditFinding,
  options: CallOptions,
): Promise<Result<string>> {
  if (action.do !== 'remove' || name === '') return { ok: true, value: 'nothing was done' };
  try {
    await deps.client.get(nlbPorts, { name });
    return { ok: true, value: `it is kept: ${name} exists again` };
  } catch (error) {
    if (!isNotFound(error)) throw error;
  }
  const removed =
    action.what === 'listener'
      ? await deps.provider.deleteListener(resource, options)
      : await deps.provider.deleteTargetGroup(resource, options);
  return removed.ok ? { ok: true, value: 'it was removed' } : removed;
}
