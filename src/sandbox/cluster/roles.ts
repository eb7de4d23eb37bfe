import type { KubeRequest, KubeTransport } from '../../kube/transport.ts';
import { ApiError } from './api-error.ts';
import { errorResponse } from './api-handler.ts';
import { readPathOf } from './request-path.ts';

/** A rule of a Role or ClusterRole, as far as ours go. `*` is not known: ours have none. */
export interface RoleRule {
  apiGroups: string[];
  /** With their subresources: `pods/status`. */
  resources: string[];
  verbs: string[];
  resourceNames?: string[];
}

/** Rules that are bound to somebody, in one namespace or, where that is undefined, in all of them. */
export interface Grant {
  namespace: string | undefined;
  rules: readonly RoleRule[];
}

/** What RBAC is asked about a request. */
export interface Ask {
  verb: string;
  group: string;
  /** With its subresource. */
  resource: string;
  namespace: string | undefined;
  name: string | undefined;
}

interface RbacObject {
  kind: string;
  metadata: { name: string; namespace?: string };
  rules?: RoleRule[];
  roleRef?: { kind: string; name: string };
  subjects?: { kind: string; name: string; namespace?: string }[];
}

/** What manifests grant to a service account: their Roles and ClusterRoles as their bindings bind them. */
export function grantsOf(manifests: readonly object[], account: { namespace: string; name: string }): Grant[] {
  const objects = manifests as readonly RbacObject[];
  const bindings = objects.filter(({ kind, subjects = [] }) => {
    const isBinding = kind === 'RoleBinding' || kind === 'ClusterRoleBinding';
    return isBinding && subjects.some(s => s.kind === 'ServiceAccount' && sameAs(s, account));
  });
  return bindings.map(({ kind, metadata, roleRef }) => {
    const namespace = kind === 'RoleBinding' ? metadata.namespace : undefined;
    const role = objects.find(
      other =>
        other.kind === roleRef?.kind &&
        other.metadata.name === roleRef.name &&
        (other.kind === 'ClusterRole' || other.metadata.namespace === namespace),
    );
    return { namespace, rules: role?.rules ?? [] };
  });
}

const sameAs = (a: { namespace?: string; name: string }, b: { namespace: string; name: string }) =>
  a.namespace === b.namespace && a.name === b.name;

/** What RBAC is asked about a request; undefined for one that is about no resource, as discovery is. */
export function askOf({ method, path }: Pick<KubeRequest, 'method' | 'path'>): Ask | undefined {
  const [bare = '', query = ''] = path.split('?');
  const target = readPathOf(bare);
  if (target.type === 'other') return undefined;
  const { group, plural, name, subresource } = target;
  // A Namespace lies in itself, for RBAC.
  const namespace = plural === 'namespaces' && group === '' ? name : target.namespace;
  const isWatch = /(?:^|&)watch=(?:true|1)(?:&|$)/.test(query);
  const verbs = {
    GET: isWatch ? 'watch' : name === undefined ? 'list' : 'get',
    POST: 'create',
    PUT: 'update',
    PATCH: 'patch',
    DELETE: name === undefined ? 'deletecollection' : 'delete',
  };
  const resource = subresource === undefined ? plural : `${plural}/${subresource}`;
  return { verb: verbs[method], group, resource, namespace, name };
}

/** Whether a grant allows it. */
export function isGranted(grants: readonly Grant[], ask: Ask): boolean {
  return grants.some(
    ({ namespace, rules }) =>
      (namespace === undefined || namespace === ask.namespace) &&
      rules.some(
        rule =>
          rule.apiGroups.includes(ask.group) &&
          rule.resources.includes(ask.resource) &&
          rule.verbs.includes(ask.verb) &&
          (rule.resourceNames?.includes(ask.name ?? '') ?? true),
      ),
  );
}

/**
 * Holds whoever uses the transport to what is granted, with the answer of a real API server to all else. Not imitated:
 * an apply or update that creates needs `create` too; the product makes none.
 */
export function withRoles(deps: {
  transport: KubeTransport;
  grants: readonly Grant[];
  /** `system:serviceaccount:nlbports-system:nlbports` */
  user: string;
  onDenied?: (ask: Ask) => void;
}): KubeTransport {
  const { transport, grants, user, onDenied } = deps;
  return {
    async request(request) {
      const ask = askOf(request);
      if (!ask || isGranted(grants, ask)) return await transport.request(request);
      onDenied?.(ask);
      return errorResponse(new ApiError(403, 'Forbidden', refusal(ask, user), detailsOf(ask)));
    },
    close: () => transport.close(),
  };
}

function refusal({ verb, group, resource, namespace, name = '' }: Ask, user: string): string {
  const [plural = ''] = resource.split('/');
  const what = group === '' ? plural : `${plural}.${group}`;
  const where = namespace === undefined ? 'at the cluster scope' : `in the namespace "${namespace}"`;
  return `${what}${name ? ` "${name}"` : ''} is forbidden: User "${user}" cannot ${verb} resource "${resource}" in API group "${group}" ${where}`;
}

const detailsOf = ({ group, resource, name }: Ask) => ({
  ...(name ? { name } : {}),
  ...(group ? { group } : {}),
  kind: resource.split('/')[0] ?? '',
});
