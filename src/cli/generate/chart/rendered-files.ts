import { execFileSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { chartFolder } from './chart-files.ts';

/** A manifest for people without Helm, and the templates of the chart that it is rendered from. */
interface Rendering {
  about: string;
  templates: readonly string[];
  set?: readonly string[];
}

/** What `kubectl apply` takes, by path from the root: the chart with its default values, release `nlbports`. */
export const renderings: Readonly<Record<string, Rendering>> = {
  'deploy/namespace.yaml': {
    about: 'The namespace of the operator.',
    templates: ['namespace.yaml'],
    set: ['namespace.create=true'],
  },
  'deploy/rbac.yaml': {
    about: "The operator's identity in the cluster, and what it may do there.",
    templates: ['serviceaccount.yaml', 'rbac.yaml'],
  },
  'deploy/agones.yaml': {
    about: 'Opt-in, for the option --agones: lets the operator write endpoints on GameServers, and nothing else there.',
    templates: ['agones.yaml'],
    set: ['agones.enabled=true'],
  },
  'deploy/deployment.yaml': {
    about: 'The operator: put your own image in. IRSA and EKS Pod Identity set credentials and region.',
    templates: ['deployment.yaml', 'poddisruptionbudget.yaml', 'service.yaml', 'networkpolicy.yaml'],
  },
};

/** The namespace of the rendered manifests. */
export const shippedNamespace = 'nlbports-system';

/** Runs Helm with these arguments and gives what it printed. */
export type RunHelm = (...args: string[]) => string;

/**
 * The Helm that `HELM` names, or the one on the PATH.
 *
 * @throws Error with what Helm said, or with a remedy where there is none.
 */
export const helmOnPath: RunHelm = (...args) => {
  try {
    return execFileSync(process.env.HELM || 'helm', args, { encoding: 'utf8', stdio: ['ignore', 'pipe', 'pipe'] });
  } catch (error) {
    const { code, stderr } = error as { code?: string; stderr?: string };
    throw new Error(
      code === 'ENOENT'
        ? 'no Helm on the PATH, and none named by HELM: "node test/deploy/helm.ts" builds one and prints its path'
        : (stderr ?? String(error)),
    );
  }
};

/**
 * The renderings that the chart, as it lies in the folder, has left behind, and those that someone wrote into. It
 * needs no Helm: each file names the sum of what went in and what came out.
 */
export function staleRenderings(root: string): string[] {
  return Object.entries(renderings).flatMap(([path, rendering]) => {
    const text = readOr(join(root, path));
    const [head = '', ...body] = text.split('\n');
    return head === headLine(inputDigest(root, rendering), body.join('\n')) ? [] : [path];
  });
}

/** One rendering, as the chart in the folder has it. */
export function render(root: string, path: string, helm: RunHelm): string {
  const rendering = renderings[path];
  if (!rendering) throw new Error(`Cannot render ${path}: wanted one of ${Object.keys(renderings).join(', ')}.`);
  const args = rendering.templates.flatMap(name => ['--show-only', `templates/${name}`]);
  const sets = (rendering.set ?? []).flatMap(set => ['--set', set]);
  const printed = helm(
    ...['template', 'nlbports', join(root, chartFolder), '--namespace', shippedNamespace],
    ...['--kube-version', '1.36.1', ...args, ...sets],
  );
  const body = `# ${rendering.about}\n${printed.replace(/^# Source: .*\n/gm, '').replace(/^---\n/, '')}`;
  return `${headLine(inputDigest(root, rendering), body)}\n${body}`;
}

function headLine(input: string, body: string): string {
  return `# Rendered from ${chartFolder} by "npm run generate": edit that. Sum: ${digest([input, body])}`;
}

function inputDigest(root: string, { templates, set = [] }: Rendering): string {
  const files = ['Chart.yaml', 'values.yaml', ...['_helpers.tpl', ...templates].map(name => `templates/${name}`)];
  return digest([...set, ...files.map(name => readOr(join(root, chartFolder, name)))]);
}

function digest(parts: readonly string[]): string {
  return createHash('sha256').update(JSON.stringify(parts)).digest('hex').slice(0, 32);
}

function readOr(file: string): string {
  try {
    return readFileSync(file, 'utf8');
  } catch {
    return '';
  }
}
