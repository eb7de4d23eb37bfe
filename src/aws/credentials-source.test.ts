import assert from 'node:assert/strict';
import { test } from 'node:test';
import { virtualClock } from '../runtime/virtual-clock.ts';
import { createCredentialsSource } from './credentials-source.ts';

const found = { accessKeyId: 'AKIAEXAMPLE', secretAccessKey: 'secret' };

test('createCredentialsSource() lets callers share one search, and gives up in bounded time', async () => {
  const clock = virtualClock();
  let searches = 0;
  const source = createCredentialsSource({
    clock,
    find: () => {
      searches += 1;
      return new Promise(() => {});
    },
  });
  const failures: string[] = [];
  for (let i = 0; i < 3; i++) source().catch(error => failures.push(error.name));
  await clock.advance(3999);
  assert.equal(failures.length, 0);
  await clock.advance(1);
  assert.deepEqual(failures, Array(3).fill('CredentialsProviderError'));
  assert.equal(searches, 1);
});

test('createCredentialsSource() remembers a failure for a moment only', async () => {
  const clock = virtualClock();
  let searches = 0;
  const source = createCredentialsSource({
    clock,
    find: async () => {
      searches += 1;
      if (searches === 1) throw new Error('none yet');
      return found;
    },
  });
  await assert.rejects(source(), /none yet/);
  await assert.rejects(source(), /none yet/);
  assert.equal(searches, 1);
  await clock.advance(2000);
  assert.equal(await source(), found);
  assert.equal(clock.pending, 0);
});

test('createCredentialsSource() asks again each time, for credentials are renewed', async () => {
  const clock = virtualClock();
  let searches = 0;
  const source = createCredentialsSource({ clock, find: async () => ({ ...found, accessKeyId: `key-${++searches}` }) });
  assert.equal((await source()).accessKeyId, 'key-1');
  assert.equal((await source()).accessKeyId, 'key-2');
});
