import assert from 'node:assert/strict';
import { join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import type { KubeRequest } from '../../src/kube/transport.ts';
import { type RoleRule, withRoles } from '../../src/sandbox/cluster/roles.ts';
import { type RbacGuard, rbacGuards } from '../ablation/rbac-guards.ts';
import { applyFiles, applyObjects, readYaml } from './apply.ts';
import { type ControlPlane, startControlPlane } from './control-plane.ts';
import { eventually } from './eventually.ts';
import { repository } from './product.ts';
import { type AnyObject, type Rest, RestError } from './rest.ts';

const user = 'system:serviceaccount:nlbports-system:nlbports';

describe('the shipped roles on a real API server', { timeout: 180_000 }, () => {
  let cluster: ControlPlane;
  let operator: Rest;

  before(async () => {
    cluster = await startControlPlane();
    const crds = ['nlbports.dev_nlbportpools.yaml', 'nlbports.dev_nlbports.yaml'].map(name => `deploy/crds/${name}`);
    await applyFiles(cluster.rest, 'deploy/namespace.yaml', ...crds);
    await applyObjects(cluster.rest, [...new Set(rbacGuards.map(({ manifest }) => manifest))].flatMap(rolesIn));
    operator = cluster.rest.as(await cluster.serviceAccountToken('nlbports-system', 'nlbports'));
  });
  after(() => cluster?.stop());

  test('allow each verb while it is granted and refuse it when it is not, in the words of the simulated API', async () => {
    for (const guard of rbacGuards) {
      const request = requestFor(guard);
      await eventually(async () => assert.equal(await refusalOf(operator, request), undefined, guard.change), 10_000);
      await applyObjects(
        cluster.rest,
        rolesIn(guard.manifest).map(role => without(role, guard)),
      );
      const simulated = await simulatedRefusal(request);
      await eventually(async () => assert.equal(await refusalOf(operator, request), simulated, guard.change), 10_000);
      await applyObjects(cluster.rest, rolesIn(guard.manifest));
    }
  });
});

/** The service account, roles and bindings of a manifest. */
const rolesIn = (manifest: string): AnyObject[] =>
  readYaml(join(repository, manifest)).filter(({ kind }) => /^(ServiceAccount|(Cluster)?Role(Binding)?)$/.test(kind));

function without(object: AnyObject, { group, resource, verb }: RbacGuard): AnyObject {
  if (!object.rules) return object;
  const rules = (object.rules as RoleRule[]).map(rule =>
    rule.apiGroups.includes(group) && rule.resources.includes(resource)
      ? { ...rule, verbs: rule.verbs.filter(other => other !== verb) }
      : rule,
  );
  return { ...object, rules: rules.filter(({ verbs }) => verbs.length > 0) };
}

/** A request that asks for just that verb, about an object that there is not. */
function requestFor({ group, resource, verb }: RbacGuard): Pick<KubeRequest, 'method' | 'path'> {
  const [plural = '', subresource] = resource.split('/');
  const versions: Record<string, string> = { 'nlbports.dev': 'v1alpha1' };
  const root = group === '' ? '/api/v1' : `/apis/${group}/${versions[group] ?? 'v1'}`;
  const ofNobody = group === 'nlbports.dev' || plural === 'namespaces';
  const where = ofNobody ? '' : `/namespaces/${plural === 'leases' ? 'nlbports-system' : 'default'}`;
  const collection = `${root}${where}/${plural}`;
  const one = `${collection}/nobody${subresource ? `/${subresource}` : ''}`;
  const requests: Record<string, Pick<KubeRequest, 'method' | 'path'>> = {
    get: { method: 'GET', path: one },
    list: { method: 'GET', path: collection },
    watch: { method: 'GET', path: `${collection}?watch=true&timeoutSeconds=1` },
    create: { method: 'POST', path: collection },
    update: { method: 'PUT', path: one },
    patch: { method: 'PATCH', path: one },
    delete: { method: 'DELETE', path: one },
  };
  return requests[verb]!;
}

/** What RBAC said; undefined where it let the request through, whatever became of it. */
async function refusalOf(
  rest: Rest,
  { method, path }: Pick<KubeRequest, 'method' | 'path'>,
): Promise<string | undefined> {
  const body = method === 'GET' || method === 'DELETE' ? {} : { body: {} };
  const contentType = method === 'PATCH' ? { contentType: 'application/merge-patch+json' } : {};
  try {
    await rest.request(method, path, { ...body, ...contentType });
  } catch (error) {
    if (error instanceof RestError && error.status === 403) return String(error.body.message);
  }
  return undefined;
}

async function simulatedRefusal(request: Pick<KubeRequest, 'method' | 'path'>): Promise<string> {
  const nobody = { request: () => Promise.reject(new Error('It was let through.')), close: async () => {} };
  const answer = await withRoles({ transport: nobody, grants: [], user }).request(request);
  let text = '';
  for await (const bytes of answer.body) text += Buffer.from(bytes).toString();
  return JSON.parse(text).message;
}
