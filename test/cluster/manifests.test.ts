import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import { agonesDefinitions } from '../../src/simulation/agones-stub.fixture.ts';
import { applyObjects } from './apply.ts';
import { type ControlPlane, startControlPlane } from './control-plane.ts';
import { eventually } from './eventually.ts';
import type { AnyObject } from './rest.ts';

describe('the manifests that we ship', () => {
  let cluster: ControlPlane;
  before(async () => {
    cluster = await startControlPlane();
  });
  after(() => cluster?.stop());

  const applies = async (...args: string[]): Promise<string> => {
    const { code, stdout, stderr } = await cluster.kubectl(['apply', '--validate=strict', ...args]);
    assert.equal(code, 0, stderr);
    assert.doesNotMatch(stderr, /Warning/);
    return stdout;
  };

  test('apply in the order of the README, with strict validation and no warning', async () => {
    await applies('-f', 'deploy/namespace.yaml');
    await applies('-f', 'deploy/crds');
    await applies('-f', 'deploy/rbac.yaml');
    await applies('-f', 'deploy/policies');
    await applies('-f', 'deploy/deployment.yaml');
    // Opt-in: what the operator may do is judged without it.
    await applies('--dry-run=server', '-f', 'deploy/scheduling-gate.yaml');
    await applies('--dry-run=server', '-f', 'deploy/agones.yaml');
  });

  test('hold examples that the API server takes', async () => {
    const out = await eventually(() => applies('--dry-run=server', '-f', 'examples/pod-mode'), 10_000);
    assert.match(out, /nlbportpool\.nlbports\.dev\/game created/);
    assert.equal(out.match(/pod\/game-room-\d created/g)?.length, 3);
    assert.match(out, /pod\/test-pod created/);
    assert.match(out, /pod\/room-that-waits created/);
    assert.match(out, /pod\/room-with-a-gate created/);
    assert.match(out, /statefulset\.apps\/rooms created/);
    assert.match(out, /deployment\.apps\/matches created/);
    const services = await applies('--dry-run=server', '-f', 'examples/service-mode');
    for (const name of ['site', 'site-at-30105', 'shop']) assert.match(services, new RegExp(`service/${name} created`));
    assert.match(services, /deployment\.apps\/shop created/);
    // Agones itself is not installed here: its kinds are stubs that take any spec.
    await applyObjects(cluster.rest, agonesDefinitions() as AnyObject[]);
    const agones = await eventually(() => applies('--dry-run=server', '-f', 'examples/agones'), 10_000);
    assert.match(agones, /fleet\.agones\.dev\/matches created/);
  });

  test('make kubectl know them as nlbpool, nlbport and nlb', async () => {
    const complaint = async (what: string) => {
      const { stderr, code } = await cluster.kubectl(['get', what]);
      assert.equal(code, 0, stderr);
      return stderr.trim();
    };
    for (const what of ['nlbpool', 'nlbpools', 'nlbport', 'nlbports', 'nlbportpools', 'nlb']) {
      assert.equal(await complaint(what), 'No resources found');
    }
  });

  test('give the operator what it does and no more: it can read no Secret and delete no pod', async () => {
    const asOperator = ['--as', 'system:serviceaccount:nlbports-system:nlbports'];
    const can = async (...what: string[]) =>
      (await cluster.kubectl(['auth', 'can-i', ...what, ...asOperator])).stdout.trim();
    assert.equal(await can('patch', 'pods', '--subresource=status', '-A'), 'yes');
    assert.equal(await can('update', 'leases.coordination.k8s.io', '-n', 'nlbports-system'), 'yes');
    for (const verb of ['create', 'update', 'patch', 'delete']) assert.equal(await can(verb, 'pods', '-A'), 'no');
    assert.equal(await can('patch', 'services', '--subresource=status', '-A'), 'yes');
    for (const verb of ['create', 'update', 'patch', 'delete']) assert.equal(await can(verb, 'services', '-A'), 'no');
    assert.equal(await can('patch', 'endpointslices.discovery.k8s.io', '-A'), 'no');
    assert.equal(await can('get', 'secrets', '-A'), 'no');
    assert.equal(await can('update', 'leases.coordination.k8s.io', '-n', 'default'), 'no');
    assert.equal(await can('create', 'nlbportpools.nlbports.dev'), 'no');
  });
});
