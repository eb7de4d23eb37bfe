import assert from 'node:assert/strict';
import { test } from 'node:test';
import { CodedException } from '../api/errors.ts';
import { documentedBudget, unlimitedBudget } from '../aws/documented-budget.ts';
import { compileOptions, optionsFromEnvironment, type WrittenOptions } from './options.ts';
import { environmentName, type OptionName, type OptionRow, optionsTable } from './options-table.ts';

const names = Object.keys(optionsTable) as OptionName[];

function problemOf(written: WrittenOptions): string {
  try {
    compileOptions(written);
  } catch (error) {
    assert.ok(error instanceof CodedException);
    assert.equal(error.coded.reason, 'InvalidOption');
    return error.coded.message;
  }
  return 'none';
}

test('compileOptions() needs nothing to be written', () => {
  const options = compileOptions({});
  assert.equal(options.namespace, 'nlbports-system');
  assert.equal(options.leaderElect, true);
  assert.equal(options.leaseDurationMs, 12_000);
  assert.deepEqual(options.http, { host: undefined, port: 8080 });
  assert.deepEqual(options.watchNamespaces, []);
  assert.deepEqual(options.awsBudget, documentedBudget);
  assert.equal(options.healthFirstLookMs, 60_000);
  assert.equal(options.listenersPerLoadBalancer, 50);
});

test('compileOptions() gives an endpoint that does not throttle no budget and an early look', () => {
  const options = compileOptions({ 'aws-budget': 'none' });
  assert.deepEqual(options.awsBudget, unlimitedBudget);
  assert.equal(options.healthFirstLookMs, 1_000);
  assert.equal(compileOptions({ 'aws-budget': 'none', 'health-first-look': '5s' }).healthFirstLookMs, 5_000);
});

test('compileOptions() reads addresses of every form', () => {
  const addressOf = (text: string) => compileOptions({ 'http-address': text }).http;
  assert.deepEqual(addressOf('127.0.0.1:8080'), { host: '127.0.0.1', port: 8080 });
  assert.deepEqual(addressOf('[::1]:8080'), { host: '::1', port: 8080 });
  assert.deepEqual(addressOf('localhost:0'), { host: 'localhost', port: 0 });
  for (const text of ['8080', '127.0.0.1', '127.0.0.1:65536', '::1:8080', '127.0.0.1:', 'a:b:1', '']) {
    assert.match(problemOf({ 'http-address': text }), /--http-address/, text);
  }
});

test('compileOptions() splits lists and leaves empty entries out', () => {
  assert.deepEqual(compileOptions({ 'watch-namespaces': ' a, b ,,' }).watchNamespaces, ['a', 'b']);
});

test('compileOptions() reads raised AWS rates, and refuses such as would never let a call go', () => {
  const { awsBudget } = compileOptions({ 'aws-register-rate': '100/20.5' });
  assert.deepEqual(awsBudget.register, { burst: 100, perSecond: 20.5 });
  assert.deepEqual(awsBudget.mutate, documentedBudget.mutate);
  for (const text of ['20', '20/', '/4', '20/0', '0/4', '-20/4', '20/4/1', 'a/b', '1e3/4']) {
    assert.match(problemOf({ 'aws-register-rate': text }), /--aws-register-rate/, text);
  }
});

test('compileOptions() names the option, what was written and what was wanted', () => {
  assert.equal(
    problemOf({ 'lease-duration': 'soon' }),
    'NLBP-5001: Cannot use --lease-duration: "soon", wanted a duration such as 30s or 5m',
  );
  assert.match(problemOf({ 'lease-duration': '1s' }), /wanted at least 3000 ms/);
  assert.match(problemOf({ 'leader-elect': 'yes' }), /wanted true or false/);
  assert.match(problemOf({ 'aws-budget': 'free' }), /wanted one of documented, none/);
  assert.match(problemOf({ 'pod-workers': '0' }), /wanted a whole number of at least 1/);
  assert.match(problemOf({ 'pod-workers': '1.5' }), /wanted a whole number/);
  assert.match(problemOf({ 'log-level': 'loud' }), /wanted one of debug, info, warn, error/);
});

test('every default is a value that its own option accepts', () => {
  for (const name of names) {
    const row: OptionRow = optionsTable[name];
    if (row.default !== undefined) assert.equal(problemOf({ [name]: row.default }), 'none', name);
  }
});

test('every option can be set by an environment variable of its own, and an empty one is not set', () => {
  const variables = names.map(environmentName);
  assert.equal(new Set(variables).size, names.length);
  for (const variable of variables) assert.match(variable, /^NLBPORTS_[A-Z0-9_]+$/);
  assert.deepEqual(optionsFromEnvironment({ NLBPORTS_LEADER_ELECT: 'false', NLBPORTS_CONTEXT: '', OTHER: 'x' }), {
    'leader-elect': 'false',
  });
});

test('every option says what it is for', () => {
  for (const name of names) assert.match(optionsTable[name].description, /\.$/, name);
});

test('compileOptions() refuses names that no namespace can have, a list of nothing, and an id that is no tag', () => {
  for (const written of [
    { 'watch-namespaces': ',' },
    { 'watch-namespaces': 'games,Foo/bar' },
    { namespace: 'Bad_Name' },
    { 'cluster-id': 'x'.repeat(300) },
    { 'cluster-id': 'a"b' },
  ]) {
    assert.throws(() => compileOptions(written), /NLBP-5001/, JSON.stringify(written));
  }
});
