import assert from 'node:assert/strict';
import { type ChildProcess, spawn } from 'node:child_process';
import { createSocket } from 'node:dgram';
import { once } from 'node:events';
import { existsSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { finished } from 'node:stream/promises';
import { describe, it } from 'node:test';
import { setTimeout as delay } from 'node:timers/promises';
import { systemClock } from '../runtime/clock.ts';
import { signatureHeaders } from '../sandbox/elbv2/test-client.ts';

// The command by itself: the other commands have their own tests.
const program = `
  import { Command } from 'commander';
  import { sandboxCommand } from ${JSON.stringify(new URL('./sandbox.ts', import.meta.url).href)};
  await new Command().addCommand(sandboxCommand()).parseAsync(process.argv.slice(1), { from: 'user' });
`;

/** Flags for a whole sandbox on ports of its own; free addresses it finds by itself. */
const apart = ['--kubernetes-port', '0', '--aws-port', '0'];

/** Starts the command; `firstLine` resolves with its first line on stdout. */
function start(...flags: string[]) {
  const child = spawn(process.execPath, ['--input-type=module', '-e', program, '--', 'sandbox', ...flags], {
    cwd: new URL('../..', import.meta.url),
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  let stdout = '';
  let stderr = '';
  /** The first line on stdout that fits. */
  const line = (fits: (line: string) => boolean) =>
    new Promise<string>((resolve, reject) => {
      const look = () => {
        const found = stdout.split('\n').slice(0, -1).find(fits);
        if (found !== undefined) resolve(found);
      };
      child.stdout.on('data', look);
      child.on('exit', () => reject(new Error(`Ended early: ${stderr}`)));
      look();
    });
  child.stdout.on('data', (bytes: Buffer) => {
    stdout += bytes;
  });
  const firstLine = line(() => true);
  firstLine.catch(() => {});
  child.stderr.on('data', (bytes: Buffer) => {
    stderr += bytes;
  });
  return { child, firstLine, line, stdout: () => stdout, stderr: () => stderr };
}

async function exitCode(child: ChildProcess): Promise<number | null> {
  if (child.exitCode === null) await once(child, 'exit');
  // What the process wrote last may arrive after it is gone.
  for (const stream of [child.stdout, child.stderr]) if (stream) await finished(stream).catch(() => {});
  return child.exitCode;
}

describe('nlbports sandbox --only aws', { concurrency: 4 }, () => {
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

  it('draws the same ids and delays for the same seed', async () => {
    const ask = async (seed: string) => {
      const { child, firstLine } = start('--only', 'aws', '--aws-port', '0', '--json', '--seed', seed);
      const { aws } = JSON.parse(await firstLine) as { aws: { endpoint: string } };
      const body = 'Version=2015-12-01&Action=CreateLoadBalancer&Name=a&Type=network&Subnets.member.1=subnet-1';
      const answer = await fetch(aws.endpoint, {
        method: 'POST',
        headers: signatureHeaders(systemClock().nowMs()),
        body,
      });
      const arn = /<LoadBalancerArn>(.+)<\/LoadBalancerArn>/.exec(await answer.text())?.[1];
      child.kill();
      await exitCode(child);
      return arn;
    };
    const [one, again, other] = await Promise.all(['7', '7', '8'].map(ask));
    assert.match(one!, /^arn:aws:/);
    assert.equal(one, again);
    assert.notEqual(one, other);
  });

  const bad: [string[], RegExp][] = [
    [['--only', 'aws', '--set', 'no-such=1'], /Cannot set "no-such": no such setting\. Known: /],
    [['--only', 'aws', '--profile', 'fast'], /instant, throttled, realistic/],
    [['--only', 'aws', '--map-network', '10.0.0.0/8'], /Cannot read the network map "10\.0\.0\.0\/8"/],
    [['--no-such-flag'], /unknown option/],
    [['--seed', 'x'], /Wanted a number below/],
    [['--set', 'no-such=1'], /Cannot set "no-such": no such setting/],
    [['--only', 'kubernetes', '--exit'], /Cannot use --exit with --only/],
    [['--step-timeout', 'soon'], /Wanted a duration such as 30s/],
    [[...apart, '--kubeconfig-out', '/no/such/folder/file'], /^NLBP-5001: Cannot write --kubeconfig-out: .*ENOENT/],
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
    await Promise.all(
      [
        ['--only', 'aws', '--aws-port', String(port)],
        ['--only', 'kubernetes', '--kubernetes-port', String(port)],
        [...apart, '--aws-port', String(port)],
        [...apart, '--kubernetes-port', String(port)],
      ].map(async flags => {
        const flag = flags.findLast(text => text.endsWith('-port'))!;
        const { child, stderr } = start(...flags);
        assert.equal(await exitCode(child), 1);
        assert.match(stderr(), new RegExp(`^NLBP-5003: Cannot listen on 127\\.0\\.0\\.1:${port}: EADDRINUSE.*${flag}`));
      }),
    );
    server.close();
  });
});

describe('nlbports sandbox --only kubernetes', { concurrency: true }, () => {
  it('serves an API with our definitions and no objects of ours, where pods stay Pending', async () => {
    const folder = mkdtempSync(join(tmpdir(), 'nlbports-test-'));
    const file = join(folder, 'config');
    const flags = ['--only', 'kubernetes', '--kubernetes-port', '0', '--kubeconfig-out', file, '--json'];
    const { child, firstLine } = start(...flags);
    const { kubernetes } = JSON.parse(await firstLine) as { kubernetes: { url: string; kubeconfig: string } };
    assert.equal(kubernetes.kubeconfig, file);
    assert.ok(readFileSync(file, 'utf8').includes(`server: ${kubernetes.url}\n`));
    const ask = async (path: string, body?: object) => {
      const headers = { 'content-type': 'application/json' };
      const request = body ? { method: 'POST', headers, body: JSON.stringify(body) } : {};
      return (await (await fetch(kubernetes.url + path, request)).json()) as {
        items: { metadata: { name: string } }[];
        status: { phase: string };
      };
    };
    const crds = await ask('/apis/apiextensions.k8s.io/v1/customresourcedefinitions');
    const names = crds.items.map(({ metadata }) => metadata.name);
    assert.deepEqual(names, ['nlbportpools.nlbports.dev', 'nlbports.nlbports.dev']);
    for (const kind of ['nlbports', 'nlbportpools']) {
      assert.deepEqual((await ask(`/apis/nlbports.dev/v1alpha1/${kind}`)).items, []);
    }
    assert.deepEqual((await ask('/api/v1/nodes')).items, []);
    const pods = '/api/v1/namespaces/default/pods';
    const spec = { containers: [{ name: 'a', image: 'a' }] };
    await ask(pods, { apiVersion: 'v1', kind: 'Pod', metadata: { name: 'mine' }, spec });
    // Long enough for a kubelet to start it, where there was one.
    await delay(500);
    assert.equal((await ask(`${pods}/mine`)).status.phase, 'Pending');
    const beganMs = performance.now();
    child.kill('SIGTERM');
    assert.equal(await exitCode(child), 0);
    assert.ok(performance.now() - beganMs < 2000);
    assert.ok(existsSync(file));
    rmSync(folder, { recursive: true });
  });

  it('prints one line, and takes its temporary kubeconfig away', async () => {
    const { child, firstLine, stdout } = start('--only', 'kubernetes', '--kubernetes-port', '0');
    const line = await firstLine;
    const kubeconfig = /^Kubernetes API: http:\/\/127\.0\.0\.1:\d+ \(kubeconfig: (.+)\)$/.exec(line)?.[1];
    assert.ok(kubeconfig !== undefined && existsSync(kubeconfig));
    child.kill('SIGINT');
    assert.equal(await exitCode(child), 0);
    assert.equal(existsSync(kubeconfig), false);
    assert.equal(stdout(), `${line}\n`);
  });
});

describe('nlbports sandbox', { concurrency: true }, () => {
  it('exits with 1 and names what failed where AWS is broken on purpose, one JSON object on each line', async () => {
    const broken = ['--set', 'deny=RegisterTargets', '--step-timeout', '2s'];
    const { child, stdout } = start('--exit', '--json', ...apart, ...broken);
    assert.equal(await exitCode(child), 1);
    const events = stdout()
      .trimEnd()
      .split('\n')
      .map(line => JSON.parse(line) as { type: string; name?: unknown; ok?: unknown; detail?: unknown });
    assert.equal(events[0]?.type, 'ready');
    const checks = events.filter(({ type }) => type === 'check');
    assert.ok(checks.length > 10);
    for (const { name, ok, detail } of checks) {
      assert.deepEqual([typeof name, typeof ok, typeof detail], ['string', 'boolean', 'string']);
    }
    const summary = events.at(-1) as unknown as { type: string; ok: boolean; failed: string[] };
    assert.equal(summary.type, 'summary');
    assert.equal(summary.ok, false);
    assert.deepEqual(
      summary.failed,
      checks.filter(({ ok }) => !ok).map(({ name }) => name),
    );
    assert.ok(summary.failed.includes('each of the three answers by UDP on its port'));
  });

  it('ends within 2 s of a signal in the middle of the story: a person with 0, a script with 1', async () => {
    for (const [flags, code] of [
      [[], 0],
      [['--exit'], 1],
    ] as const) {
      const { child, line } = start(...flags, ...apart);
      await line(text => text.startsWith('1/'));
      const beganMs = performance.now();
      child.kill('SIGTERM');
      assert.equal(await exitCode(child), code);
      assert.ok(performance.now() - beganMs < 2000);
    }
  });

  it("stays without --exit, runs people's own pods, and ends within 2 s of a signal with 0", async () => {
    const { child, line } = start('--no-story', '--json', ...apart);
    const { kubernetes, pools } = JSON.parse(await line(text => text.includes('"staying"'))) as {
      kubernetes: { url: string };
      pools: string[];
    };
    assert.deepEqual(pools, ['game', 'web']);
    const pod = {
      apiVersion: 'v1',
      kind: 'Pod',
      metadata: {
        name: 'mine',
        labels: { 'nlbports.dev/pool': 'game' },
        annotations: { 'nlbports.dev/ports': '7777/UDP' },
      },
      spec: { containers: [{ name: 'a', image: 'a' }] },
    };
    await fetch(`${kubernetes.url}/api/v1/namespaces/default/pods`, {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify(pod),
    });
    const row = await line(text => text.includes('"mine"') && text.includes('"Healthy"'));
    const { endpoint } = JSON.parse(row) as { endpoint: string };
    assert.equal(await askUdp(endpoint), 'mine');
    const beganMs = performance.now();
    child.kill('SIGINT');
    assert.equal(await exitCode(child), 0);
    assert.ok(performance.now() - beganMs < 2000);
  });
});

/** Who answers a datagram. */
async function askUdp(endpoint: string): Promise<string> {
  const [host = '', port = ''] = endpoint.split(':');
  const socket = createSocket('udp4');
  socket.send('hello', Number(port), host);
  const [message] = (await once(socket, 'message', { signal: AbortSignal.timeout(5_000) })) as [Buffer];
  socket.close();
  return message.toString();
}
