import { Command, CommanderError } from 'commander';
import { CodedException } from '../api/errors.ts';
import { auditCommand } from './audit.ts';
import { checkCommand } from './check.ts';
import { drainPoolCommand } from './drain-pool.ts';
import { operatorCommand } from './operator.ts';
import { sandboxCommand } from './sandbox.ts';
import { version } from './version.ts';

/** Exit codes: 2 for what the caller wrote, 1 for what went wrong otherwise. */
const usageError = 2;

// Whoever reads only the beginning, as head does, has what they wanted.
process.stdout.on('error', (error: NodeJS.ErrnoException) => {
  if (error.code !== 'EPIPE') throw error;
});

const program = new Command('nlbports')
  .description('Gives every labelled pod its own port on a shared AWS Network Load Balancer.')
  .version(version());

for (const command of [operatorCommand(), auditCommand(), checkCommand(), drainPoolCommand(), sandboxCommand()])
  program.addCommand(command);
for (const command of [program, ...program.commands]) command.exitOverride();

try {
  await program.parseAsync();
} catch (error) {
  if (error instanceof CommanderError) process.exitCode = error.exitCode === 0 ? 0 : usageError;
  else if (error instanceof CodedException) {
    console.error(error.message);
    process.exitCode = error.coded.reason === 'InvalidOption' ? usageError : 1;
  } else throw error;
}
