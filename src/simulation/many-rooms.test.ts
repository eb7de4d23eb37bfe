import assert from 'node:assert/strict';
import { test } from 'node:test';
import { manyRooms } from './many-rooms.ts';

test('120 rooms on three load balancers are made, moved and ended, and the same seed gives the same trace', async () => {
  const first = await manyRooms(3, 120);
  assert.deepEqual(await manyRooms(3, 120), first);
});
