import { type Command, Option } from 'commander';
import { optionsFromEnvironment, type WrittenOptions } from '../operator/options.ts';
import { environmentName, type OptionName, type OptionRow, optionsTable } from '../operator/options-table.ts';

/** Gives a command these options of the table, with their environment variables in the help text. */
export function addOptions(command: Command, names: readonly OptionName[]): Command {
  for (const name of names) {
    const row: OptionRow = optionsTable[name];
    const given = row.default === undefined ? '' : ` (default: ${row.default})`;
    command.addOption(new Option(optionFlags(name, row), `${row.description} [${environmentName(name)}]${given}`));
  }
  return command;
}

/** What was written of these options: by flags, else by environment variables. */
export function writtenOptions(
  flags: Readonly<Record<string, unknown>>,
  env: Readonly<Record<string, string | undefined>>,
  names: readonly OptionName[],
): WrittenOptions {
  const inEnvironment = optionsFromEnvironment(env);
  return Object.fromEntries(
    names.flatMap(name => {
      const value = flags[name.replace(/-([a-z])/g, (_, letter: string) => letter.toUpperCase())];
      const written = value === undefined ? inEnvironment[name] : String(value);
      return written === undefined ? [] : [[name, written]];
    }),
  );
}

function optionFlags(name: OptionName, row: OptionRow): string {
  if (row.kind === 'boolean') return `--${name} [true|false]`;
  return `--${name} <${row.value ?? row.choices?.join('|') ?? row.kind}>`;
}
