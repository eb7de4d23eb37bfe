import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, rmSync, symlinkSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import type { Archive, Platform } from '../../src/cli/plugin/archives.ts';
import { makeArchive } from '../../src/cli/plugin/make-archive.ts';
import { version } from '../../src/cli/version.ts';
import { repository as root } from '../cluster/product.ts';

const here: Platform = { os: 'linux', arch: process.arch === 'arm64' ? 'arm64' : 'amd64' };

describe('the archive of this platform', () => {
  let folder: string;
  let unpacked: string;
  let archive: Archive;
  before(async () => {
    folder = mkdtempSync(join(tmpdir(), 'nlbports-archive-'));
    unpacked = join(folder, 'unpacked');
    for (const made of [unpacked, join(folder, 'path'), join(folder, 'empty')]) mkdirSync(made);
    symlinkSync('/bin/sh', join(folder, 'path', 'sh'));
    archive = await makeArchive(root, here, folder, 1);
    execFileSync('tar', ['--extract', '--file', join(folder, archive.name), '-C', unpacked]);
  });
  after(() => rmSync(folder, { recursive: true, force: true }));

  const run = (...args: string[]) =>
    execFileSync(join(unpacked, 'bin', 'kubectl-nlbports'), args, {
      cwd: join(folder, 'empty'),
      env: { PATH: join(folder, 'path') },
      encoding: 'utf8',
    });

  test('runs from an empty folder, with nothing but a shell on the PATH', () => {
    assert.equal(run('--version').trim(), version());
  });

  test('has every command in it', () => {
    for (const command of ['audit', 'check', 'drain-pool', 'operator', 'sandbox'])
      assert.match(run(command, '--help'), /Usage: nlbports/);
  });

  test('runs through a link, as krew makes one', () => {
    const link = join(folder, 'kubectl-nlbports');
    symlinkSync(join(unpacked, 'bin', 'kubectl-nlbports'), link);
    assert.equal(execFileSync(link, ['--version'], { encoding: 'utf8' }).trim(), version());
  });

  test('holds no test and nothing for development', () => {
    const names = execFileSync('tar', ['--list', '--file', join(folder, archive.name)], { encoding: 'utf8' }).split(
      '\n',
    );
    assert.deepEqual(
      names.filter(name => /^\.\/src\/.*\.(test|bench|fixture|cluster)\.ts$/.test(name)),
      [],
    );
    assert.deepEqual(
      names.filter(name => /node_modules\/(typescript|@biomejs|fast-check)\//.test(name)),
      [],
    );
  });
});
