import { readFileSync } from 'node:fs';
import { registerHooks } from 'node:module';
import { fileURLToPath } from 'node:url';
import type { Edit, PlantedBug } from './planted-bugs.ts';

/** The sources that the bugs are planted in. */
const sources = new URL('../../', import.meta.url);

/** A source with the edits made; throws where a text is not found exactly once: the bug's row is out of date then. */
export function edited(source: string, edits: readonly Edit[]): string {
  let text = source;
  for (const { file, find, replace } of edits) {
    const parts = text.split(find);
    if (parts.length !== 2) {
      throw new Error(`Cannot plant a bug in src/${file}: "${find}" is there ${parts.length - 1} times, once wanted`);
    }
    text = parts.join(replace);
  }
  return text;
}

/** Reads a file of `src`. */
export function readSource(file: string): string {
  return readFileSync(new URL(file, sources), 'utf8');
}

/**
 * Plants a bug into whatever this thread imports from now on: the files on disk stay as they are. Throws where an edit
 * does not fit.
 */
export function plant(bug: PlantedBug): void {
  const byFile = Map.groupBy(bug.edits, ({ file }) => file);
  const byPath = new Map<string, string>();
  for (const [file, edits] of byFile) {
    byPath.set(fileURLToPath(new URL(file, sources)), edited(readSource(file), edits));
  }
  registerHooks({
    load(url, context, nextLoad) {
      const source = url.startsWith('file:') ? byPath.get(fileURLToPath(url)) : undefined;
      if (source === undefined) return nextLoad(url, context);
      return { format: 'module-typescript', source, shortCircuit: true };
    },
  });
}
