import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { createInterface } from 'node:readline';
import { after, describe, test } from 'node:test';
import { clientEnvironment, startEmulator } from './emulated-account.ts';
import { pythonClients } from './python-clients.ts';

const { python } = await pythonClients();
const emulator = await startEmulator();
// One Python for all cases: loading boto3 takes longer than most of them.
const runner = spawn(python, ['-m', 'boto3_cases'], {
  cwd: import.meta.dirname,
  env: clientEnvironment(emulator.url, 'any'),
  stdio: ['pipe', 'pipe', 'inherit'],
});
const lines = createInterface({ input: runner.stdout })[Symbol.asyncIterator]();
const cases = (await nextLine()) as { title: string; page: string }[];

describe('boto3 on the emulator', { timeout: 300_000 }, () => {
  after(async () => {
    runner.stdin.end();
    if (runner.exitCode === null) await once(runner, 'close');
    await emulator.close();
  });
  for (const [index, { title, page }] of cases.entries()) {
    test(`${title} (${page})`, async () => {
      runner.stdin.write(`${index}\n`);
      const { problem } = (await nextLine()) as { problem: string | null };
      if (problem !== null) assert.fail(problem);
    });
  }
});

async function nextLine(): Promise<unknown> {
  const { value, done } = await lines.next();
  assert.ok(!done, 'Python ended before its last case');
  return JSON.parse(value as string);
}
