import { findCondition, type NewCondition } from '../api/conditions.ts';
import { parseDurationMs } from '../api/duration.ts';
import { type CodedError, codedError } from '../api/errors.ts';
import type { NLBPortPool, PoolStatus } from '../api/pool.ts';
import type { NLBPort } from '../api/port.ts';
import type { PlannedLoadBalancer } from './plan-pool.ts';
import { whyNotProbed } from './probe.ts';

/** What the conditions of a pool tell of besides its spec and its status. */
export interface PoolFacts {
  /** All NLBPorts of the pool. */
  ports: readonly NLBPort[];
  planned: readonly PlannedLoadBalancer[];
  /** Why the pool can't be looked after as it asks; undefined where it can. */
  problem: CodedError | undefined;
  /** Longest time one AWS call may take: a shorter quarantine earns the pool a warning. */
  awsAttemptMs: number;
}

/** The conditions of a pool with this status; its load balancers, capacity and counts are those of the status. */
export function poolConditions(
  pool: NLBPortPool,
  status: PoolStatus,
  { ports, planned, problem, awsAttemptMs }: PoolFacts,
): NewCondition[] {
  const { name, generation } = pool.metadata;
  const make = (type: string, value: boolean, reason: string, message: string): NewCondition => ({
    type,
    status: value ? 'True' : 'False',
    reason,
    message,
    observedGeneration: generation,
  });
  const fromError = (type: string, error: CodedError) => make(type, false, error.reason, error.message);

  if (pool.metadata.deletionTimestamp !== undefined) {
    const holders = ports.flatMap(({ spec: { claim } }) => (claim ? [`${claim.namespace}/${claim.name}`] : []));
    const who =
      holders.length > 0
        ? `held by ${holders.slice(0, 5).join(', ')}${holders.length > 5 ? ' …' : ''}`
        : 'being removed';
    return [make('Ready', false, 'Deleting', `${count(ports.length, 'port')} left, ${who}`)];
  }

  const overlaps = planned.filter(({ ownedByOthers }) => countInRange(pool, ownedByOthers) > 0);
  const conditions: NewCondition[] = [];
  if (problem) conditions.push(fromError('Ready', problem));
  else if (overlaps.length > 0) {
    const lost = overlaps.reduce((sum, { ownedByOthers }) => sum + countInRange(pool, ownedByOthers), 0);
    const arns = overlaps.map(({ arn }) => arn).join(', ');
    const message = `Cannot own ${count(lost, 'port')} of pool "${name}": another pool owns them on ${arns}; give the pools ranges that do not overlap`;
    conditions.push(fromError('Ready', codedError('PoolOverlap', message)));
  } else {
    const balancers = count(status.loadBalancers?.length ?? 0, 'load balancer');
    conditions.push(make('Ready', true, 'Ready', `${balancers}, room for ${count(capacityOf(status), 'port')}`));
  }

  const waiting = status.waiting ?? 0;
  const claims = waiting === 1 ? '1 claim waits' : `${waiting} claims wait`;
  // Without a usable load balancer the pool is not full but not ready, which the other condition says.
  const made = ports.filter(port => !port.spec.retire).length;
  const isFull = waiting > 0 && status.ports?.free === 0 && capacityOf(status) > 0 && made >= capacityOf(status);
  if (isFull) {
    const message = `Cannot serve every claim of pool "${name}": add a load balancer: ${claims}`;
    conditions.push(fromError('CapacityAvailable', codedError('PoolFull', message)));
  } else if (waiting > 0 && (capacityOf(status) === 0 || made < capacityOf(status))) {
    conditions.push(make('CapacityAvailable', false, 'SettingUp', `${claims} for a port that is not there yet`));
  } else {
    // A number that another has, a quota, or several ports on one load balancer.
    const message =
      waiting > 0 ? `${claims} for more than a free port, as their conditions say` : 'Every claim is served';
    conditions.push(make('CapacityAvailable', true, 'PortsFree', message));
  }

  const quarantineMs = parseDurationMs(pool.spec.release.quarantine);
  const short = quarantineMs < awsAttemptMs;
  conditions.push(
    short
      ? fromError(
          'QuarantineSafe',
          codedError(
            'ShortQuarantine',
            `Cannot rule out misrouting in pool "${name}": quarantine ${pool.spec.release.quarantine}, at least ${awsAttemptMs} ms wanted, which one AWS call may take`,
          ),
        )
      : make('QuarantineSafe', true, 'LongEnough', 'The quarantine outlasts an AWS call'),
  );
  const probe = probeConditionOf(pool, status);
  if (probe) conditions.push({ ...probe, observedGeneration: generation });
  return conditions;
}

/** Whether the pool's probe can be sent through all of its load balancers; undefined where it has and had none. */
function probeConditionOf(pool: NLBPortPool, status: PoolStatus): NewCondition | undefined {
  const type = 'ProbePossible';
  if (!pool.spec.readiness.probe) {
    if (!findCondition(status.conditions, type)) return undefined;
    return { type, status: 'True', reason: 'NoProbe', message: 'The pool has no probe' };
  }
  const [refused] = (status.loadBalancers ?? []).flatMap(entry => whyNotProbed(pool.spec, entry) ?? []);
  return refused
    ? { type, status: 'False', reason: refused.reason, message: refused.message }
    : { type, status: 'True', reason: 'Possible', message: 'The probe can be sent through every load balancer' };
}

/** Such as `1 port` or `2 ports`. */
function count(amount: number, thing: string): string {
  return `${amount} ${thing}${amount === 1 ? '' : 's'}`;
}

function capacityOf(status: PoolStatus): number {
  return (status.loadBalancers ?? []).reduce((sum, { capacity }) => sum + capacity, 0);
}

function countInRange(pool: NLBPortPool, numbers: ReadonlySet<number>): number {
  return [...numbers].filter(port => port >= pool.spec.ports.min && port <= pool.spec.ports.max).length;
}
