import { createHash } from 'node:crypto';
import { imitatedVersion } from './discovery.ts';
import { asObject, type Json, type JsonObject } from './json.ts';
import type { Kind } from './kind.ts';

/** `/openapi/v3`: where each group version's document is. */
export function openApiIndex(kinds: readonly Kind[]): JsonObject {
  const paths: JsonObject = {};
  for (const kind of kinds) {
    const root = rootOf(kind);
    paths[root] ??= { serverRelativeURL: `/openapi/v3/${root}?hash=${hashOf(kinds, root)}` };
  }
  return { paths };
}

/**
 * The OpenAPI v3 document of one group version, as far as kubectl reads it: paths with their verbs and parameters, the
 * schemas of custom resources as their definitions give them, and of built-in kinds no more than the outermost fields.
 * Undefined where nothing is served under `root` (`api/v1`, or `apis/<group>/<version>`).
 */
export function openApiDocument(kinds: readonly Kind[], root: string): JsonObject | undefined {
  const served = kinds.filter(kind => rootOf(kind) === root);
  if (served.length === 0) return undefined;
  const paths: JsonObject = {};
  const schemas: JsonObject = {};
  for (const kind of served) {
    const scope = kind.namespaced ? '/namespaces/{namespace}' : '';
    const collection = `/${root}${scope}/${kind.plural}`;
    paths[collection] = { get: operation(kind, 'list'), post: operation(kind, 'post') };
    paths[`${collection}/{name}`] = objectOperations(kind);
    if (kind.hasStatus) paths[`${collection}/{name}/status`] = objectOperations(kind);
    schemas[schemaName(kind)] = schemaOf(kind);
  }
  return {
    openapi: '3.0.0',
    info: { title: 'Kubernetes, simulated by nlbports', version: imitatedVersion },
    paths,
    components: { schemas },
  };
}

const rootOf = (kind: Kind): string => (kind.group ? `apis/${kind.apiVersion}` : `api/${kind.apiVersion}`);

function hashOf(kinds: readonly Kind[], root: string): string {
  const hash = createHash('sha256');
  for (const kind of kinds)
    if (rootOf(kind) === root) hash.update(JSON.stringify([kind.kind, kind.openApiSchema ?? null]));
  return hash.digest('hex').slice(0, 32).toUpperCase();
}

function schemaName(kind: Kind): string {
  const group = kind.group || 'core.api.k8s.io';
  return [...group.split('.').reverse(), kind.version, kind.kind].join('.');
}

const groupVersionKind = ({ group, version, kind }: Kind): JsonObject => ({ group, version, kind });

function objectOperations(kind: Kind): JsonObject {
  return {
    get: operation(kind, 'get'),
    put: operation(kind, 'put'),
    patch: operation(kind, 'patch'),
    delete: operation(kind, 'delete'),
  };
}

const writeParameters = ['dryRun', 'fieldManager', 'fieldValidation'].map(name => ({
  name,
  in: 'query',
  schema: { type: 'string', uniqueItems: true },
}));

function operation(kind: Kind, action: string): JsonObject {
  const reference = { $ref: `#/components/schemas/${schemaName(kind)}` };
  return {
    'x-kubernetes-action': action,
    'x-kubernetes-group-version-kind': groupVersionKind(kind),
    ...(action === 'post' || action === 'put' || action === 'patch' ? { parameters: writeParameters } : {}),
    responses: { 200: { description: 'OK', content: { 'application/json': { schema: reference } } } },
  };
}

const standardFields: Record<string, JsonObject> = {
  apiVersion: { type: 'string', description: 'Version of the schema of this object.' },
  kind: { type: 'string', description: 'Kind of this object.' },
  metadata: { type: 'object', description: 'Name, labels and what else every object has.' },
};

function schemaOf(kind: Kind): JsonObject {
  const own = kind.openApiSchema ?? {
    description: `${kind.kind} of ${kind.apiVersion}; the simulated API does not publish its fields.`,
    'x-kubernetes-preserve-unknown-fields': true,
    properties: { spec: { type: 'object' }, status: { type: 'object' } },
  };
  const properties: Record<string, Json> = { ...standardFields };
  for (const [name, schema] of Object.entries(asObject(own.properties))) {
    properties[name] = standardFields[name] ?? schema ?? {};
  }
  return {
    ...own,
    type: 'object',
    properties,
    'x-kubernetes-group-version-kind': [groupVersionKind(kind)],
  };
}
