import { Command } from 'commander';
import { sandboxCommand } from './sandbox.ts';
import { version } from './version.ts';

const program = new Command('nlbports')
  .description('Gives every labelled pod its own port on a shared AWS Network Load Balancer.')
  .version(version());

program.addCommand(sandboxCommand());

await program.parseAsync();
