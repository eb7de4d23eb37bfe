import { Command, InvalidArgumentError, Option } from 'commander';
import { parseDurationMs } from '../api/duration.ts';
import { CodedException } from '../api/errors.ts';
import { compileSettings, profiles, settingsHelp } from '../sandbox/elbv2/settings.ts';
import { type NetworkMapRule, parseNetworkMapRule } from '../sandbox/network-map.ts';
import { fail } from './sandbox/process.ts';
import type { SandboxFlags } from './sandbox/sandbox-flags.ts';

/** `nlbports sandbox`: the operator between a simulated Kubernetes and an emulated AWS, or either of these alone. */
export function sandboxCommand(): Command {
  return new Command('sandbox')
    .description('Runs the operator on simulators and shows the life of rooms: no cluster, no AWS account.')
    .addOption(new Option('--exit', 'end after the story: with 0 if every check held, else with 1'))
    .addOption(new Option('--no-story', 'make no rooms: just pools with free ports, for your own pods'))
    .addOption(new Option('--only <part>', 'run one simulator alone').choices(['aws', 'kubernetes']))
    .addOption(
      new Option('--kubernetes-port <port>', 'port of the Kubernetes API; 0 takes a free one')
        .default(4581)
        .argParser(readPort),
    )
    .addOption(
      new Option('--aws-port <port>', 'port of the AWS endpoint; 0 takes a free one').default(4580).argParser(readPort),
    )
    .addOption(
      new Option(
        '--operator-port <port>',
        "port of the operator's probes and metrics; 0 takes a free one; not served unless given",
      ).argParser(readPort),
    )
    .addOption(new Option('--kubeconfig-out <file>', 'where the kubeconfig is written; else a temporary file'))
    .addOption(
      new Option('--profile <profile>', 'how near to AWS: delays and throttling').choices(profiles).default('instant'),
    )
    .addOption(
      new Option('--set <name=value>', 'one figure of the profile; may be repeated').default({}).argParser(readSetting),
    )
    .addOption(
      new Option(
        '--map-network <from=to>',
        'dial addresses of one network in another, as 10.0.0.0/8=127.0.0.0/8; may be repeated',
      )
        .default([])
        .argParser(readMap),
    )
    .addOption(
      new Option(
        '--step-timeout <duration>',
        'longest wait for one step of the story; by profile unless given',
      ).argParser(readDuration),
    )
    .addOption(
      new Option(
        '--seed <number>',
        'draw delays, ids and the like from this seed; another one each time unless given',
      ).argParser(readSeed),
    )
    .addOption(new Option('--log <file>', 'write the log of operator and simulators there'))
    .addOption(new Option('--json', 'print JSON, one object on a line'))
    .addHelpText(
      'after',
      `\nSettings for --set, with their values in the profiles ${profiles.join(' / ')}:\n${settingsHelp()}`,
    )
    .exitOverride(error => process.exit(error.exitCode === 0 ? 0 : 2))
    .action((options: SandboxFlags) => run(options));
}

async function run(flags: SandboxFlags): Promise<void> {
  if (flags.exit && flags.story === false) fail('Cannot use --exit with --no-story: there is no story to end after.');
  if (flags.only !== undefined && flags.exit) fail('Cannot use --exit with --only: there is no story to end after.');
  const compiled = compileSettings(flags.profile, flags.set);
  if (!compiled.ok) fail(compiled.message);
  const stop = new AbortController();
  // A terminal's Ctrl-C reaches a process under npm twice: the second one must not cut the tidying up short.
  for (const signal of ['SIGTERM', 'SIGINT'] as const) process.on(signal, () => stop.abort());
  // Whoever read the output has gone.
  process.stdout.on('error', () => stop.abort());
  try {
    process.exitCode = await runPart(flags, stop.signal);
  } catch (error) {
    if (!(error instanceof CodedException)) throw error;
    fail(error.message, error.coded.reason === 'InvalidOption' ? 2 : 1);
  }
  process.exit();
}

/** Loads only what the part needs: a simulator alone is ready at once. Gives the exit code. */
async function runPart(flags: SandboxFlags, signal: AbortSignal): Promise<number> {
  switch (flags.only) {
    case 'aws':
      return (await import('./sandbox/run-aws.ts')).runAws(flags, signal);
    case 'kubernetes':
      return (await import('./sandbox/run-kubernetes.ts')).runKubernetes(flags, signal);
    default:
      return (await import('./sandbox/run-whole.ts')).runWhole(flags, signal);
  }
}

function readPort(text: string): number {
  if (!/^\d{1,5}$/.test(text) || Number(text) > 65535) throw new InvalidArgumentError('Wanted a port from 0 to 65535.');
  return Number(text);
}

function readSeed(text: string): number {
  if (!/^\d{1,10}$/.test(text) || Number(text) >= 2 ** 32)
    throw new InvalidArgumentError('Wanted a number below 2^32.');
  return Number(text);
}

function readDuration(text: string): number {
  try {
    return parseDurationMs(text);
  } catch {
    throw new InvalidArgumentError('Wanted a duration such as 30s or 5m.');
  }
}

function readSetting(text: string, before: Record<string, string>): Record<string, string> {
  const equals = text.indexOf('=');
  if (equals < 1) throw new InvalidArgumentError('Wanted name=value.');
  return { ...before, [text.slice(0, equals)]: text.slice(equals + 1) };
}

function readMap(text: string, before: NetworkMapRule[]): NetworkMapRule[] {
  const parsed = parseNetworkMapRule(text);
  if (!parsed.ok) throw new InvalidArgumentError(parsed.message);
  return [...before, parsed.rule];
}
