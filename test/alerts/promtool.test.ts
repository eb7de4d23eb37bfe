import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { join } from 'node:path';
import { before, describe, test } from 'node:test';
import { promisify } from 'node:util';
import { prometheusBinaries } from './prometheus-binaries.ts';

const folder = join(import.meta.dirname, '..', '..', 'deploy', 'alerts');

describe('promtool', () => {
  let promtool: string;
  before(async () => {
    ({ promtool } = await prometheusBinaries());
  });
  /** What it printed; it ends with an error where a rule or a case is wrong. */
  const run = async (...args: string[]) => (await promisify(execFile)(promtool, args, { cwd: folder })).stdout;

  test('finds no fault with the rules, and sees as many as there are', async () => {
    assert.match(
      await run('check', 'rules', '--lint=all', '--lint-fatal', 'nlbports.rules.yaml'),
      /SUCCESS: \d+ rules/,
    );
  });

  test('plays every case of the rules: alerts fire when they should, and are silent when they should be', async () => {
    assert.match(await run('test', 'rules', 'nlbports.test.yaml'), /SUCCESS/);
  });
});
