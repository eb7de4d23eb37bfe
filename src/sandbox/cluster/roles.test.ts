import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { askOf, grantsOf, isGranted, withRoles } from './roles.ts';
import { testCluster } from './test-cluster.fixture.ts';

const account = { namespace: 'system', name: 'robot' };
const role = (kind: string, namespace: string | undefined, resources: string[], verbs: string[]) => ({
  kind,
  metadata: { name: 'robot', ...(namespace ? { namespace } : {}) },
  rules: [{ apiGroups: [''], resources, verbs }],
});
const binding = (kind: string, namespace: string | undefined, to: string, name = 'robot') => ({
  kind,
  metadata: { name: 'robot', ...(namespace ? { namespace } : {}) },
  roleRef: { kind: to, name: 'robot' },
  subjects: [{ kind: 'ServiceAccount', namespace: 'system', name }],
});

describe('askOf()', () => {
  it('reads verb, resource, namespace and name as a real API server does', () => {
    const asked = (method: 'GET' | 'POST' | 'PUT' | 'PATCH' | 'DELETE', path: string) => {
      const ask = askOf({ method, path });
      return ask && [ask.verb, ask.group, ask.resource, ask.namespace ?? '-', ask.name ?? '-'].join(' ');
    };
    assert.equal(asked('GET', '/api/v1/pods?limit=500'), 'list  pods - -');
    assert.equal(asked('GET', '/api/v1/pods?watch=true&limit=500'), 'watch  pods - -');
    assert.equal(asked('GET', '/api/v1/namespaces/a/pods/b'), 'get  pods a b');
    assert.equal(asked('PATCH', '/api/v1/namespaces/a/pods/b/status?x=y'), 'patch  pods/status a b');
    assert.equal(asked('GET', '/api/v1/namespaces/kube-system'), 'get  namespaces kube-system kube-system');
    assert.equal(
      asked('PUT', '/apis/nlbports.dev/v1alpha1/nlbports/c/status'),
      'update nlbports.dev nlbports/status - c',
    );
    assert.equal(asked('POST', '/apis/nlbports.dev/v1alpha1/nlbports'), 'create nlbports.dev nlbports - -');
    assert.equal(asked('DELETE', '/apis/nlbports.dev/v1alpha1/nlbports'), 'deletecollection nlbports.dev nlbports - -');
    assert.equal(asked('GET', '/apis/nlbports.dev/v1alpha1'), undefined);
  });
});

describe('grantsOf()', () => {
  const get = (namespace: string) => ({ verb: 'get', group: '', resource: 'pods', namespace, name: 'a' });

  it('holds a Role to its namespace, and a ClusterRole bound by a RoleBinding too', () => {
    for (const kind of ['Role', 'ClusterRole']) {
      const grants = grantsOf(
        [role(kind, kind === 'Role' ? 'system' : undefined, ['pods'], ['get']), binding('RoleBinding', 'system', kind)],
        account,
      );
      assert.equal(isGranted(grants, get('system')), true, kind);
      assert.equal(isGranted(grants, get('default')), false, kind);
    }
    const everywhere = [
      role('ClusterRole', undefined, ['pods'], ['get']),
      binding('ClusterRoleBinding', undefined, 'ClusterRole'),
    ];
    assert.equal(isGranted(grantsOf(everywhere, account), get('default')), true);
  });

  it('gives nothing without a binding to the account, nor a subresource by its resource', () => {
    const rules = role('ClusterRole', undefined, ['pods'], ['get', 'patch']);
    assert.deepEqual(grantsOf([rules], account), []);
    assert.deepEqual(
      grantsOf([rules, binding('ClusterRoleBinding', undefined, 'ClusterRole', 'another')], account),
      [],
    );
    const grants = grantsOf([rules, binding('ClusterRoleBinding', undefined, 'ClusterRole')], account);
    assert.equal(isGranted(grants, { ...get('a'), verb: 'patch' }), true);
    assert.equal(isGranted(grants, { ...get('a'), verb: 'patch', resource: 'pods/status' }), false);
    assert.equal(isGranted(grants, { ...get('a'), group: 'apps' }), false);
  });
});

describe('withRoles()', () => {
  it('lets through what is granted, and refuses the rest in the words of RBAC', async () => {
    const { cluster } = testCluster();
    const refused: string[] = [];
    const transport = withRoles({
      transport: cluster.transport,
      grants: grantsOf(
        [role('ClusterRole', undefined, ['pods'], ['list']), binding('ClusterRoleBinding', undefined, 'ClusterRole')],
        account,
      ),
      user: 'system:serviceaccount:system:robot',
      onDenied: ask => refused.push(`${ask.verb} ${ask.resource}`),
    });
    assert.equal((await transport.request({ method: 'GET', path: '/api/v1/pods' })).status, 200);
    const answer = await transport.request({ method: 'GET', path: '/api/v1/namespaces/default/pods/a' });
    assert.equal(answer.status, 403);
    let text = '';
    for await (const bytes of answer.body) text += Buffer.from(bytes).toString();
    assert.equal(
      JSON.parse(text).message,
      'pods "a" is forbidden: User "system:serviceaccount:system:robot" cannot get resource "pods" in API group "" in the namespace "default"',
    );
    assert.deepEqual(refused, ['get pods']);
  });
});
