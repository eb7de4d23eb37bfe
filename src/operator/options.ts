import { parseDurationMs } from '../api/duration.ts';
import { CodedException, codedError } from '../api/errors.ts';
import { type BudgetRow, type BudgetRows, budgets } from '../aws/documented-budget.ts';
import { environmentName, type OptionName, type OptionRow, optionsTable } from './options-table.ts';

/** Options as they were written: texts by name, from flags and environment. */
export type WrittenOptions = Partial<Record<OptionName, string>>;

/** Options as the operator uses them: defaults filled in, checked, and numbers where numbers are meant. */
export interface OperatorOptions {
  kubeconfig: string | undefined;
  context: string | undefined;
  namespace: string;
  leaderElect: boolean;
  leaseDurationMs: number;
  /** Undefined host: all addresses. */
  http: { host: string | undefined; port: number };
  clusterId: string | undefined;
  watchNamespaces: string[];
  agones: boolean;
  logLevel: 'debug' | 'info' | 'warn' | 'error';
  awsRegion: string | undefined;
  awsBudget: BudgetRows;
  awsAttemptTimeoutMs: number;
  healthFirstLookMs: number;
  drainSlackMs: number;
  conflictRetryMs: number;
  poolResyncMs: number;
  poolRetryMs: number;
  auditIntervalMs: number;
  listenersPerLoadBalancer: number;
  batchWindowMs: number;
  podWorkers: number;
  portWorkers: number;
  kubeTimeoutMs: number;
  stuckAfterMs: number;
}

/** The texts of NLBPORTS_* variables, by option; an empty one counts as not set. */
export function optionsFromEnvironment(env: Readonly<Record<string, string | undefined>>): WrittenOptions {
  const names = Object.keys(optionsTable) as OptionName[];
  return Object.fromEntries(
    names.flatMap(name => (env[environmentName(name)] ? [[name, env[environmentName(name)]]] : [])),
  );
}

/**
 * Checks options and fills in defaults.
 * @throws CodedException InvalidOption, naming the option, its value and what was wanted.
 */
export function compileOptions(written: WrittenOptions): OperatorOptions {
  const text = (name: OptionName): string | undefined => {
    const row: OptionRow = optionsTable[name];
    const value = written[name] ?? row.default;
    if (value !== undefined && row.choices && !row.choices.includes(value)) {
      throw invalid(name, value, `one of ${row.choices.join(', ')}`);
    }
    return value;
  };
  const required = (name: OptionName): string => text(name) ?? '';
  const durationMs = (name: OptionName): number => {
    const row: OptionRow = optionsTable[name];
    const value = required(name);
    let ms: number;
    try {
      ms = parseDurationMs(value);
    } catch {
      throw invalid(name, value, 'a duration such as 30s or 5m');
    }
    if (ms < (row.min ?? 0)) throw invalid(name, value, `at least ${row.min} ms`);
    return ms;
  };
  const integer = (name: OptionName): number => {
    const row: OptionRow = optionsTable[name];
    const value = required(name);
    if (!/^[0-9]{1,9}$/.test(value) || Number(value) < (row.min ?? 0)) {
      throw invalid(name, value, `a whole number of at least ${row.min ?? 0}`);
    }
    return Number(value);
  };

  const boolean = (name: OptionName): boolean => {
    const value = required(name);
    if (value === 'true' || value === 'false') return value === 'true';
    throw invalid(name, value, 'true or false');
  };

  const budgetName = required('aws-budget') as keyof typeof budgets;
  const rate = (name: OptionName, otherwise: BudgetRow | undefined): BudgetRow | undefined => {
    const value = text(name);
    if (value === undefined) return otherwise;
    const match = /^([0-9]+)\/([0-9]+(?:\.[0-9]+)?)$/.exec(value);
    const row = { burst: Number(match?.[1]), perSecond: Number(match?.[2]) };
    if (!match || row.burst < 2 || row.perSecond <= 0) throw invalid(name, value, 'burst/perSecond such as 40/10');
    return row;
  };
  const budget = budgets[budgetName];
  const awsBudget: BudgetRows = {
    account: rate('aws-account-rate', budget.account),
    describe: rate('aws-describe-rate', budget.describe),
    register: rate('aws-register-rate', budget.register),
    mutate: rate('aws-mutate-rate', budget.mutate),
  };

  return {
    kubeconfig: text('kubeconfig'),
    context: text('context'),
    namespace: namespaceName('namespace', required('namespace')),
    leaderElect: boolean('leader-elect'),
    leaseDurationMs: durationMs('lease-duration'),
    http: parseAddress(required('http-address')),
    clusterId: clusterId(text('cluster-id')),
    watchNamespaces: namespaceList(text('watch-namespaces')),
    agones: boolean('agones'),
    logLevel: required('log-level') as OperatorOptions['logLevel'],
    awsRegion: text('aws-region'),
    awsBudget,
    awsAttemptTimeoutMs: durationMs('aws-attempt-timeout'),
    healthFirstLookMs:
      text('health-first-look') === undefined
        ? budgetName === 'none'
          ? 1_000
          : 60_000
        : durationMs('health-first-look'),
    drainSlackMs: durationMs('drain-slack'),
    conflictRetryMs: durationMs('conflict-retry'),
    poolResyncMs: durationMs('pool-resync'),
    poolRetryMs: durationMs('pool-retry'),
    auditIntervalMs: durationMs('audit-interval'),
    listenersPerLoadBalancer: integer('listeners-per-load-balancer'),
    batchWindowMs: durationMs('batch-window'),
    podWorkers: integer('pod-workers'),
    portWorkers: integer('port-workers'),
    kubeTimeoutMs: durationMs('kube-timeout'),
    stuckAfterMs: durationMs('stuck-after'),
  };
}

/** Empty: all namespaces, which nobody should get by writing a list of nothing. */
function namespaceList(value: string | undefined): string[] {
  if (value === undefined) return [];
  const names = value.split(',').map(item => item.trim());
  const given = names.filter(item => item !== '');
  if (given.length === 0) throw invalid('watch-namespaces', value, 'names of namespaces, by commas');
  return given.map(item => namespaceName('watch-namespaces', item));
}

function namespaceName(option: OptionName, value: string): string {
  if (/^[a-z0-9]([-a-z0-9]{0,61}[a-z0-9])?$/.test(value)) return value;
  throw invalid(option, value, 'the name of a namespace');
}

/** It becomes the value of an AWS tag, which is at most 256 of these characters. */
function clusterId(value: string | undefined): string | undefined {
  if (value === undefined || /^[\p{L}\p{Z}\p{N}_.:/=+\-@]{1,256}$/u.test(value)) return value;
  throw invalid('cluster-id', value, 'at most 256 letters, digits, spaces or _.:/=+-@');
}

function parseAddress(value: string): { host: string | undefined; port: number } {
  const match = /^(?:\[([0-9a-fA-F:]+)\]|([^:[\]]*)):([0-9]{1,5})$/.exec(value);
  const port = Number(match?.[3]);
  if (!match || port > 65535) throw invalid('http-address', value, 'host:port such as 127.0.0.1:8080');
  return { host: match[1] || match[2] || undefined, port };
}

function invalid(name: OptionName, value: string, wanted: string): CodedException {
  return new CodedException(codedError('InvalidOption', `Cannot use --${name}: "${value}", wanted ${wanted}`));
}
