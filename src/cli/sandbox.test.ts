import assert from 'node:assert/strict';
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { createServer } from 'node:net';
import { describe, it } from 'node:test';

// The command by itself: the other commands have their own tests.
const program = `
  import { Command } from 'commander';
  import { sandboxCommand } from ${JSON.stringify(new URL('./sandbox.ts', import.meta.url).href)};
  await new Command().addCommand(sandboxCommand()).parseAsync(process.argv.slice(1), { from: 'user' });
`;

/** Starts the command; `firstLine` resolves with its first line on stdout. */
function start(...flags: string[]) {
  const child = spawn(process.execPath, ['--input-type=module', '-e', program, '--', 'sandbox', ...flags], {
    cwd: new URL('../..', import.meta.url),
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  let stdout = '';
  let stderr = '';
  const firstLine = new Promise<string>((resolve, reject) => {
    child.stdout.on('data', (bytes: Buffer) => {
      stdout += bytes;
      if (stdout.includes('\n')) resolve(stdout.slice(0, stdout.indexOf('\n')));
    });
    child.on('exit', () => reject(new Error(`Ended early: ${stderr}`)));
  });
  firstLine.catch(() => {});
  child.stderr.on('data', (bytes: Buffer) => {
    stderr += bytes;
  });
  return { child, firstLine, stderr: () => stderr };
}

async function exitCode(child: ChildProcess): Promise<number | null> {
  if (child.exitCode === null) await once(child, 'exit');
  return child.exitCode;
}

describe('nlbports sandbox --only aws', () => {
  const settings = ['--profile', 'throttled', '--set', 'latency=1ms', '--map-network', '10.0.0.0/8=127.0.0.0/8'];
  for (const [signal, flags] of [
    ['SIGTERM', []],
    ['SIGINT', settings],
  ] as const) {
    it(`prints its endpoint when it can be used, and ends within 2 s of ${signal} with 0 (flags: ${flags.join(' ')})`, async () => {
      const { child, firstLine } = start('--only', 'aws', '--aws-port', '0', '--json', ...flags);
      const { aws } = JSON.parse(await firstLine) as { aws: { endpoint: string } };
      assert.match(aws.endpoint, /^http:\/\/127\.0\.0\.1:\d+$/);
      const body = 'Action=DescribeLoadBalancers&Version=2015-12-01';
      assert.equal((await fetch(aws.endpoint, { method: 'POST', body })).status, 403);
      const beganMs = performance.now();
      child.kill(signal);
      assert.equal(await exitCode(child), 0);
      assert.ok(performance.now() - beganMs < 2000);
    });
  }

  const bad: [string[], RegExp][] = [
    [['--only', 'aws', '--set', 'no-such=1'], /Cannot set "no-such": no such setting\. Known: /],
    [['--only', 'aws', '--profile', 'fast'], /instant, throttled, realistic/],
    [['--only', 'aws', '--map-network', '10.0.0.0/8'], /Cannot read the network map "10\.0\.0\.0\/8"/],
    [['--no-such-flag'], /unknown option/],
  ];
  for (const [flags, sentence] of bad) {
    it(`refuses ${flags.slice(-2).join(' ')} with exit code 2 and a sentence`, async () => {
      const { child, stderr } = start(...flags);
      assert.equal(await exitCode(child), 2);
      assert.match(stderr(), sentence);
    });
  }

  it('says so where the port is taken, with exit code 1', async () => {
    const server = createServer().listen(0, '127.0.0.1');
    await once(server, 'listening');
    const { port } = server.address() as { port: number };
    const { child, stderr } = start('--only', 'aws', '--aws-port', String(port));
    assert.equal(await exitCode(child), 1);
    assert.match(stderr(), /^Cannot listen on 127\.0\.0\.1:\d+: EADDRINUSE\. Choose another --aws-port/);
    server.close();
  });
});
