import { type NLBPortPool, nlbPortPools } from '../../api/pool.ts';
import { nlbPorts } from '../../api/port.ts';
import type { KubeClient } from '../../kube/client.ts';
import { AwsCliError, type AwsLooks } from './aws-cli.ts';
import { missingOpenings } from './missing-openings.ts';
import { type CheckedPool, openingsFor } from './openings.ts';

export interface CheckDeps {
  client: KubeClient;
  aws: AwsLooks;
  say: (line: string) => void;
}

export interface CheckOptions {
  /** One pool; every pool unless given. */
  pool?: string | undefined;
  podGroups: readonly string[];
  /** Where the pods listen; else the ports of those that are bound now. */
  gamePorts: readonly number[];
  players: readonly string[];
}

/** `open`: nothing is missing. `closed`: commands were printed. `unknown`: a pool could not be looked at. */
export type CheckOutcome = 'open' | 'closed' | 'unknown';

/** Says for each pool what is not open in the security groups, as commands for people; changes nothing. */
export async function checkPools(deps: CheckDeps, options: CheckOptions): Promise<CheckOutcome> {
  const { items: pools } = await deps.client.list(nlbPortPools);
  const wanted = pools.filter(({ metadata }) => options.pool === undefined || metadata.name === options.pool);
  if (wanted.length === 0) {
    deps.say(options.pool === undefined ? 'There is no pool.' : `There is no pool ${options.pool}.`);
    return 'unknown';
  }
  const { items: ports } = await deps.client.list(nlbPorts);
  const outcomes: CheckOutcome[] = [];
  for (const pool of wanted) {
    const bound = ports.filter(({ spec }) => spec.pool === pool.metadata.name);
    const inUse = bound.flatMap(({ spec }) => (spec.targets ?? []).map(({ port }) => port));
    const gamePorts = options.gamePorts.length > 0 ? options.gamePorts : [...new Set(inUse)];
    outcomes.push(
      await checkPool(deps, pool, { ...options, gamePorts }).catch((error: unknown) => {
        // As where one load balancer was deleted: the other pools are looked at all the same.
        if (!(error instanceof AwsCliError)) throw error;
        deps.say(`Pool ${pool.metadata.name}: can not be looked at: ${error.message}`);
        return 'unknown' as const;
      }),
    );
  }
  return (['closed', 'unknown'] as const).find(outcome => outcomes.includes(outcome)) ?? 'open';
}

async function checkPool({ aws, say }: CheckDeps, pool: NLBPortPool, options: CheckOptions): Promise<CheckOutcome> {
  const { name } = pool.metadata;
  const arns = (pool.status?.loadBalancers ?? []).map(({ arn }) => arn);
  if (arns.length === 0) {
    say(`Pool ${name}: no load balancer was found yet, so there is nothing to look at.`);
    return 'unknown';
  }
  if (options.gamePorts.length === 0) {
    say(`Pool ${name}: no pod is bound, so its game port is not known: name it with --game-port.`);
    return 'unknown';
  }
  const loadBalancers = await aws.loadBalancers(arns);
  const ids = [...new Set([...options.podGroups, ...loadBalancers.flatMap(({ groups }) => groups)])];
  const openings = openingsFor({ ...options, pool: checkedPool(pool), loadBalancers });
  const missing = missingOpenings(openings, await aws.securityGroups(ids));
  const seen = `${loadBalancers.length} load balancer${loadBalancers.length === 1 ? '' : 's'}, game port ${options.gamePorts.join(', ')}`;
  if (missing.length === 0) {
    say(`Pool ${name} (${seen}): everything is open.`);
    return 'open';
  }
  say(`Pool ${name} (${seen}): not open is`);
  for (const { why, commands } of missing) for (const line of [`# ${why}`, ...commands]) say(line);
  return 'closed';
}

function checkedPool({ metadata, spec }: NLBPortPool): CheckedPool {
  const { port } = spec.healthCheck;
  return {
    name: metadata.name,
    protocol: spec.protocol,
    ports: spec.ports,
    preserveClientIP: spec.targets.preserveClientIP,
    healthPort: typeof port === 'number' ? port : 'traffic-port',
  };
}
