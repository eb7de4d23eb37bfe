import { spawn } from 'node:child_process';

/**
 * `node test/in-halves.ts FILES…`: runs the tests of half of the files in one process and of the rest in another, as a
 * single one leaves the second core idle. What the second prints comes after what the first prints. Ends with 1 where
 * either of them fails.
 */
const files = process.argv.slice(2);

const half = (shard: number) =>
  spawn(process.execPath, ['--test', '--test-isolation=none', `--test-shard=${shard}/2`, ...files], {
    stdio: ['ignore', shard === 1 ? 'inherit' : 'pipe', 'inherit'],
    env: { ...process.env, ...(process.stdout.isTTY ? { FORCE_COLOR: '1' } : {}) },
  });
const ended = (child: ReturnType<typeof half>) =>
  new Promise<boolean>(done => child.once('close', code => done(code === 0)));

const [first, second] = [half(1), half(2)];
const printed: Buffer[] = [];
second.stdout?.on('data', (bytes: Buffer) => printed.push(bytes));
const outcomes = await Promise.all([ended(first), ended(second)]);
process.stdout.write(Buffer.concat(printed));
process.exitCode = outcomes.every(Boolean) ? 0 : 1;
