import assert from 'node:assert/strict';
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';

const root = join(import.meta.dirname, '..', '..');

/** Licences that allow what we do with a dependency, and ask for no more than naming it. */
const allowed = new Set([
  '0BSD',
  'Apache-2.0',
  'BSD-2-Clause',
  'BSD-3-Clause',
  'BlueOak-1.0.0',
  'ISC',
  'MIT',
  'Unlicense',
]);

interface Package {
  name: string;
  licence: string;
}

/** Packages that the lock file knows: those that are installed say their licence themselves. */
function packages(): Package[] {
  const lock = JSON.parse(readFileSync(join(root, 'package-lock.json'), 'utf8')) as {
    packages: Record<string, { license?: string }>;
  };
  return Object.entries(lock.packages)
    .filter(([path]) => path !== '')
    .map(([path, { license }]) => ({ name: path, licence: license ?? licenceOf(join(root, path)) }));
}

function licenceOf(folder: string): string {
  const file = join(folder, 'package.json');
  if (!existsSync(file)) return 'unknown';
  const { license } = JSON.parse(readFileSync(file, 'utf8')) as { license?: string };
  if (license) return license;
  const text = readdirSync(folder).find(name => /^licen[cs]e/i.test(name));
  return text && /MIT License/.test(readFileSync(join(folder, text), 'utf8')) ? 'MIT' : 'unknown';
}

/** `(MIT OR Apache-2.0)`: one that is allowed is enough; `A AND B`: all have to be. */
const isAllowed = (licence: string): boolean =>
  licence
    .replace(/[()]/g, '')
    .split(' OR ')
    .some(choice => choice.split(' AND ').every(name => allowed.has(name.trim())));

test('every dependency has a licence that we can ship under', () => {
  const found = packages();
  assert.ok(found.length > 20);
  assert.deepEqual(
    found.filter(({ licence }) => !isAllowed(licence)),
    [],
  );
});

test('a licence that asks for more is found', () => {
  for (const licence of ['GPL-3.0', 'unknown', 'MIT AND GPL-2.0', 'SSPL-1.0']) assert.ok(!isAllowed(licence), licence);
  for (const licence of ['MIT', '(MIT OR GPL-3.0)', 'MIT AND ISC']) assert.ok(isAllowed(licence), licence);
});
