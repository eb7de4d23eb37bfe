import { Command, InvalidArgumentError, Option } from 'commander';
import { KubeError, KubeNoAnswer } from '../kube/kube-error.ts';
import { AwsCliError } from './check/aws-cli.ts';
import { parseCidr } from './check/missing-openings.ts';

/** `nlbports check`: what security groups do not let through, as commands for people. It changes nothing. */
export function checkCommand(): Command {
  return new Command('check')
    .description('Compare the security groups with what pools need, and print the command for each missing rule.')
    .addOption(
      new Option(
        '--pod-group <id>',
        "security group that is on the pods (the nodes', with the VPC CNI); may be repeated",
      )
        .argParser(readGroup)
        .makeOptionMandatory(),
    )
    .addOption(new Option('--pool <name>', 'one pool; every pool unless given'))
    .addOption(
      new Option('--game-port <port>', 'where pods listen; may be repeated')
        .default([], 'those of bound pods')
        .argParser(readPort),
    )
    .addOption(
      new Option('--players <cidr>', 'from where players come; may be repeated')
        .default([], '0.0.0.0/0')
        .argParser(readCidr),
    )
    .addOption(new Option('--aws-region <region>', "region of the load balancers; else the AWS CLI's own"))
    .addOption(new Option('--kubeconfig <file>', 'kubeconfig to connect with'))
    .addOption(new Option('--context <name>', 'context of the kubeconfig'))
    .addHelpText(
      'after',
      '\nIt asks AWS by the AWS CLI, which has to be on the PATH.\n' +
        'Exit code: 0 everything is open; 1 could not look; 2 bad usage; 3 something is not open.',
    )
    .action(async (flags: Flags) => {
      const { runCheck } = await import('./check/run-check.ts');
      try {
        const outcome = await runCheck({
          pool: flags.pool,
          podGroups: flags.podGroup,
          gamePorts: flags.gamePort,
          players: flags.players.length > 0 ? flags.players : ['0.0.0.0/0'],
          kubeconfig: flags.kubeconfig,
          context: flags.context,
          region: flags.awsRegion,
        });
        process.exitCode = { open: 0, unknown: 1, closed: 3 }[outcome];
      } catch (error) {
        if (!(error instanceof KubeError || error instanceof KubeNoAnswer || error instanceof AwsCliError)) throw error;
        console.error(`Cannot check: ${error.message}`);
        process.exitCode = 1;
      }
    });
}

interface Flags {
  podGroup: string[];
  pool?: string;
  gamePort: number[];
  players: string[];
  awsRegion?: string;
  kubeconfig?: string;
  context?: string;
}

function readGroup(text: string, before: string[] = []): string[] {
  if (!/^sg-[A-Za-z0-9-]+$/.test(text))
    throw new InvalidArgumentError('Wanted the id of a security group, as sg-0123.');
  return [...before, text];
}

function readPort(text: string, before: number[]): number[] {
  const port = Number(text);
  if (!/^\d{1,5}$/.test(text) || port < 1 || port > 65535)
    throw new InvalidArgumentError('Wanted a port from 1 to 65535.');
  return [...before, port];
}

function readCidr(text: string, before: string[]): string[] {
  if (parseCidr(text) === undefined) throw new InvalidArgumentError('Wanted an IPv4 network, as 0.0.0.0/0.');
  return [...before, text];
}
