import { formatDuration } from '../../api/duration.ts';
import { environmentName, type OptionName, type OptionRow, optionsTable } from '../../operator/options-table.ts';
import { code, pageHead, table } from './markdown.ts';

/** `docs/options.md`: every option of `nlbports operator`. */
export function optionsPage(): string {
  const rows = Object.entries(optionsTable) as [OptionName, OptionRow][];
  return `${pageHead('Options of `nlbports operator`', 'src/operator/options-table.ts')}
Each option is a flag and an environment variable. The flag wins over the variable, the variable over the default. An
empty variable counts as not set. A value that cannot be used ends the process with exit code 2 and
[NLBP-5001](errors.md#nlbp-5001-invalidoption). Durations are written as \`30s\`, \`5m\` or \`1h30m\`.

${table(
  ['Flag', 'Variable', 'Value', 'Default', 'What for'],
  rows.map(([name, row]) => [
    code(`--${name}`),
    code(environmentName(name)),
    wantedValue(row),
    code(row.default) || 'none',
    row.description,
  ]),
)}
AWS credentials and the AWS endpoint are not options of ours: the AWS SDK reads them. See [aws.md](aws.md).
`;
}

function wantedValue({ kind, value, choices, min }: OptionRow): string {
  if (choices) return choices.map(code).join(' or ');
  if (kind === 'boolean') return '`true` or `false`';
  const least = min === undefined ? undefined : kind === 'duration' ? formatDuration(min) : String(min);
  return (value ?? kind) + (least === undefined ? '' : `, at least ${code(least)}`);
}
