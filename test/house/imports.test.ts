import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { claimsThatReachAws, deadFiles, importsOfTests, ioInPureRooms, upwardImports } from './imports.ts';
import { allFiles } from './sources.ts';

const files = allFiles();
const entryPoints = [
  'src/cli/main.ts',
  'src/cli/generate.ts',
  'src/cli/pack-plugin.ts',
  'src/simulation/seeded/main.ts',
  'src/simulation/seeded/play-worker.ts',
  'src/simulation/seeded/soak.ts',
];
const only = (path: string, source: string) => new Map([[path, source]]);

describe('imports', () => {
  test('run downward only', () => assert.deepEqual(upwardImports(files), []));

  test('that run upward or sideways are found', () => {
    const found = (path: string, source: string) => upwardImports(only(path, source)).length;
    assert.equal(found('src/kube/x.ts', "import { y } from '../api/y.ts';"), 1);
    assert.equal(found('src/core/x.ts', "import type { Y } from '../aws/y.ts';"), 1);
    assert.equal(found('src/core/x.ts', "import { y } from '../kube/y.ts';"), 1);
    assert.equal(found('src/core/x.ts', "import type { Y } from '../kube/y.ts';"), 0);
    assert.equal(found('src/aws/x.ts', "import {\n  y,\n  z,\n} from '../kube/y.ts';"), 1);
    assert.equal(found('src/sandbox/x.ts', "import { y } from '../operator/y.ts';"), 1);
    assert.equal(found('src/sandbox/demo/x.ts', "import { y } from '../../operator/y.ts';"), 0);
    assert.equal(found('src/sandbox/x.ts', "const y = await import('../cli/y.ts');"), 1);
    assert.equal(found('src/unheard-of/x.ts', "export * from '../runtime/y.ts';"), 1);
    assert.equal(found('src/operator/x.ts', "import { y } from '../controllers/y.ts';"), 0);
    assert.equal(found('src/core/x.test.ts', "import { y } from '../sandbox/y.ts';"), 0);
  });

  test('of tests are made by tests alone', () => {
    assert.deepEqual(importsOfTests(files), []);
    const both = new Map([
      ['src/core/x.ts', "import { y } from './y.fixture.ts';"],
      ['src/core/y.fixture.ts', ''],
    ]);
    assert.equal(importsOfTests(both).length, 1);
  });
});

describe('core and api', () => {
  test('do no I/O', () => assert.deepEqual(ioInPureRooms(files), []));

  test('that do I/O are found', () => {
    const found = (source: string) => ioInPureRooms(only('src/core/x.ts', source)).length;
    assert.equal(found("import { readFileSync } from 'node:fs';"), 1);
    assert.equal(found("import { request } from 'undici';"), 1);
    assert.equal(found("import { X } from '@aws-sdk/client-elastic-load-balancing-v2';"), 1);
    assert.equal(found('const home = process.env.HOME;'), 1);
    assert.equal(found('// process.env is not for us\nconst x = 1;'), 0);
    assert.equal(found("import { z } from 'zod';"), 0);
  });
});

describe('the pod controller', () => {
  test('leads to no code that calls AWS', () => {
    assert.deepEqual(claimsThatReachAws(files), []);
    const around = new Map([
      ['src/controllers/pods.ts', "import { y } from './y.ts';"],
      ['src/controllers/y.ts', "import { z } from '../aws/z.ts';"],
      ['src/aws/z.ts', ''],
    ]);
    assert.deepEqual(claimsThatReachAws(around), ['src/aws/z.ts']);
  });
});

describe('files of src', () => {
  test('are all reached from an entry point or a test', () => assert.deepEqual(deadFiles(files, entryPoints), []));

  test('that nothing leads to are found', () => {
    const some = new Map([
      ['src/cli/main.ts', "import { y } from '../core/y.ts';"],
      ['src/core/y.ts', "import type { Z } from './z.ts';"],
      ['src/core/z.ts', ''],
      ['src/core/dead.ts', ''],
    ]);
    assert.deepEqual(deadFiles(some, entryPoints), ['src/core/dead.ts']);
  });
});
