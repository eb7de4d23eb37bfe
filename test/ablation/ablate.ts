import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { type Copy, copySources, type Guard, repository } from './guard.ts';
import { between, permissionsPage, tableOf } from './table.ts';

/**
 * Runs each guard on the sources as they are, where it has to pass, and with its change made, where it has to fail.
 * `change` makes the change in a copy and gives what undoes it. Writes the table of that name when all is well.
 * An argument, such as `pods`, leaves only the changes that hold it, and the table as it is.
 *
 * @returns the exit code
 */
export async function ablate<G extends Guard>(
  name: string,
  guards: readonly G[],
  change: (copy: Copy, guard: G) => () => void,
): Promise<number> {
  const [only] = process.argv.slice(2);
  const chosen = guards.filter(guard => only === undefined || guard.change.includes(only));
  const copy = copySources();
  const wrong: string[] = [];
  const wanted = new Map<string, string>();
  try {
    for (const guard of chosen) {
      const key = `${guard.file} ${guard.test}`;
      if (!wanted.has(key)) {
        const { outcome, says } = await copy.run(guard);
        wanted.set(key, outcome);
        if (outcome !== 'passed') wrong.push(`${key}: ${outcome} though nothing was changed. ${says}`);
      }
      const undo = change(copy, guard);
      const { outcome, says } = await copy.run(guard);
      undo();
      console.log(`${guard.change}\n  ${outcome}: ${guard.file}, "${guard.test}"\n  ${says.slice(0, 160)}`);
      if (outcome !== 'failed') wrong.push(`${guard.change}: ${outcome}`);
    }
  } finally {
    copy.remove();
  }
  for (const line of wrong) console.error(`Not protected: ${line}`);
  if (wrong.length > 0) return 1;
  if (only !== undefined) return 0;
  const page = join(repository, permissionsPage);
  writeFileSync(page, between(readFileSync(page, 'utf8'), name, tableOf(guards)));
  console.log(`All ${guards.length} are noticed; the table is in ${permissionsPage}.`);
  return 0;
}
