import { z } from 'zod';
import { type OptionName, type OptionRow, optionsTable } from '../../../operator/options-table.ts';

/** Options that the chart sets itself, or that make no sense in a pod. */
const setByTheChart: ReadonlySet<string> = new Set([
  'kubeconfig',
  'context',
  'namespace',
  'leader-elect',
  'http-address',
  'agones',
] satisfies OptionName[]);

/** A value of the chart's `options`: as written behind the flag. */
function optionValue({ kind, choices, min }: OptionRow): z.ZodType {
  if (choices) return z.enum(choices as [string, ...string[]]);
  switch (kind) {
    case 'boolean':
      return z.boolean();
    case 'integer':
      return z.int().min(min ?? 0);
    case 'duration':
      return z.string().regex(/^([0-9]+(\.[0-9]+)?(ms|s|m|h))+$/);
    default:
      return z.string();
  }
}

/** Every option of `nlbports operator` that a user of the chart may set, by the name of its flag. */
const options = z.strictObject(
  Object.fromEntries(
    (Object.entries(optionsTable) as [OptionName, OptionRow][])
      .filter(([name]) => !setByTheChart.has(name))
      .map(([name, row]) => [name, optionValue(row).optional().describe(row.description)]),
  ),
);

const texts = z.record(z.string(), z.string());
const anyObject = z.record(z.string(), z.unknown());
const quantity = z.union([z.string(), z.number()]);
const resources = z.record(z.string(), quantity);

/**
 * The chart's values: the one source of values.yaml, of values.schema.json and of the table in docs/helm.md. A
 * default that is an object or a list stands for the whole of it.
 */
