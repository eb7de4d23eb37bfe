import assert from 'node:assert/strict';
import { existsSync, mkdtempSync, readFileSync, rmSync, statSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { describe, it } from 'node:test';
import { CodedException } from '../../api/errors.ts';
import { writeKubeconfig } from './kubeconfig-file.ts';

describe('writeKubeconfig()', () => {
  it('takes its own folder away again', () => {
    const file = writeKubeconfig('http://127.0.0.1:1', undefined);
    assert.match(readFileSync(file.path, 'utf8'), /server: http:\/\/127\.0\.0\.1:1\n/);
    file.remove();
    assert.equal(existsSync(dirname(file.path)), false);
  });

  it('leaves a file that someone asked for, readable for its owner alone', () => {
    const folder = mkdtempSync(join(tmpdir(), 'nlbports-test-'));
    const file = writeKubeconfig('http://127.0.0.1:1', join(folder, 'config'));
    file.remove();
    assert.equal(statSync(file.path).mode & 0o777, 0o600);
    rmSync(folder, { recursive: true });
  });

  it('says which file can not be written', () => {
    const wanted = join(tmpdir(), 'no-such-folder', 'config');
    assert.throws(
      () => writeKubeconfig('http://127.0.0.1:1', wanted),
      (error: unknown) => error instanceof CodedException && /NLBP-5001: .*ENOENT/.test(error.message),
    );
  });
});
