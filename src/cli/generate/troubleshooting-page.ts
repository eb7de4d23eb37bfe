import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { errorTable } from '../../api/errors.ts';
import { code, table } from './markdown.ts';

const begin = '<!-- Codes: begin. Written by "npm run generate". -->\n';
const end = '<!-- Codes: end -->';

/** `docs/troubleshooting.md`: written by hand, but for its table of all codes. */
export function troubleshootingPage(root: string): string {
  const page = readFileSync(join(root, 'docs/troubleshooting.md'), 'utf8');
  const [before = '', rest] = page.split(begin);
  const [, after] = rest?.split(end) ?? [];
  if (after === undefined)
    throw new Error(`Cannot write the codes into docs/troubleshooting.md: it lacks "${begin}" or "${end}".`);
  return `${before}${begin}${table(['Code', 'Name', 'What happened'], rows())}${end}${after}`;
}

function rows(): string[][] {
  return Object.entries(errorTable)
    .map(([name, row]) => ({ name, ...row }))
    .sort((one, other) => one.code.localeCompare(other.code))
    .map(({ name, code: number, summary }) => [
      `[${number}](errors.md#${`${number}-${name}`.toLowerCase()})`,
      code(name),
      summary,
    ]);
}
