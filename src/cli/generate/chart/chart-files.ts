import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { parse, stringify } from 'yaml';
import { z } from 'zod';
import { customResourceDefinitions } from '../../../api/crd.ts';
import { version } from '../../version.ts';
import { dashboardFile } from '../dashboard-file.ts';
import { chartValues } from './values.ts';

/** The chart's folder, from the repository's root. */
export const chartFolder = 'deploy/helm/nlbports';

const yamlStyle = { version: '1.1', lineWidth: 0, aliasDuplicateObjects: false } as const;
const generated = '# Generated from src/cli/generate/chart by "npm run generate". Edit that, not this file.';

/** A node of the JSON schema of the values. */
export interface ValueNode {
  type?: string;
  description?: string;
  default?: unknown;
  properties?: Record<string, ValueNode>;
}

/** The JSON schema of the chart's values, in the draft that every Helm understands. */
export function valuesSchema(): ValueNode {
  return z.toJSONSchema(chartValues, { target: 'draft-7', io: 'input' }) as ValueNode;
}

/** What of the chart is made from the sources: all but its templates. Content by path from the root. */
export function chartFiles(root: string): Record<string, string> {
  return {
    [`${chartFolder}/Chart.yaml`]: chartYaml(),
    [`${chartFolder}/values.yaml`]: `${generated}\n${valuesYaml(valuesSchema(), '')}`,
    [`${chartFolder}/values.schema.json`]: `${JSON.stringify(valuesSchema(), undefined, 2)}\n`,
    ...crdTemplates(),
    ...copies(root, 'deploy/policies', /\.yaml$/, 'files/policies'),
    ...copies(root, 'deploy', /^scheduling-gate\.yaml$/, 'files'),
    ...copies(root, 'deploy/alerts', /\.rules\.yaml$/, 'files/alerts'),
    [`${chartFolder}/files/dashboards/nlbports.json`]: dashboardFile(),
  };
}

function chartYaml(): string {
  const chart = {
    apiVersion: 'v2',
    name: 'nlbports',
    description: 'Gives every labelled pod its own port on a shared AWS Network Load Balancer',
    type: 'application',
    version: version(),
    appVersion: version(),
    // Fields that the CRDs make selectable are on by default from there.
    kubeVersion: '>=1.31.0-0',
    keywords: ['aws', 'nlb', 'game-server', 'load-balancer', 'tcp', 'udp'],
    annotations: { 'artifacthub.io/license': 'Apache-2.0' },
  };
  return `${generated}\n${stringify(chart, yamlStyle)}`;
}

/** The CRDs as templates, not in crds/: so that upgrades bring their new fields, and an uninstall leaves them. */
function crdTemplates(): Record<string, string> {
  return Object.fromEntries(
    Object.entries(customResourceDefinitions()).map(([name, definition]) => {
      const whole = definition as { metadata: { annotations?: Record<string, string> } };
      const annotations = { ...whole.metadata.annotations, 'helm.sh/resource-policy': 'keep' };
      const text = stringify({ ...whole, metadata: { ...whole.metadata, annotations } }, yamlStyle);
      // A double brace in a description would be taken for a template.
      const safe = text.replaceAll('{{', '{{ "{{" }}');
      return [
        `${chartFolder}/templates/crds/${name}`,
        `{{- /* ${generated.slice(2)} */ -}}\n{{- if .Values.crds.install }}\n${safe}{{- end }}\n`,
      ];
    }),
  );
}

/** Files that the chart can read only where they lie in its own folder. */
function copies(root: string, from: string, names: RegExp, to: string): Record<string, string> {
  return Object.fromEntries(
    readNames(join(root, from))
      .filter(name => names.test(name))
      .map(name => [`${chartFolder}/${to}/${name}`, readFileSync(join(root, from, name), 'utf8')]),
  );
}

function readNames(folder: string): string[] {
  try {
    return readdirSync(folder).toSorted();
  } catch {
    return [];
  }
}

/** Defaults with their descriptions as comments; an object without a default of its own is descended into. */
function valuesYaml(node: ValueNode, indent: string): string {
  return Object.entries(node.properties ?? {})
    .map(([name, value]) => {
      const comment = wrap(value.description ?? '', 118 - indent.length).map(line => `${indent}# ${line}\n`);
      const head = (indent === '' ? '\n' : '') + comment.join('');
      if (value.default === undefined) return `${head}${indent}${name}:\n${valuesYaml(value, `${indent}  `)}`;
      const text = stringify({ [name]: value.default }, yamlStyle);
      return head + text.replace(/^(?=.)/gm, indent);
    })
    .join('');
}

function wrap(text: string, width: number): string[] {
  const lines: string[] = [];
  for (const word of text.split(' ')) {
    const last = lines.at(-1);
    if (last !== undefined && last.length + 1 + word.length <= width) lines[lines.length - 1] = `${last} ${word}`;
    else lines.push(word);
  }
  return lines;
}

/** The values as a user gets them who sets none. */
export function defaultValues(): unknown {
  return parse(valuesYaml(valuesSchema(), ''), { version: '1.1' });
}
