import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { defaultValues, valuesSchema } from '../../src/cli/generate/chart/chart-files.ts';
import { renderings, staleRenderings } from '../../src/cli/generate/chart/rendered-files.ts';
import { chartValues } from '../../src/cli/generate/chart/values.ts';
import { optionsTable } from '../../src/operator/options-table.ts';
import { readManifests } from '../house/manifests.ts';

const root = `${join(import.meta.dirname, '..', '..')}/`;
// biome-ignore lint/suspicious/noExplicitAny: manifests have no types here
type Manifest = any;
const shipped = (file: string, kind: string): Manifest =>
  readManifests(readFileSync(root + file, 'utf8')).find(object => object.kind === kind);

test('every manifest for kubectl is as the chart was when it was rendered, and as Helm wrote it', () => {
  assert.deepEqual(staleRenderings(root), [], 'Run "npm run generate" with Helm: see CONTRIBUTING.md.');
});

test('the default values are what the schema asks for, and every one is described', () => {
  assert.deepEqual(chartValues.parse(defaultValues()), chartValues.parse(defaultValues()));
  const undescribed = (node: ReturnType<typeof valuesSchema>, path: string): string[] =>
    Object.entries(node.properties ?? {}).flatMap(([name, value]) => [
      ...(value.description ? [] : [`${path}.${name}`]),
      ...(value.default === undefined ? undescribed(value, `${path}.${name}`) : []),
    ]);
  assert.deepEqual(undescribed(valuesSchema(), ''), []);
});

test('the schema of the values refuses a word that it does not know, a wrong type and an unknown option', () => {
  const refuses = (values: object) => !chartValues.safeParse({ ...(defaultValues() as object), ...values }).success;
  assert.ok(refuses({ replicaCount: 2 }));
  assert.ok(refuses({ replicas: 0 }));
  assert.ok(refuses({ options: { 'lease-durations': '12s' } }));
  assert.ok(refuses({ options: { 'lease-duration': 'soon' } }));
  assert.ok(refuses({ options: { kubeconfig: 'x' } }));
  assert.equal(refuses({ options: { 'lease-duration': '15s', 'port-workers': 8 } }), false);
});

test('every option of the operator can be set by the chart, but for those that the chart sets itself', () => {
  const { options } = valuesSchema().properties ?? {};
  const left = Object.keys(optionsTable).filter(name => !(name in (options?.properties ?? {})));
  assert.deepEqual(left.toSorted(), ['agones', 'context', 'http-address', 'kubeconfig', 'leader-elect', 'namespace']);
});

test('the operator runs as nobody, on a read-only root, without capabilities, under the default seccomp profile', () => {
  const { spec } = shipped('deploy/deployment.yaml', 'Deployment').spec.template;
  assert.deepEqual(
    [spec.securityContext.runAsNonRoot, spec.securityContext.runAsUser > 0, spec.securityContext.seccompProfile.type],
    [true, true, 'RuntimeDefault'],
  );
  assert.equal(spec.containers.length, 1);
  const [{ securityContext }] = spec.containers;
  assert.deepEqual(securityContext, {
    allowPrivilegeEscalation: false,
    readOnlyRootFilesystem: true,
    capabilities: { drop: ['ALL'] },
  });
  const namespace = shipped('deploy/namespace.yaml', 'Namespace');
  assert.equal(namespace.metadata.labels['pod-security.kubernetes.io/enforce'], 'restricted');
});

test('two replicas stand on different nodes and zones, survive a drain, and are probed', () => {
  const { spec } = shipped('deploy/deployment.yaml', 'Deployment');
  assert.equal(spec.replicas, 2);
  const keys = spec.template.spec.topologySpreadConstraints.map((c: Manifest) => c.topologyKey);
  assert.deepEqual(keys, ['kubernetes.io/hostname', 'topology.kubernetes.io/zone']);
  const [container] = spec.template.spec.containers;
  assert.equal(container.livenessProbe.httpGet.path, '/healthz');
  assert.equal(container.readinessProbe.httpGet.path, '/readyz');
  assert.equal(container.startupProbe.httpGet.path, '/healthz');
  assert.ok(!container.args.some((arg: string) => arg.startsWith('--leader-elect')), 'leader election is the default');
  const budget = shipped('deploy/deployment.yaml', 'PodDisruptionBudget');
  assert.equal(budget.spec.maxUnavailable, 1);
  assert.deepEqual(budget.spec.selector.matchLabels, spec.selector.matchLabels);
});

test('the network policy lets the operator reach the agent of Pod Identity in clusters of either family', () => {
  const { egress } = shipped('deploy/deployment.yaml', 'NetworkPolicy').spec;
  const cidrs = egress.flatMap(({ to = [] }: Manifest) => to.map(({ ipBlock }: Manifest) => ipBlock.cidr));
  assert.deepEqual(cidrs, ['169.254.170.23/32', 'fd00:ec2::23/128']);
});

test('no role that is shipped has a wildcard, may read Secrets, or may change roles', () => {
  const roles = readManifests(readFileSync(`${root}deploy/rbac.yaml`, 'utf8')).filter(object =>
    /Role$/.test(String(object.kind)),
  );
  assert.equal(roles.length, 2);
  for (const { rules } of roles as Manifest[]) {
    for (const { apiGroups, resources, verbs } of rules) {
      for (const word of [...apiGroups, ...resources, ...verbs]) assert.doesNotMatch(word, /\*/);
      assert.ok(!resources.includes('secrets') && !apiGroups.includes('rbac.authorization.k8s.io'));
    }
  }
});

test('every manifest for kubectl says that it is rendered', () => {
  for (const path of Object.keys(renderings)) {
    assert.match(readFileSync(root + path, 'utf8'), /^# Rendered from deploy\/helm\/nlbports /);
  }
});
