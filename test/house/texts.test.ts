import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { allFiles, repository } from './sources.ts';

/** Folders of one machine or one person. */
const machinePath = /(?<![\w.~$}])\/(?:root|home|Users|mnt|media)\/[\w.-]/;
/** A page or manifest that names a folder for scratch files tells of one run on one machine. */
const scratchPath = /(?<![\w.~$}])\/tmp\//;

/** Hosts of the public internet that a file may name; a package registry or a mirror is none of them. */
const publicHosts =
  /(^|\.)(amazonaws\.com|amazon\.com|apache\.org|biomejs\.dev|example\.com|github\.com|json-schema\.org|kubernetes\.io|npmjs\.(com|org)|wikipedia\.org)$/;
const ownHost = /^(localhost|\d+(\.\d+){3}|[^.]+|[^.]+(\.[^.]+)*\.(svc|internal|local|test|example))$/;

function machinePaths(path: string, text: string): string[] {
  const patterns = /\.(md|ya?ml)$/.test(path) ? [machinePath, scratchPath] : [machinePath];
  return text
    .split('\n')
    .flatMap((line, at) => (patterns.some(pattern => pattern.test(line)) ? [`${path}:${at + 1}: ${line.trim()}`] : []));
}

function strangeHosts(path: string, text: string): string[] {
  return [...text.matchAll(/https?:\/\/([a-zA-Z0-9.-]*[a-zA-Z0-9])/g)].flatMap(([, host = '']) =>
    publicHosts.test(host) || ownHost.test(host) ? [] : [`${path}: ${host}`],
  );
}

test('no file names a folder of one machine', () => {
  assert.deepEqual(
    [...allFiles()]
      .filter(([path]) => path !== 'test/house/texts.test.ts')
      .flatMap(([path, text]) => machinePaths(path, text)),
    [],
  );
});

test('folders of one machine are found', () => {
  for (const text of ['cd /media/x', '"/home/ann/x"', '(/Users/ann)', 'see /mnt/x']) {
    assert.equal(machinePaths('src/x.ts', text).length, 1, text);
  }
  assert.equal(machinePaths('docs/x.md', 'ls /tmp/x').length, 1);
  for (const text of ['~/home/x', 'a/home/b', '/homestead', './root/x', 'https://example.com/homes/x']) {
    assert.equal(machinePaths('src/x.ts', text).length, 0, text);
  }
});

test('no file names a host that is neither public nor made up', () => {
  assert.deepEqual(
    [...allFiles()].flatMap(([path, text]) => strangeHosts(path, text)),
    [],
  );
});

test('hosts of someone alone are found', () => {
  const scheme = 'https:/';
  assert.equal(strangeHosts('x', `${scheme}/npm.corp.io/x`).length, 1);
  assert.equal(strangeHosts('x', `${scheme}/packages.mirror.net`).length, 1);
  assert.equal(
    strangeHosts('x', `${scheme}/127.0.0.1:80 ${scheme}/elasticloadbalancing.us-east-1.amazonaws.com`).length,
    0,
  );
});

test('the lock file pins every package by its hash, and names no registry at all', () => {
  const lock = JSON.parse(readFileSync(join(repository, 'package-lock.json'), 'utf8')) as {
    packages: Record<string, { resolved?: string; integrity?: string; link?: boolean }>;
  };
  const bad = Object.entries(lock.packages)
    .filter(([name]) => name !== '')
    .filter(([, { resolved, integrity }]) => integrity === undefined || resolved !== undefined);
  assert.deepEqual(bad, []);
});

test('package.json pins every dependency to one version', () => {
  const manifest = JSON.parse(readFileSync(join(repository, 'package.json'), 'utf8')) as Record<string, object>;
  for (const kind of ['dependencies', 'devDependencies', 'optionalDependencies']) {
    for (const [name, version] of Object.entries(manifest[kind] ?? {})) assert.match(version, /^\d+\.\d+\.\d+$/, name);
  }
});

test('no page or comment refers to an issue by a bare number', () => {
  const found = [...allFiles()]
    .filter(([path]) => path !== 'test/house/texts.test.ts')
    .flatMap(([path, text]) => [...text.matchAll(/\bissues? #?\d+\b/gi)].map(([said]) => `${path}: ${said}`));
  assert.deepEqual(found, []);
});
