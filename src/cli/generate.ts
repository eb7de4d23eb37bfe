import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { dirname } from 'node:path';
import { fileURLToPath } from 'node:url';
import { generatedFiles } from './generate/generated-files.ts';

/**
 * Writes every file that is made from the sources; with `--check` it writes none, names those that are stale, and exits
 * with 1 if there are any.
 */
const root = fileURLToPath(new URL('../../', import.meta.url));
const check = process.argv.includes('--check');

const stale = Object.entries(generatedFiles(root)).filter(([path, content]) => readOr(root + path, '') !== content);
for (const [path, content] of stale) {
  if (check) {
    console.error(`Stale: ${path}. Run "npm run generate".`);
    process.exitCode = 1;
    continue;
  }
  mkdirSync(dirname(root + path), { recursive: true });
  writeFileSync(root + path, content);
  console.log(`Wrote ${path}`);
}

function readOr(path: string, otherwise: string): string {
  try {
    return readFileSync(path, 'utf8');
  } catch {
    return otherwise;
  }
}
