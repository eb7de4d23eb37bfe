import { Command, Option } from 'commander';
import { compileOptions, optionsFromEnvironment, type WrittenOptions } from '../operator/options.ts';
import { environmentName, type OptionName, type OptionRow, optionsTable } from '../operator/options-table.ts';

/** `nlbports operator`: the operator as a process, in a cluster or beside one. */
export function operatorCommand(): Command {
  const command = new Command('operator').description('Run the operator: in a cluster, or with a kubeconfig.');
  for (const [name, row] of Object.entries(optionsTable) as [OptionName, OptionRow][]) {
    command.addOption(
      new Option(
        optionFlags(name, row),
        `${row.description} [${environmentName(name)}]${row.default === undefined ? '' : ` (default: ${row.default})`}`,
      ),
    );
  }
  return command.action(async (flags: Record<string, string | boolean>) => {
    const options = compileOptions({ ...optionsFromEnvironment(process.env), ...writtenFlags(flags) });
    // The AWS SDK and the rest take a second to load: only who runs the operator waits for them.
    const { runOperator } = await import('./run-operator.ts');
    await runOperator(options);
  });
}

function optionFlags(name: OptionName, row: OptionRow): string {
  if (row.kind === 'boolean') return `--${name} [true|false]`;
  return `--${name} <${row.value ?? row.choices?.join('|') ?? row.kind}>`;
}

function writtenFlags(flags: Record<string, string | boolean>): WrittenOptions {
  const names = Object.keys(optionsTable) as OptionName[];
  return Object.fromEntries(
    names.flatMap(name => {
      const value = flags[name.replace(/-([a-z])/g, (_, letter: string) => letter.toUpperCase())];
      return value === undefined ? [] : [[name, String(value)]];
    }),
  );
}
