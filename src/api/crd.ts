import { z } from 'zod';
import { nlbPortPools, poolSpec, poolStatus } from './pool.ts';
import { nlbPorts, portSpec, portStatus } from './port.ts';
import type { ValidationRule } from './schema.ts';

type Json = { [key: string]: unknown };

interface PrinterColumn {
  name: string;
  type: 'string' | 'integer' | 'date';
  jsonPath: string;
  description?: string;
  priority?: number;
}

interface CrdSource {
  resource: { kind: string; plural: string; apiVersion: string };
  shortNames: string[];
  categories: string[];
  description: string;
  spec: z.ZodType;
  status: z.ZodType;
  rules: ValidationRule[];
  columns: PrinterColumn[];
  selectable: string[];
}

/** The CustomResourceDefinitions of the product by file name, as plain objects, made from the zod schemas. */
export function customResourceDefinitions(): Record<string, Json> {
  return Object.fromEntries(
    [poolSource, portSource].map(source => [`nlbports.dev_${source.resource.plural}.yaml`, definition(source)]),
  );
}

const age: PrinterColumn = { name: 'Age', type: 'date', jsonPath: '.metadata.creationTimestamp' };

const poolSource: CrdSource = {
  resource: nlbPortPools,
  shortNames: ['nlbpool', 'nlbpools'],
  categories: ['nlb'],
  description: 'Which load balancers, which ports, which protocol, how many kept warm, how released, who may use it.',
  spec: poolSpec,
  status: poolStatus,
  rules: [{ rule: 'size(self.metadata.name) <= 63', message: 'a pool is named by a label: at most 63 characters' }],
  columns: [
    { name: 'Protocol', type: 'string', jsonPath: '.spec.protocol' },
    { name: 'Total', type: 'integer', jsonPath: '.status.ports.total' },
    { name: 'Free', type: 'integer', jsonPath: '.status.ports.free' },
    { name: 'Warm', type: 'integer', jsonPath: '.status.ports.warm' },
    { name: 'Bound', type: 'integer', jsonPath: '.status.ports.bound' },
    { name: 'Waiting', type: 'integer', jsonPath: '.status.waiting', description: 'Claims that wait for a port.' },
    { name: 'Ready', type: 'string', jsonPath: '.status.conditions[?(@.type=="Ready")].status' },
    { name: 'Reason', type: 'string', jsonPath: '.status.conditions[?(@.type=="Ready")].reason', priority: 1 },
    age,
  ],
  selectable: ['.spec.protocol'],
};

const portSource: CrdSource = {
  resource: nlbPorts,
  shortNames: ['nlbport'],
  // kubectl takes a category before a plural: a pool in the category nlbports would stand in the port map.
  categories: ['nlbports', 'nlb'],
  description: 'One port of one load balancer: where a claim and the AWS resources that serve it meet.',
  spec: portSpec,
  status: portStatus,
  // The name is parsed, not put together: a comparison with concatenated fields exceeds the API server's cost budget.
  rules: [
    {
      rule: "self.metadata.name.matches('^nlb-[0-9a-f]{16}-[1-9][0-9]{0,4}$')",
      message: "the name must be nlb-<16 hex of the load balancer's id>-<port>",
    },
    {
      rule: 'self.spec.loadBalancer.arn.endsWith(self.metadata.name.substring(4, 20))',
      message: "the name must contain the load balancer's id",
    },
    { rule: 'int(self.metadata.name.substring(21)) == self.spec.port', message: 'the name must end in the port' },
  ],
  columns: [
    { name: 'Pool', type: 'string', jsonPath: '.spec.pool' },
    { name: 'Endpoint', type: 'string', jsonPath: '.status.endpoint' },
    { name: 'Phase', type: 'string', jsonPath: '.status.phase' },
    { name: 'Claimant', type: 'string', jsonPath: '.status.claimant' },
    { name: 'Target', type: 'string', jsonPath: '.status.target' },
    { name: 'Healthy', type: 'string', jsonPath: '.status.conditions[?(@.type=="Healthy")].status' },
    { name: 'Reason', type: 'string', jsonPath: '.status.conditions[?(@.type=="Provisioned")].reason', priority: 1 },
    age,
  ],
  selectable: ['.spec.pool', '.spec.claim.uid', '.spec.claim.namespace', '.status.phase'],
};

function definition(source: CrdSource): Json {
  const { kind, plural, apiVersion } = source.resource;
  const [group, version] = apiVersion.split('/') as [string, string];
  return {
    apiVersion: 'apiextensions.k8s.io/v1',
    kind: 'CustomResourceDefinition',
    metadata: { name: `${plural}.${group}` },
    spec: {
      group,
      scope: 'Cluster',
      names: {
        kind,
        listKind: `${kind}List`,
        plural,
        singular: kind.toLowerCase(),
        shortNames: source.shortNames,
        categories: source.categories,
      },
      versions: [
        {
          name: version,
          served: true,
          storage: true,
          subresources: { status: {} },
          additionalPrinterColumns: source.columns,
          selectableFields: source.selectable.map(jsonPath => ({ jsonPath })),
          schema: {
            openAPIV3Schema: {
              type: 'object',
              description: source.description,
              required: ['spec'],
              properties: {
                apiVersion: { type: 'string' },
                kind: { type: 'string' },
                metadata: { type: 'object' },
                spec: structural(source.spec),
                status: structural(source.status),
              },
              'x-kubernetes-validations': source.rules,
            },
          },
        },
      ],
    },
  };
}

function structural(schema: z.ZodType): unknown {
  return tidy(z.toJSONSchema(schema, { target: 'openapi-3.0', io: 'input' }));
}

/** What Kubernetes' structural schemas want otherwise than JSON Schema says it. */
function tidy(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(tidy);
  if (typeof value !== 'object' || value === null) return value;
  const node: Json = {};
  for (const [key, child] of Object.entries(value)) {
    // zod bounds every integer by what a JavaScript number holds exactly; that is no wish of ours.
    if ((key === 'minimum' || key === 'maximum') && Math.abs(child as number) === Number.MAX_SAFE_INTEGER) continue;
    node[key] = tidy(child);
  }
  if (node['x-kubernetes-int-or-string']) {
    delete node.anyOf;
    delete node.type;
  }
  return node;
}