export const chartValues = z.strictObject({
  nameOverride: z.string().default('').describe('Name of the chart in the names of objects. Empty: nlbports.'),
  fullnameOverride: z.string().default('').describe('Name of the objects. Empty: made of the release and the chart.'),
  image: z
    .strictObject({
      repository: z.string().default('nlbports').describe('Where you keep the image that you built.'),
      tag: z.string().default('').describe("Its tag. Empty: the chart's appVersion."),
      digest: z.string().default('').describe('As sha256:...; wins over the tag. What was tested is then what runs.'),
      pullPolicy: z.enum(['Always', 'IfNotPresent', 'Never']).default('IfNotPresent').describe('When it is pulled.'),
    })
    .describe("The operator's image. None is published yet: build it with the Dockerfile."),
  imagePullSecrets: z
    .array(z.strictObject({ name: z.string() }))
    .default([])
    .describe('Secrets for the registry.'),
  replicas: z.int().min(1).default(2).describe('One leads, the others wait. One alone is a gap at every update.'),
  options: options
    .default({})
    .describe('Options of the operator, each by the name of its flag, as in `lease-duration: 12s`. See options.md.'),
  aws: z
    .strictObject({
      region: z.string().default('').describe('Region of the load balancers. Empty: what the AWS SDK finds.'),
      roleArn: z.string().default('').describe('Role for IRSA: becomes an annotation of the service account.'),
    })
    .describe('How the operator comes to AWS. With EKS Pod Identity both stay empty.'),
  env: z
    .array(anyObject)
    .default([])
    .describe(
      'More environment, as in a container: HTTPS_PROXY and NO_PROXY for the calls to AWS, or credentials from a Secret.',
    ),
  serviceAccount: z
    .strictObject({
      create: z.boolean().default(true).describe('Whether the chart makes it.'),
      name: z.string().default('').describe('Its name. Empty: the name of the objects.'),
      annotations: texts.default({}).describe('More annotations.'),
    })
    .describe('The identity in the cluster.'),
  rbac: z
    .strictObject({ create: z.boolean().default(true).describe('Whether the chart makes roles and their bindings.') })
    .describe('What the operator may do in the cluster.'),
  crds: z
    .strictObject({
      install: z
        .boolean()
        .default(true)
        .describe('Whether the chart brings and updates the CustomResourceDefinitions. They outlive an uninstall.'),
    })
    .describe('The kinds NLBPortPool and NLBPort.'),
  namespace: z
    .strictObject({
      create: z
        .boolean()
        .default(false)
        .describe('Whether to render the Namespace too, for those who apply what `helm template` prints.'),
    })
    .describe('helm install makes it with --create-namespace.'),
  admissionPolicies: z
    .strictObject({
      enabled: z.boolean().default(true).describe('Whether they are installed.'),
      readinessGate: z
        .boolean()
        .default(true)
        .describe('Whether new pods get the readiness gate, where the cluster serves MutatingAdmissionPolicy v1.'),
    })
    .describe('A second line behind RBAC, from deploy/policies.'),
  agones: z
    .strictObject({
      enabled: z
        .boolean()
        .default(false)
        .describe('Whether the operator writes endpoints on GameServers, and gets the right to: a role of its own.'),
    })
    .describe("Mirrors the endpoint of a GameServer's pod onto the GameServer, for those who use Agones."),
  schedulingGate: z
    .strictObject({
      enabled: z
        .boolean()
        .default(false)
        .describe('Whether the operator may patch pods, held by a policy to taking its own gate off them.'),
    })
    .describe('For pods that know their address before they start, from deploy/scheduling-gate.yaml.'),
  resources: z
    .strictObject({ requests: resources.optional(), limits: resources.optional() })
    .default({ requests: { cpu: '100m', memory: '256Mi' }, limits: { memory: '512Mi' } })
    .describe(
      'Measured with up to 1,000 rooms, see operations.md. No CPU limit: a throttled leader loses its Lease. Node takes half of the memory limit for its heap.',
    ),
  priorityClassName: z
    .string()
    .default('system-cluster-critical')
    .describe('No room gets its port while the operator waits for a node. Empty: none.'),
  podAnnotations: texts.default({}).describe('Annotations of the pods.'),
  podLabels: texts.default({}).describe('Labels of the pods.'),
  nodeSelector: texts.default({}).describe('Where the pods may run.'),
  tolerations: z.array(anyObject).default([]).describe('Taints that the pods bear.'),
  affinity: anyObject.default({}).describe('As in a pod.'),
  topologySpread: z
    .strictObject({
      hostname: z
        .enum(['DoNotSchedule', 'ScheduleAnyway', ''])
        .default('ScheduleAnyway')
        .describe('Replicas on different nodes: a must, a wish, or nothing.'),
      zone: z
        .enum(['DoNotSchedule', 'ScheduleAnyway', ''])
        .default('ScheduleAnyway')
        .describe('Replicas in different zones.'),
    })
    .describe('So that one node or zone does not take leader and standby.'),
  podDisruptionBudget: z
    .strictObject({
      enabled: z.boolean().default(true).describe('Whether one is made, where there are several replicas.'),
      maxUnavailable: z.int().min(1).default(1).describe('Replicas that a drain may take at once.'),
    })
    .describe('Keeps a node drain from taking all replicas.'),
  terminationGracePeriodSeconds: z
    .int()
    .min(10)
    .default(30)
    .describe('Longer than the longest AWS attempt: a stopping leader finishes it and hands over.'),
  networkPolicy: z
    .strictObject({
      enabled: z.boolean().default(true).describe('Whether one is made.'),
      apiServerPorts: z
        .array(z.int().min(1).max(65535))
        .default([443, 6443])
        .describe('TCP ports that the pods may reach anywhere: the API server and AWS.'),
      metricsFrom: z
        .array(anyObject)
        .default([])
        .describe('Peers that may scrape, as in a NetworkPolicy. Empty: everyone; kubelets always may.'),
      extraEgress: z.array(anyObject).default([]).describe('More egress rules, as for a proxy.'),
    })
    .describe('In: probes and metrics. Out: name service, the API server, AWS, credentials.'),
  metricsService: z
    .strictObject({
      enabled: z.boolean().default(true).describe('Whether a headless Service for the metrics port is made.'),
      annotations: texts.default({}).describe('As prometheus.io/scrape for those who scrape by annotation.'),
    })
    .describe('What a ServiceMonitor selects.'),
  serviceMonitor: z
    .strictObject({
      enabled: z.boolean().default(false).describe('Needs the CRDs of the Prometheus operator.'),
      interval: z.string().default('30s').describe('Time between scrapes.'),
      labels: texts.default({}).describe('What your Prometheus selects by.'),
    })
    .describe('Tells the Prometheus operator to scrape.'),
  prometheusRule: z
    .strictObject({
      enabled: z.boolean().default(false).describe('Needs the CRDs of the Prometheus operator.'),
      labels: texts.default({}).describe('What your Prometheus selects by.'),
      runbooks: z
        .string()
        .default('')
        .describe(
          'Where your people read docs/runbooks, as https://git.example.com/nlbports/docs/runbooks: becomes runbook_url.',
        ),
    })
    .describe('The alerts of deploy/alerts, for the Prometheus operator.'),
  dashboards: z
    .strictObject({
      enabled: z.boolean().default(false).describe('Whether ConfigMaps with the Grafana dashboards are made.'),
      labels: texts.default({ grafana_dashboard: '1' }).describe('What the sidecar of Grafana looks for.'),
    })
    .describe('The dashboards of deploy/dashboards.'),
});
