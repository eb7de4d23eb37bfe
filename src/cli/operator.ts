import { Command } from 'commander';
import { compileOptions } from '../operator/options.ts';
import { type OptionName, optionsTable } from '../operator/options-table.ts';
import { addOptions, writtenOptions } from './option-flags.ts';

const names = Object.keys(optionsTable) as OptionName[];

/** `nlbports operator`: the operator as a process, in a cluster or beside one. */
export function operatorCommand(): Command {
  const command = new Command('operator').description('Run the operator: in a cluster, or with a kubeconfig.');
  return addOptions(command, names).action(async (flags: Record<string, unknown>) => {
    const options = compileOptions(writtenOptions(flags, process.env, names));
    // The AWS SDK and the rest take a second to load: only who runs the operator waits for them.
    const { runOperator } = await import('./run-operator.ts');
    await runOperator(options);
  });
}
