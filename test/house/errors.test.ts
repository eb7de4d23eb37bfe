import assert from 'node:assert/strict';
import { test } from 'node:test';
import { errorTable } from '../../src/api/errors.ts';
import { allFiles } from './sources.ts';

const files = allFiles();
const page = files.get('docs/errors.md') ?? '';
const rows = Object.entries(errorTable);

/** The sections of the page, `NLBP-1001 PoolNotFound`, in its order. */
const sectionsOf = (markdown: string) => [...markdown.matchAll(/^## (.+)$/gm)].map(([, title]) => title);

test('docs/errors.md has one section for every error, in the order of the codes, and no other', () => {
  const wanted = rows.map(([name, { code }]) => `${code} ${name}`).toSorted();
  assert.deepEqual(sectionsOf(page), wanted);
});

test('every section says what happened and what to do', () => {
  const bodies = page.split(/^## .+$/m).slice(1);
  assert.equal(bodies.length, rows.length);
  for (const [at, body] of bodies.entries()) {
    const [happened = '', ...rest] = body.trim().split('\n\n');
    assert.ok(happened.length > 20 && rest.some(part => part.startsWith('What to do: ')), sectionsOf(page)[at]);
  }
});

test('every code is NLBP and four digits, and belongs to one error', () => {
  const codes = rows.map(([, { code }]) => code);
  for (const code of codes) assert.match(code, /^NLBP-[1-9][0-9]{3}$/);
  assert.deepEqual([...new Set(codes)].toSorted(), codes.toSorted());
});

test('every name is CamelCase, and every summary one sentence', () => {
  for (const [name, { summary }] of rows) {
    assert.match(name, /^([A-Z][a-z0-9]*)+$/);
    assert.match(summary, /^[A-Z].*\.$/);
  }
});

test('every code that a source or a page names is in the table, beside its own name', () => {
  const codes = new Set<string>(rows.map(([, { code }]) => code));
  const unknown = [...files]
    .filter(([path]) => /^(src|docs|README|CONTRIBUTING|examples)/.test(path))
    .flatMap(([path, text]) => [...text.matchAll(/NLBP-[0-9]+/g)].map(([code]) => ({ path, code })))
    .filter(({ code }) => !codes.has(code));
  assert.deepEqual(unknown, []);

  const names = new Map(rows.map(([name, { code }]) => [code as string, name.toLowerCase()]));
  const links = [...files].flatMap(([path, text]) =>
    [...text.matchAll(/errors\.md#(nlbp-[0-9]+)-([a-z0-9]+)/g)].map(([link, code = '', name]) => ({
      path,
      link,
      right: names.get(code.toUpperCase()) === name,
    })),
  );
  assert.ok(links.length > 0);
  assert.deepEqual(
    links.filter(({ right }) => !right),
    [],
  );
});
