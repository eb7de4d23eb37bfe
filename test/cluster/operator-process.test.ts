import assert from 'node:assert/strict';
import { chmodSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import { type OperatorProcess, type OperatorProcessOptions, startOperator } from './operator-process.ts';

describe('startOperator()', () => {
  let folder: string;
  let standIn: string;
  before(() => {
    folder = mkdtempSync(join(tmpdir(), 'nlbports-stand-in-'));
    standIn = join(folder, 'stand-in.mjs');
    writeFileSync(standIn, standInProgram());
    chmodSync(standIn, 0o755);
  });
  after(() => rmSync(folder, { recursive: true }));

  test('waits until it is ready, and reads its metrics and its log', async () => {
    await using(async start => {
      const operator = await start({ args: ['--leader-elect=false'] });
      await operator.waitReady(10_000);
      assert.deepEqual(await operator.metrics(), [{ name: 'up', labels: {}, value: 1 }]);
      const [line] = operator.logLines();
      assert.deepEqual(line?.args, [
        'operator',
        '--kubeconfig=/k',
        `--http-address=${operator.url.slice(7)}`,
        '--leader-elect=false',
      ]);
      assert.equal(line?.endpoint, 'http://127.0.0.1:1');
    });
  });

  test('tells a clean end after SIGTERM from one by kill -9', async () => {
    await using(async start => {
      const first = await start({});
      await first.waitReady(10_000);
      const ended = await first.terminate(10_000);
      assert.deepEqual([ended.code, ended.signal], [0, null]);
      assert.ok(ended.tookMs < 10_000);

      const second = await start({});
      await second.waitReady(10_000);
      await second.kill();
      assert.deepEqual(await second.process.ended, { code: null, signal: 'SIGKILL' });
    });
  });

  test('kills one that does not end after SIGTERM', async () => {
    await using(async start => {
      const operator = await start({ env: { STAND_IN: 'deaf' } });
      await operator.waitReady(10_000);
      assert.equal((await operator.terminate(300)).signal, 'SIGKILL');
    });
  });

  test('waitReady() fails with the log of one that is not ready or has ended', async () => {
    await using(async start => {
      const unready = await start({ env: { STAND_IN: 'unready' } });
      await assert.rejects(unready.waitReady(300), /\/readyz answered 503 pods not synced[\s\S]*"args"/);
      const ended = await start({ env: { STAND_IN: 'ends' } });
      await assert.rejects(ended.waitReady(), /has ended\.\nno such pool/);
    });
  });

  test('takes another port when someone else got there first', async () => {
    await using(async start => {
      const operator = await start({ env: { STAND_IN: 'taken-once', STAND_IN_MARK: join(folder, 'mark') } });
      await operator.waitReady(10_000);
      assert.match(operator.process.log(), /EADDRINUSE/);
    });
  });

  async function using(
    body: (start: (options: Partial<OperatorProcessOptions>) => Promise<OperatorProcess>) => Promise<void>,
  ): Promise<void> {
    const started: OperatorProcess[] = [];
    let count = 0;
    try {
      await body(async options => {
        const logFile = join(folder, `operator-${count++}-${Object.values(options.env ?? {})[0] ?? ''}.log`);
        const operator = await startOperator({
          kubeconfig: '/k',
          awsEndpoint: 'http://127.0.0.1:1',
          command: standIn,
          logFile,
          ...options,
        });
        started.push(operator);
        return operator;
      });
    } finally {
      for (const operator of started) await operator.stop();
    }
  }
});

/** Answers as the operator does, in ways that a test asks for by STAND_IN. */
function standInProgram(): string {
  return `#!${process.execPath}
import { existsSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:http';
const how = process.env.STAND_IN;
if (how === 'ends') { console.error('no such pool'); process.exit(1); }
if (how === 'taken-once' && !existsSync(process.env.STAND_IN_MARK)) {
  writeFileSync(process.env.STAND_IN_MARK, '');
  console.error('listen EADDRINUSE: address already in use');
  process.exit(1);
}
const args = process.argv.slice(2);
console.log(JSON.stringify({ args, endpoint: process.env.AWS_ENDPOINT_URL_ELASTIC_LOAD_BALANCING_V2 }));
process.on('SIGTERM', () => { if (how !== 'deaf') process.exit(0); });
const [host, port] = args.find(arg => arg.startsWith('--http-address=')).slice(15).split(':');
createServer((request, response) => {
  if (request.url === '/metrics') return response.end('up 1\\n');
  if (request.url === '/readyz' && how === 'unready') { response.statusCode = 503; return response.end('pods not synced'); }
  response.end('ok');
}).listen(Number(port), host);
`;
}
