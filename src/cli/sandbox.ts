import { createWriteStream } from 'node:fs';
import { Command, InvalidArgumentError, Option } from 'commander';
import { parseDurationMs } from '../api/duration.ts';
import { CodedException } from '../api/errors.ts';
import { systemClock } from '../runtime/clock.ts';
import { type Log, silentLog } from '../runtime/log.ts';
import { systemRandom } from '../runtime/random.ts';
import { startAwsSandbox } from '../sandbox/aws-sandbox.ts';
import { sandboxAws } from '../sandbox/demo/aws-person.ts';
import { jsonTeller } from '../sandbox/demo/json-teller.ts';
import { writeKubeconfig } from '../sandbox/demo/kubeconfig-file.ts';
import { startKubernetesSandbox } from '../sandbox/demo/kubernetes-sandbox.ts';
import { liveTeller } from '../sandbox/demo/live-teller.ts';
import { createPaint, wantsColour } from '../sandbox/demo/paint.ts';
import { plainTeller } from '../sandbox/demo/plain-teller.ts';
import { portTaken } from '../sandbox/demo/port-taken.ts';
import { defaultStepMs, openForUsers, runDemo } from '../sandbox/demo/run-demo.ts';
import { type Sandbox, startSandbox } from '../sandbox/demo/sandbox.ts';
import type { Teller } from '../sandbox/demo/story-event.ts';
import { compileSettings, type Profile, profiles, settingsHelp } from '../sandbox/elbv2/settings.ts';
import { lineLog } from '../sandbox/line-log.ts';
import { type NetworkMapRule, parseNetworkMapRule } from '../sandbox/network-map.ts';
import { nodeNetwork } from '../sandbox/node-network.ts';

/** What `nlbports sandbox` was asked for. */
interface SandboxOptions {
  only?: 'aws' | 'kubernetes';
  exit?: boolean;
  story: boolean;
  awsPort: number;
  kubernetesPort: number;
  kubeconfigOut?: string;
  profile: Profile;
  set: Record<string, string>;
  mapNetwork: NetworkMapRule[];
  stepTimeout?: number;
  log?: string;
  json?: boolean;
}

// The process has to be gone 2 s after a signal; what is still open by then is left to the system.
const closeLimitMs = 1500;

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
    .addOption(new Option('--log <file>', 'write the log of operator and simulators there'))
    .addOption(new Option('--json', 'print JSON, one object on a line'))
    .addHelpText(
      'after',
      `\nSettings for --set, with their values in the profiles ${profiles.join(' / ')}:\n${settingsHelp()}`,
    )
    .exitOverride(error => process.exit(error.exitCode === 0 ? 0 : 2))
    .action((options: SandboxOptions) => run(options));
}

async function run(options: SandboxOptions): Promise<void> {
  if (options.only !== undefined && options.exit)
    fail('Cannot use --exit with --only: there is no story to end after.');
  const compiled = compileSettings(options.profile, options.set);
  if (!compiled.ok) fail(compiled.message);
  const stop = new AbortController();
  for (const signal of ['SIGTERM', 'SIGINT'] as const) process.once(signal, () => stop.abort());
  // Whoever read the output has gone.
  process.stdout.on('error', () => stop.abort());
  try {
    if (options.only === 'aws') await runAws(options, stop.signal);
    else if (options.only === 'kubernetes') await runKubernetes(options, stop.signal);
    else process.exitCode = await runWhole(options, stop.signal);
  } catch (error) {
    if (!(error instanceof CodedException)) throw error;
    fail(error.message, error.coded.reason === 'InvalidOption' ? 2 : 1);
  }
  process.exit();
}

async function runAws(options: SandboxOptions, signal: AbortSignal): Promise<void> {
  const clock = systemClock();
  const compiled = compileSettings(options.profile, options.set);
  if (!compiled.ok) fail(compiled.message);
  const sandbox = await startAwsSandbox(
    { clock, random: systemRandom(), network: nodeNetwork({ clock }), log: stderrLog() },
    { port: options.awsPort, settings: compiled.settings, networkMap: options.mapNetwork },
  ).catch((error: unknown) => {
    throw portTaken(error, options.awsPort, '--aws-port');
  });
  printReady(
    options,
    { aws: { endpoint: sandbox.url }, profile: options.profile, pid: process.pid },
    `AWS endpoint (ELBv2, profile ${options.profile}): ${sandbox.url}`,
  );
  await aborted(signal);
  exitSoon();
  await sandbox.close();
}

