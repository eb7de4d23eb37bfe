import { type ValueNode, valuesSchema } from './chart/chart-files.ts';
import { code, pageHead, table } from './markdown.ts';

/** `docs/helm.md`: how to install, upgrade and remove by Helm, and every value of the chart. */
export function helmPage(): string {
  return `${pageHead('The Helm chart', 'src/cli/generate/helm-page.ts and src/cli/generate/chart')}
The chart is \`deploy/helm/nlbports\`. It brings the kinds (CustomResourceDefinitions), roles, two replicas with leader
election, a PodDisruptionBudget, a NetworkPolicy, a Service for metrics, and the admission policies of
\`deploy/policies\`. The tests install, upgrade, roll back and uninstall it on a real kube-apiserver with
Helm 3.19; with Helm 4.1 they pass as well: \`HELM=/path/to/helm node --test test/cluster/helm.test.ts\`.

No image is published yet: build one with the \`Dockerfile\`, push it to a registry of yours, and name it.

## Install

\`\`\`sh
helm install nlbports deploy/helm/nlbports --namespace nlbports-system --create-namespace \\
  --set image.repository=registry.example.com/nlbports
\`\`\`

With IRSA add \`--set aws.roleArn=arn:aws:iam::111122223333:role/nlbports-game\`; with EKS Pod Identity nothing. The whole way, with
permissions and what to look at afterwards: [install.md](install.md).

One release serves a cluster. A second one in another namespace would elect a leader of its own, and the two would
work on the same pools.

The kinds outlive a release, and belong to the one that made them. If they are there already, from kubectl or from a release of another name, Helm
refuses the install with "invalid ownership metadata": add \`--take-ownership\` (Helm 3.17 or newer), or leave them alone with \`--set crds.install=false\`.

## Rendered without a cluster

\`helm template\`, and what renders like it, does not know which kinds the cluster serves, so it leaves out the policy that gives new pods their
readiness gate. Say that they are served, and which version you have:

\`\`\`sh
helm template nlbports deploy/helm/nlbports --namespace nlbports-system --set namespace.create=true \\
  --kube-version 1.36 --api-versions admissionregistration.k8s.io/v1/MutatingAdmissionPolicy
\`\`\`

Argo CD and Flux ask the cluster.

## Options of the operator

Every row of [options.md](options.md) is a value under \`options\`, by the name of its flag:

\`\`\`sh
helm upgrade nlbports deploy/helm/nlbports --namespace nlbports-system --reset-then-reuse-values \\
  --set options.log-level=debug --set options.pool-resync=2m
\`\`\`

\`--kubeconfig\`, \`--context\`, \`--namespace\`, \`--http-address\` and \`--leader-elect\` are set by the chart, and \`--agones\` by
\`agones.enabled\`, which brings the right that it needs. A name that the schema does not know is refused before anything is changed. A
comma in a value needs a backslash on the command line: \`--set 'options.watch-namespaces=game-eu\\,game-us'\`.

## Upgrade and rollback

\`helm upgrade\` brings new fields of the kinds, too: the CustomResourceDefinitions are templates of the chart, not files
in its folder \`crds\`, which Helm never updates. Ports are objects in the cluster, so while the pods of the operator are
replaced, bound ports keep their endpoints and rooms stay reachable; new rooms wait for the new leader. Step by step:
[operations.md](operations.md#upgrade).

## Uninstall

\`helm uninstall\` takes the operator, its roles and the admission policies away. Kinds, pools, ports, and what they have in AWS stay: the
CustomResourceDefinitions carry \`helm.sh/resource-policy: keep\`. To leave AWS empty, drain every pool first: see
[uninstall.md](uninstall.md).

## Without Helm

\`deploy/namespace.yaml\`, \`deploy/rbac.yaml\` and \`deploy/deployment.yaml\` are this chart with its default values;
\`deploy/crds\` has the kinds and \`deploy/policies\` the admission policies.

## Values

${table(['Value', 'Type', 'Default', 'What for'], rows(valuesSchema(), ''))}`;
}

function rows(node: ValueNode, path: string): string[][] {
  return Object.entries(node.properties ?? {}).flatMap(([name, value]) => {
    const here = path === '' ? name : `${path}.${name}`;
    const isGroup = value.default === undefined;
    const shown = isGroup ? '' : code(JSON.stringify(value.default));
    const row = [code(here), isGroup ? '' : typeOf(value), shown, value.description ?? ''];
    return [row, ...(isGroup ? rows(value, here) : [])];
  });
}

function typeOf({ type, enum: choices }: ValueNode & { enum?: readonly string[] }): string {
  return choices ? choices.map(choice => code(choice) || 'nothing').join(', ') : (type ?? '');
}
