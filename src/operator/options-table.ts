/** How an option's text is read. */
export type OptionKind = 'text' | 'boolean' | 'duration' | 'integer' | 'list' | 'choice';

export interface OptionRow {
  kind: OptionKind;
  /** What it is for, and what happens if it is too small or too large. */
  description: string;
  /** As a user would write it; absent where there is none. */
  default?: string;
  choices?: readonly string[];
  /** Name of the value in help texts. */
  value?: string;
  /** Least number (integer) or milliseconds (duration) that makes sense. */
  min?: number;
}

/**
 * Every option of `nlbports operator`: the one source of flags, of NLBPORTS_* environment variables, of the help text
 * and of docs/options.md. A flag wins over its variable, the variable over the default.
 */
export const optionsTable = {
  kubeconfig: {
    kind: 'text',
    value: 'file',
    description:
      'Kubeconfig to connect with. Left out: KUBECONFIG, then the service account of the pod, then ~/.kube/config.',
  },
  context: { kind: 'text', value: 'name', description: 'Context of the kubeconfig. Left out: its current one.' },
  namespace: {
    kind: 'text',
    value: 'name',
    default: 'nlbports-system',
    description: 'Namespace of the Lease by which replicas elect a leader.',
  },
  'leader-elect': {
    kind: 'boolean',
    default: 'true',
    description: 'Whether to lead only while holding the Lease. Switch it off for a single process only.',
  },
  'lease-duration': {
    kind: 'duration',
    default: '12s',
    min: 3000,
    description:
      'How long a Lease that is not renewed keeps others from leading. Shorter: faster take-over after a crash, more writes, and a slow API server may cost the lead.',
  },
  'http-address': {
    kind: 'text',
    value: 'host:port',
    default: ':8080',
    description: 'Where /healthz, /readyz and /metrics are served; without a host, on all addresses.',
  },
  'cluster-id': {
    kind: 'text',
    value: 'id',
    description:
      "What tells this cluster's AWS resources from those of others in the account. Left out: the UID of the namespace kube-system. It must never change.",
  },
  'watch-namespaces': {
    kind: 'list',
    value: 'a,b',
    description: 'Namespaces whose pods are looked at. Left out: all.',
  },
  agones: {
    kind: 'boolean',
    default: 'false',
    description:
      "Whether the endpoint of an Agones GameServer's pod is mirrored onto the GameServer. Needs deploy/agones.yaml.",
  },
  'log-level': {
    kind: 'choice',
    choices: ['debug', 'info', 'warn', 'error'],
    default: 'info',
    description: 'Least severity of a log line that is written. debug: a line per AWS call.',
  },
  'aws-region': {
    kind: 'text',
    value: 'region',
    description: 'Region of the load balancers. Left out: AWS_REGION, AWS_DEFAULT_REGION, or the shared configuration.',
  },
  'aws-budget': {
    kind: 'choice',
    choices: ['documented', 'none'],
    default: 'documented',
    description:
      'documented: never more calls than the rates that AWS documents for an account and region. none: for an endpoint that does not throttle.',
  },
  'aws-account-rate': {
    kind: 'text',
    value: 'burst/perSecond',
    description: 'Budget of all ELBv2 calls together, where AWS has raised it (documented: 40/10).',
  },
  'aws-describe-rate': {
    kind: 'text',
    value: 'burst/perSecond',
    description: 'Budget of Describe calls, where AWS has raised it (documented: 40/10).',
  },
  'aws-register-rate': {
    kind: 'text',
    value: 'burst/perSecond',
    description: 'Budget of RegisterTargets and DeregisterTargets, where AWS has raised it (documented: 20/4).',
  },
  'aws-mutate-rate': {
    kind: 'text',
    value: 'burst/perSecond',
    description: 'Budget of the other calls that change something, where AWS has raised it (documented: 20/3).',
  },
  'aws-attempt-timeout': {
    kind: 'duration',
    default: '5s',
    min: 500,
    description:
      'Hard limit of one attempt at an AWS call. Too short: slow answers count as lost and are repeated. It must stay far below the quarantine.',
  },
  'health-first-look': {
    kind: 'duration',
    min: 100,
    description:
      'From registration to the first look at the health of a target. Left out: 60s, or 1s with --aws-budget none. Shorter: more calls that find nothing, as AWS needs minutes.',
  },
  'drain-slack': {
    kind: 'duration',
    default: '2s',
    min: 0,
    description: "Added to a pool's deregistration delay before AWS is asked whether draining has ended.",
  },
  'conflict-retry': {
    kind: 'duration',
    default: '2m',
    min: 1000,
    description: 'Before a port on which someone else was found is tried again, unless a listing still shows them.',
  },
  'pool-resync': {
    kind: 'duration',
    default: '60s',
    min: 1000,
    description:
      "Time between listings of a pool's load balancers and their listeners. Shorter: new load balancers and listeners of others are seen sooner, at one Describe call per load balancer each time.",
  },
  'pool-retry': {
    kind: 'duration',
    default: '5s',
    min: 500,
    description: 'Before a listing of load balancers that failed is tried again.',
  },
  'audit-interval': {
    kind: 'duration',
    default: '10m',
    min: 1000,
    description:
      'Time between audits, which compare all of AWS with the NLBPorts. Shorter: what people changed by hand is repaired sooner, at the price of more Describe calls.',
  },
  'listeners-per-load-balancer': {
    kind: 'integer',
    default: '50',
    min: 1,
    description: 'Listeners that AWS allows on one load balancer. AWS does not raise it for Network Load Balancers.',
  },
  'batch-window': {
    kind: 'duration',
    default: '50ms',
    min: 10,
    description:
      'How long claims that arrive together are gathered before ports are chosen, oldest first, then by name. Longer: a stricter order, a later bind.',
  },
  'pod-workers': {
    kind: 'integer',
    default: '8',
    min: 1,
    description:
      'Pods that are worked on at a time. More: a burst of pods advances in step, so that the first of them is bound later.',
  },
  'port-workers': {
    kind: 'integer',
    default: '4096',
    min: 1,
    description:
      'Ports that are worked on at a time. It should be above the number of ports: a port that waits for the AWS budget holds a worker.',
  },
  'kube-timeout': {
    kind: 'duration',
    default: '10s',
    min: 500,
    description: 'Limit of one request to the Kubernetes API.',
  },
  'stuck-after': {
    kind: 'duration',
    default: '3m',
    min: 1000,
    description: '/healthz fails when one turn of a loop takes longer than this.',
  },
} as const satisfies Record<string, OptionRow>;

export type OptionName = keyof typeof optionsTable;

/** The environment variable of an option: `leader-elect` is NLBPORTS_LEADER_ELECT. */
export function environmentName(option: OptionName): string {
  return `NLBPORTS_${option.replaceAll('-', '_').toUpperCase()}`;
}
