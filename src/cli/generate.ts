import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { dirname } from 'node:path';
import { fileURLToPath } from 'node:url';
import { stringify } from 'yaml';
import { customResourceDefinitions } from '../api/crd.ts';

/**
 * Writes every file that is made from the sources; with `--check` it writes none, names those that are stale, and exits
 * with 1 if there are any.
 */
const root = fileURLToPath(new URL('../../', import.meta.url));
const check = process.argv.includes('--check');

// kubectl reads YAML 1.1, where an unquoted `on` is the boolean true.
const yamlStyle = { version: '1.1', lineWidth: 0, aliasDuplicateObjects: false } as const;

const files: Record<string, string> = {};
for (const [name, definition] of Object.entries(customResourceDefinitions())) {
  files[`deploy/crds/${name}`] = `# Generated from src/api by "npm run generate".\n${stringify(definition, yamlStyle)}`;
}

const stale = Object.entries(files).filter(([path, content]) => readOr(root + path, '') !== content);
if (check) {
  for (const [path] of stale) console.error(`Stale: ${path}. Run "npm run generate".`);
  process.exitCode = stale.length > 0 ? 1 : 0;
} else {
  for (const [path, content] of stale) {
    mkdirSync(dirname(root + path), { recursive: true });
    writeFileSync(root + path, content);
    console.log(`Wrote ${path}`);
  }
}

function readOr(path: string, otherwise: string): string {
  try {
    return readFileSync(path, 'utf8');
  } catch {
    return otherwise;
  }
}
