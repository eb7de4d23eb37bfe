import { Command, InvalidArgumentError, Option } from 'commander';
import { systemClock } from '../runtime/clock.ts';
import { systemRandom } from '../runtime/random.ts';
import { type AwsSandbox, startAwsSandbox } from '../sandbox/aws-sandbox.ts';
import { compileSettings, type Profile, profiles, settingsHelp } from '../sandbox/elbv2/settings.ts';
import { lineLog } from '../sandbox/line-log.ts';
import { networkErrorCode } from '../sandbox/network.ts';
import { type NetworkMapRule, parseNetworkMapRule } from '../sandbox/network-map.ts';
import { nodeNetwork } from '../sandbox/node-network.ts';

/** What `nlbports sandbox` was asked for. */
interface SandboxOptions {
  only?: 'aws' | 'kubernetes';
  awsPort: number;
  profile: Profile;
  set: Record<string, string>;
  mapNetwork: NetworkMapRule[];
  json?: boolean;
}

// The process has to be gone 2 s after a signal; what is still open by then is left to the system.
const closeLimitMs = 1500;

/** `nlbports sandbox`: simulators for any client. */
export function sandboxCommand(): Command {
  return new Command('sandbox')
    .description('Runs simulators of what the operator needs: no cluster, no AWS account.')
    .addOption(new Option('--only <part>', 'run one simulator alone').choices(['aws', 'kubernetes']))
    .addOption(
      new Option('--aws-port <port>', 'port of the AWS endpoint; 0 takes a free one').default(4580).argParser(readPort),
    )
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
    .addOption(new Option('--json', 'print the ready line as JSON'))
    .addHelpText(
      'after',
      `\nSettings for --set, with their values in the profiles ${profiles.join(' / ')}:\n${settingsHelp()}`,
    )
    .exitOverride(error => process.exit(error.exitCode === 0 ? 0 : 2))
    .action((options: SandboxOptions) => run(options));
}

async function run(options: SandboxOptions): Promise<void> {
  if (options.only !== 'aws') {
    fail('Cannot run this part of the sandbox: only --only aws is there yet.');
  }
  const compiled = compileSettings(options.profile, options.set);
  if (!compiled.ok) fail(compiled.message);
  const stopped = new Promise<void>(resolve => {
    process.once('SIGTERM', () => resolve());
    process.once('SIGINT', () => resolve());
  });
  const sandbox = await startAws(options, compiled.settings);
  const ready = { aws: { endpoint: sandbox.url }, profile: options.profile, pid: process.pid };
  process.stdout.write(
    options.json ? `${JSON.stringify(ready)}\n` : `AWS endpoint (ELBv2, profile ${options.profile}): ${sandbox.url}\n`,
  );
  await stopped;
  systemClock({ unref: true }).after(closeLimitMs, () => process.exit(0));
  await sandbox.close();
  process.exit(0);
}

async function startAws(
  options: SandboxOptions,
  settings: Parameters<typeof startAwsSandbox>[1]['settings'],
): Promise<AwsSandbox> {
  const clock = systemClock();
  const log = lineLog({ clock, write: line => process.stderr.write(line) });
  try {
    return await startAwsSandbox(
      { clock, random: systemRandom(), network: nodeNetwork({ clock }), log },
      { port: options.awsPort, settings, networkMap: options.mapNetwork },
    );
  } catch (error) {
    return fail(
      `Cannot listen on 127.0.0.1:${options.awsPort}: ${networkErrorCode(error)}. Choose another --aws-port, 0 for any free one.`,
      1,
    );
  }
}

function fail(message: string, exitCode = 2): never {
  process.stderr.write(`${message}\n`);
  process.exit(exitCode);
}

function readPort(text: string): number {
  if (!/^\d{1,5}$/.test(text) || Number(text) > 65535) throw new InvalidArgumentError('Wanted a port from 0 to 65535.');
  return Number(text);
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