async function runKubernetes(options: SandboxOptions, signal: AbortSignal): Promise<void> {
  const sandbox = await startKubernetesSandbox(
    { clock: systemClock(), random: systemRandom(), log: stderrLog() },
    { port: options.kubernetesPort },
  );
  const kubeconfig = writeKubeconfig(sandbox.url, options.kubeconfigOut);
  printReady(
    options,
    { kubernetes: { url: sandbox.url, kubeconfig: kubeconfig.path }, pid: process.pid },
    `Kubernetes API: ${sandbox.url} (kubeconfig: ${kubeconfig.path})`,
  );
  await aborted(signal);
  exitSoon();
  kubeconfig.remove();
  await sandbox.close();
}

/** Gives the exit code. */
async function runWhole(options: SandboxOptions, signal: AbortSignal): Promise<number> {
  const clock = systemClock();
  const network = nodeNetwork({ clock });
  const { profile } = options;
  const sandbox = await startSandbox(
    { clock, random: systemRandom(), network, log: options.log === undefined ? silentLog() : fileLog(options.log) },
    { ...options, networkMap: options.mapNetwork, fewAddresses: process.platform === 'darwin' },
  );
  const kubeconfig = writeKubeconfig(sandbox.kubernetesUrl, options.kubeconfigOut);
  const teller = chooseTeller(options);
  const ways = {
    kubernetes: { url: sandbox.kubernetesUrl, kubeconfig: kubeconfig.path },
    aws: { endpoint: sandbox.awsUrl, region: sandboxAws.region },
  };
  teller.tell({ type: 'ready', profile, pid: process.pid, ...ways });
  const exitCode = await play(options, sandbox, teller, signal);
  if (!options.exit && !signal.aborted) {
    const pools = await openForUsers(sandbox);
    const example = sandbox.view.rows().find(({ state }) => state === 'Healthy')?.endpoint ?? null;
    teller.tell({ type: 'staying', pools, example, ...ways });
    await aborted(signal);
  }
  teller.close();
  exitSoon(exitCode);
  kubeconfig.remove();
  await sandbox.close();
  return exitCode;

  async function play(options: SandboxOptions, sandbox: Sandbox, teller: Teller, signal: AbortSignal): Promise<number> {
    const stepMs = options.stepTimeout ?? defaultStepMs[profile];
    try {
      const outcome = await runDemo(
        { sandbox, clock, network, teller },
        { profile, stepMs, signal, story: options.story },
      );
      return outcome.ok ? 0 : 1;
    } catch (error) {
      if (!signal.aborted) throw error;
      // Not every check was made: no success for a script, but the wish of a person.
      return options.exit ? 1 : 0;
    }
  }
}

function chooseTeller(options: SandboxOptions): Teller {
  const clock = systemClock();
  const write = (text: string) => void process.stdout.write(text);
  if (options.json) return jsonTeller({ write, clock });
  const { isTTY, columns, rows } = process.stdout;
  const paint = createPaint(wantsColour(isTTY === true, process.env));
  if (!isTTY || process.env.TERM === 'dumb') return plainTeller({ write, clock, paint });
  return liveTeller({
    terminal: {
      write,
      size: () => ({ columns: process.stdout.columns ?? columns, rows: process.stdout.rows ?? rows }),
    },
    clock,
    paint,
  });
}

function stderrLog(): Log {
  return lineLog({ clock: systemClock(), write: line => process.stderr.write(line) });
}

function fileLog(path: string): Log {
  const stream = createWriteStream(path, { flags: 'a' });
  stream.on('error', error => fail(`Cannot write --log: ${error.message}.`));
  return lineLog({ clock: systemClock(), write: line => stream.write(line) });
}

function printReady(options: SandboxOptions, ready: object, text: string): void {
  process.stdout.write(options.json ? `${JSON.stringify(ready)}\n` : `${text}\n`);
}

function aborted(signal: AbortSignal): Promise<void> {
  return new Promise(resolve => {
    if (signal.aborted) return resolve();
    signal.addEventListener('abort', () => resolve(), { once: true });
  });
}

/** Ends the process, whatever is still open. */
function exitSoon(exitCode = 0): void {
  systemClock({ unref: true }).after(closeLimitMs, () => process.exit(exitCode));
}

function fail(message: string, exitCode = 2): never {
  process.stderr.write(`${message}\n`);
  process.exit(exitCode);
}

function readPort(text: string): number {
  if (!/^\d{1,5}$/.test(text) || Number(text) > 65535) throw new InvalidArgumentError('Wanted a port from 0 to 65535.');
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
