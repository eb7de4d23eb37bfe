import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { dirname } from 'node:path';
import { fileURLToPath } from 'node:url';
import { helmOnPath, render, staleRenderings } from './generate/chart/rendered-files.ts';
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

// Only after the chart itself is as it has to be.
for (const path of staleRenderings(root)) {
  try {
    if (check) throw new Error('run "npm run generate", which needs Helm');
    writeFileSync(root + path, render(root, path, helmOnPath));
    console.log(`Wrote ${path}`);
  } catch (error) {
    console.error(`Stale: ${path}: ${(error as Error).message}.`);
    process.exitCode = 1;
  }
}

function readOr(path: string, otherwise: string): string {
  try {
    return readFileSync(path, 'utf8');
  } catch {
    return otherwise;
  }
}
