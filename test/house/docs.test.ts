import assert from 'node:assert/strict';
import { existsSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { test } from 'node:test';
import { callClasses } from '../../src/aws/documented-budget.ts';
import { generatedFiles } from '../../src/cli/generate/generated-files.ts';
import { targetGroupSettings } from '../../src/core/target-group-settings.ts';
import { environmentName, type OptionName, optionsTable } from '../../src/operator/options-table.ts';
import { allFiles, repository } from './sources.ts';

const files = allFiles();
const pages = [...files].filter(([path]) => path.endsWith('.md'));
const textOf = (path: string) => files.get(path) ?? '';
const scripts: Record<string, string> = JSON.parse(textOf('package.json')).scripts;

test('every generated file is as the sources have it', () => {
  const stale = Object.entries(generatedFiles(repository)).filter(([path, content]) => textOf(path) !== content);
  assert.deepEqual(
    stale.map(([path]) => path),
    [],
    'Run "npm run generate".',
  );
});

test('every option has its row in docs/options.md, with its variable', () => {
  const rows = textOf('docs/options.md').split('\n');
  for (const name of Object.keys(optionsTable) as OptionName[]) {
    assert.equal(
      rows.filter(row => row.startsWith(`| \`--${name}\` | \`${environmentName(name)}\` |`)).length,
      1,
      name,
    );
  }
});

test('every option that a page names exists', () => {
  const known = new Set([...Object.keys(optionsTable).map(name => `--${name}`), ...optionsOfTheSandbox()]);
  const unknown = [...commandsOf(/(?:bin\/)?nlbports (?:operator|sandbox)\b[^\n`]*/g)].flatMap(({ path, text }) =>
    [...text.matchAll(/--[a-z][a-z-]*/g)].flatMap(([flag]) => (known.has(flag) ? [] : [`${path}: ${flag}`])),
  );
  assert.deepEqual(unknown, []);
});

test('every npm script that a page names is in package.json', () => {
  const named = [...commandsOf(/npm (?:run ([\w:]+)|(test)\b)/g)];
  assert.ok(named.some(({ path }) => path === 'README.md'));
  const missing = named.flatMap(({ path, groups: [script, short] }) => {
    const name = script ?? short ?? '';
    return name in scripts ? [] : [`${path}: npm run ${name}`];
  });
  assert.deepEqual(missing, []);
});

test('README.md tells the test command under a heading of its own', () => {
  assert.match(textOf('README.md'), /^## The test command\n[\s\S]{0,200}npm test/m);
});

test('every link of a page leads to a file or a heading that is there', () => {
  const broken = pages.flatMap(([path, text]) =>
    [...text.matchAll(/\]\((?!https?:)([^)#\s]*)(?:#([^)\s]+))?\)/g)].flatMap(([link, to = '', anchor]) => {
      const target = to === '' ? path : join(dirname(path), to);
      const there = existsSync(join(repository, target));
      const found = anchor === undefined || headingsOf(textOf(target)).includes(anchor);
      return there && found ? [] : [`${path}: ${link}`];
    }),
  );
  assert.deepEqual(broken, []);
});

test('every path of the repository that a page names is there', () => {
  const named = pages.flatMap(([path, text]) =>
    [...text.matchAll(/`((?:src|test|docs|deploy|examples|bin)\/[\w./-]*[\w/])`/g)].map(([, to = '']) => ({
      path,
      to,
    })),
  );
  assert.ok(named.length > 20);
  assert.deepEqual(
    named.filter(({ to }) => !existsSync(join(repository, to))),
    [],
  );
});

test('the shipped IAM policy allows the calls that are made, AddTags for tags at the making, and no other', () => {
  const policy = JSON.parse(textOf('deploy/iam/policy.json')) as {
    Statement: { Effect: string; Action: string[]; Resource: string | string[]; Condition?: object }[];
  };
  const actions = policy.Statement.flatMap(({ Action }) =>
    Action.map(action => action.replace(/^elasticloadbalancing:/, '')),
  );
  assert.deepEqual(actions.toSorted(), [...Object.keys(callClasses), 'AddTags'].toSorted());
  for (const { Effect, Action, Condition } of policy.Statement) {
    assert.equal(Effect, 'Allow');
    // Whatever changes something is bound to the tag of this cluster.
    if (!Action.every(action => action.includes(':Describe'))) {
      assert.match(JSON.stringify(Condition), /aws:(Request|Resource)Tag\/nlbports\.dev\/cluster/);
    }
  }
});

test('docs/aws.md names every call that is made', () => {
  const calls = /## Calls\n([\s\S]*?)\n## /.exec(textOf('docs/aws.md'))?.[1] ?? '';
  const missing = Object.keys(callClasses).filter(action => !new RegExp(`\\b${action}\\b`).test(calls));
  assert.deepEqual(missing, []);
});

test('docs/aws.md explains every attribute that is written, and no other', () => {
  const { attributes } = targetGroupSettings({
    protocol: 'TCP',
    healthCheck: { protocol: 'TCP', port: 'traffic-port', interval: '10s', healthyThreshold: 2 },
    targets: { deregistrationDelay: '30s', preserveClientIP: false, proxyProtocolV2: false },
  });
  const section = /## Attributes\n([\s\S]*?)\n## /.exec(textOf('docs/aws.md'))?.[1] ?? '';
  const explained = [...section.matchAll(/^\| `([^`]+)`/gm)].map(([, name]) => name);
  assert.deepEqual(explained.toSorted(), Object.keys(attributes).toSorted());
});

test('every decision has its date and status', () => {
  const decisions = pages.filter(([path]) => /^docs\/decisions\/[0-9]{4}-[a-z0-9-]+\.md$/.test(path));
  assert.ok(decisions.length > 10);
  for (const [path, text] of decisions) {
    assert.match(text, /^# .+\n\n20\d\d-\d\d-\d\d · (accepted|proposed|replaced by \[.+\])(; .+)?\n/, path);
  }
});

function* commandsOf(pattern: RegExp): Generator<{ path: string; text: string; groups: (string | undefined)[] }> {
  for (const [path, page] of pages) {
    for (const [text, ...groups] of page.matchAll(pattern)) yield { path, text, groups };
  }
}

function optionsOfTheSandbox(): string[] {
  return [...textOf('src/cli/sandbox.ts').matchAll(/'(--[a-z-]+)/g)].map(([, flag = '']) => flag);
}

/** Anchors as GitHub makes them of headings. */
function headingsOf(markdown: string): string[] {
  return [...markdown.matchAll(/^#+ (.+)$/gm)].map(([, title = '']) =>
    title
      .toLowerCase()
      .replace(/[^\w\- ]/g, '')
      .replaceAll(' ', '-'),
  );
}
