import { customResourceDefinitions } from '../../api/crd.ts';
import { code, pageHead, prose, table } from './markdown.ts';

/** What a CRD's OpenAPI schema says of one value; the parts that our schemas use. */
interface SchemaNode {
  type?: string;
  description?: string;
  default?: unknown;
  enum?: readonly string[];
  format?: string;
  pattern?: string;
  minimum?: number;
  maximum?: number;
  minLength?: number;
  maxLength?: number;
  minItems?: number;
  maxItems?: number;
  minProperties?: number;
  maxProperties?: number;
  required?: readonly string[];
  properties?: Record<string, SchemaNode>;
  additionalProperties?: SchemaNode;
  items?: SchemaNode;
  'x-kubernetes-int-or-string'?: boolean;
  'x-kubernetes-validations'?: readonly { message: string }[];
}

interface Definition {
  spec: {
    group: string;
    scope: string;
    names: { kind: string; plural: string; shortNames: readonly string[]; categories: readonly string[] };
    versions: readonly [
      {
        name: string;
        additionalPrinterColumns: readonly { name: string; jsonPath: string; priority?: number }[];
        selectableFields: readonly { jsonPath: string }[];
        schema: { openAPIV3Schema: SchemaNode };
      },
    ];
  };
}

/** `docs/api.md`: every field of our kinds, as the CRDs have them. */
export function apiPage(): string {
  const definitions = Object.values(customResourceDefinitions()) as unknown as Definition[];
  return `${pageHead('Fields of our kinds', 'the zod schemas in src/api')}
The API server enforces everything on this page, from the CRDs in \`deploy/crds/\`. Unknown fields are dropped, unless
the client asks for strict validation; \`kubectl\` does. What the fields are good for together is in
[pools.md](pools.md) and [pod-mode.md](pod-mode.md).

${definitions.map(kindSection).join('\n')}`;
}

function kindSection({ spec }: Definition): string {
  const [version] = spec.versions;
  const schema = version.schema.openAPIV3Schema;
  const { spec: wish = {}, status = {} } = schema.properties ?? {};
  const { kind, plural, shortNames, categories } = spec.names;
  const columns = version.additionalPrinterColumns.map(
    ({ name, jsonPath, priority }) => `${name} (${code(jsonPath)}${priority ? ', with `-o wide`' : ''})`,
  );
  return `## ${kind}

${schema.description}

- API: ${code(`${spec.group}/${version.name}`)}, ${spec.scope.toLowerCase()}-scoped, status subresource
- Names: ${[plural, ...shortNames].map(code).join(', ')}; in ${categories.length === 1 ? 'the category' : 'the categories'} ${categories.map(code).join(', ')}
- Columns: ${columns.join(', ')}
- Field selectors: ${version.selectableFields.map(({ jsonPath }) => code(jsonPath.slice(1))).join(', ')}

### ${kind} spec

${fieldTable('spec', wish)}
${ruleList([...ownRules('', schema), ...rulesBelow('spec', wish)])}
### ${kind} status

Written by the operator alone.

${fieldTable('status', status)}`;
}

function fieldTable(path: string, schema: SchemaNode): string {
  return table(['Field', 'Type', 'Default', 'Bounds', 'What for'], fieldRows(path, schema));
}

function fieldRows(path: string, schema: SchemaNode): string[][] {
  return Object.entries(schema.properties ?? {}).flatMap(([name, node]) => {
    const here = `${path}.${name}`;
    const isRequired = schema.required?.includes(name) ?? false;
    const row = [code(here), typeOf(node), defaultOf(node, isRequired), boundsOf(node), node.description ?? ''];
    return [row, ...fieldRows(here, node), ...(node.items ? fieldRows(`${here}[]`, node.items) : [])];
  });
}

function typeOf(node: SchemaNode): string {
  if (node['x-kubernetes-int-or-string']) return 'integer or string';
  if (node.items) return `list of ${typeOf(node.items)}`;
  if (node.additionalProperties) return `map to ${typeOf(node.additionalProperties)}`;
  if (node.format === 'date-time') return 'time';
  return node.type ?? '';
}

function defaultOf(node: SchemaNode, isRequired: boolean): string {
  if (isRequired) return 'required';
  return node.default === undefined ? '' : code(JSON.stringify(node.default));
}

function boundsOf(node: SchemaNode): string {
  return [
    node.enum?.map(code).join(', '),
    between(node.minimum, node.maximum, ''),
    between(node.minLength, node.maxLength, ' characters'),
    between(node.minItems, node.maxItems, ' items'),
    between(node.minProperties, node.maxProperties, ' entries'),
    node.additionalProperties && between(undefined, node.additionalProperties.maxLength, ' characters each'),
    node.items && between(node.items.minLength, node.items.maxLength, ' characters each'),
    node.pattern && code(node.pattern),
  ]
    .filter(Boolean)
    .join('; ');
}

function between(min: number | undefined, max: number | undefined, unit: string): string {
  if (min !== undefined && max !== undefined) return `${min} to ${max}${unit}`;
  if (min !== undefined) return `at least ${min}${unit}`;
  return max === undefined ? '' : `at most ${max}${unit}`;
}

function ruleList(rules: readonly string[]): string {
  return `Rules that the API server enforces:\n\n${rules.map(rule => `- ${rule}\n`).join('')}`;
}

function rulesBelow(path: string, node: SchemaNode): string[] {
  const children = Object.entries(node.properties ?? {}).flatMap(([name, child]) =>
    rulesBelow(`${path}.${name}`, child),
  );
  return [...ownRules(path, node), ...children, ...(node.items ? rulesBelow(`${path}[]`, node.items) : [])];
}

function ownRules(path: string, node: SchemaNode): string[] {
  const where = path === '' ? '' : `${code(path)}: `;
  return (node['x-kubernetes-validations'] ?? []).map(({ message }) => where + prose(message));
}
