import assert from 'node:assert/strict';
import { test } from 'node:test';
import { manyRooms } from './many-rooms.ts';

test('60 rooms on two load balancers are made, moved and ended, and the same seed gives the same trace', async () => {
  const first = await manyRooms(3, 60);
  assert.deepEqual(await manyRooms(3, 60), first);
});
