import type { KubeObject, ObjectKey } from './objects.ts';
import type { Resource } from './resource.ts';

/** Query parameters; those that are undefined are left out. */
export type Query = Record<string, string | number | boolean | undefined>;

/** Where the API server serves a kind: all of it, or one namespace's where `namespace` is given. */
export function collectionPath<T extends KubeObject>(
  resource: Resource<T>,
  namespace: string | undefined,
  query: Query = {},
): string {
  const root = resource.apiVersion.includes('/') ? `/apis/${resource.apiVersion}` : `/api/${resource.apiVersion}`;
  const scope = resource.namespaced && namespace ? `/namespaces/${encodeURIComponent(namespace)}` : '';
  return `${root}${scope}/${resource.plural}${queryText(query)}`;
}

/** Where the API server serves one object, or a subresource of it. Throws where a namespace is missing. */
export function objectPath<T extends KubeObject>(
  resource: Resource<T>,
  key: ObjectKey,
  subresource?: string,
  query: Query = {},
): string {
  if (!key.name) throw new TypeError(`A ${resource.kind} without a name has no path.`);
  if (resource.namespaced && !key.namespace) throw new TypeError(`${resource.kind} "${key.name}" has no namespace.`);
  const below = subresource ? `/${subresource}` : '';
  return `${collectionPath(resource, key.namespace)}/${encodeURIComponent(key.name)}${below}${queryText(query)}`;
}

function queryText(query: Query): string {
  const parts = Object.entries(query)
    .filter(([, value]) => value !== undefined)
    .map(([name, value]) => `${name}=${encodeURIComponent(String(value))}`);
  return parts.length > 0 ? `?${parts.join('&')}` : '';
}
