import type { Guard } from './guard.ts';

/** The page that the tables are on. */
export const permissionsPage = 'docs/permissions.md';

/** Guards as a table of Markdown. */
export function tableOf(guards: readonly Guard[]): string {
  const rows = guards.map(({ change, file, test }) => `| ${change} | \`${file}\`: "${test}" |`);
  return ['| Changed | The test that fails |', '| --- | --- |', ...rows].join('\n');
}

/** The page with what stands between the markers of that name exchanged. Throws where they are missing. */
export function between(page: string, name: string, content: string): string {
  const [begin, end] = [`<!-- ${name}: begin -->`, `<!-- ${name}: end -->`];
  const [before, rest] = page.split(begin);
  const after = rest?.split(end)[1];
  if (before === undefined || after === undefined) throw new Error(`Cannot write a table: no markers "${name}"`);
  return `${before}${begin}\n${content}\n${end}${after}`;
}
