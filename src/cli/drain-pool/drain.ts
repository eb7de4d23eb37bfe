import { nlbPortPools } from '../../api/pool.ts';
import { type NLBPort, nlbPorts } from '../../api/port.ts';
import type { KubeClient } from '../../kube/client.ts';
import { isNotFound } from '../../kube/kube-error.ts';
import { type Clock, sleep } from '../../runtime/clock.ts';

export interface DrainDeps {
  client: KubeClient;
  clock: Clock;
  say: (line: string) => void;
}

export interface DrainOptions {
  pool: string;
  /** How long to wait for claimants and AWS. */
  timeoutMs: number;
  /** Says what would be done, and does nothing. */
  dryRun: boolean;
}

/** `drained`: no pool and no port is left. `waiting`: the time is up, and the rest goes on without us. */
export type DrainOutcome = 'drained' | 'waiting' | 'would-drain';

const askEveryMs = 1_000;
/** A name for each of this many holders; the rest as a number. */
const shownHolders = 5;

/**
 * Deletes a pool and waits until the operator has taken down what it had in AWS. Claimants are not touched: the pool
 * waits until they have ended, keeping their endpoints, and takes no new ones.
 */
export async function drainPool(deps: DrainDeps, options: DrainOptions): Promise<DrainOutcome> {
  const { client, clock, say } = deps;
  const { pool: name, timeoutMs, dryRun } = options;

  const portsOf = async (): Promise<NLBPort[]> => {
    const { items } = await client.list(nlbPorts);
    return items.filter(({ spec }) => spec.pool === name);
  };
  const findPool = () =>
    client.get(nlbPortPools, { name }).catch((error: unknown) => {
      if (isNotFound(error)) return undefined;
      throw error;
    });

  const pool = await findPool();
  const before = await portsOf();
  if (!pool && before.length === 0) {
    say(`There is no pool ${name}, and no port of it.`);
    return 'drained';
  }
  if (dryRun) {
    say(`Would delete pool ${name}: ${leftover(before)}.`);
    return 'would-drain';
  }
  if (pool) await client.delete(nlbPortPools, { name }, { ...(pool.metadata.uid ? { uid: pool.metadata.uid } : {}) });
  say(`Pool ${name} takes no new claims: ${leftover(before)}.`);

  const endMs = clock.monotonicMs() + timeoutMs;
  let said = leftover(before);
  for (;;) {
    const [found, ports] = [await findPool(), await portsOf()];
    if (!found && ports.length === 0) {
      say(`Pool ${name} is gone, and all that it had in AWS.`);
      return 'drained';
    }
    const now = leftover(ports);
    if (now !== said) say(`Waiting: ${now}.`);
    said = now;
    if (clock.monotonicMs() >= endMs) {
      say(`Not drained yet: ${now}. The operator goes on; run this again to wait longer.`);
      return 'waiting';
    }
    await sleep(clock, askEveryMs);
  }
}

function leftover(ports: readonly NLBPort[]): string {
  const holders = ports.flatMap(({ spec: { claim } }) =>
    claim && !claim.releasedAt ? [`${claim.kind} ${claim.namespace}/${claim.name}`] : [],
  );
  const total = `${ports.length} ${ports.length === 1 ? 'port' : 'ports'}`;
  if (holders.length === 0) return `${total}, none held`;
  const more = holders.length > shownHolders ? ` and ${holders.length - shownHolders} more` : '';
  return `${total}, ${holders.length} held by ${holders.slice(0, shownHolders).join(', ')}${more}`;
}
