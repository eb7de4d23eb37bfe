import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { createPaint } from './paint.ts';
import { pictureLines } from './picture.ts';
import type { RoomRow } from './room-rows.ts';

const paint = createPaint(false);
const row = (number: number, extra: Partial<RoomRow> = {}): RoomRow => ({
  room: `room-${number}`,
  pool: 'game',
  loadBalancer: 'game-1',
  port: 30000 + number,
  endpoint: `127.64.0.1:${30000 + number}`,
  targetGroup: 'nlbp-1-2',
  target: `10.0.1.${number}:7777`,
  state: 'Healthy',
  message: '',
  ...extra,
});

describe('pictureLines()', () => {
  it('shows the way from pod to pod IP:port', () => {
    assert.match(
      pictureLines([row(1)], paint)[1]!,
      /^ {2}room-1 -> game-1:30001 +-> nlbp-1-2 +-> 10\.0\.1\.1:7777 +Healthy$/,
    );
  });

  it('shows why a room waits and until when a port rests', () => {
    const lines = pictureLines(
      [
        row(1, { room: null, target: null, state: 'Quarantined', message: 'Nobody may have it before noon' }),
        row(2, {
          port: null,
          loadBalancer: null,
          targetGroup: null,
          target: null,
          state: 'PoolFull',
          message: 'add one',
        }),
      ],
      paint,
    );
    assert.match(lines[1]!, /^ {2}\(nobody\) -> game-1:30001 .*Quarantined Nobody may have it before noon$/);
    assert.match(lines[2]!, /^ {2}room-2 .*PoolFull add one$/);
  });

  it('draws many rooms as a bar for each load balancer, with those that wait', () => {
    const many = Array.from({ length: 20 }, (_, index) => row(index));
    const waiting = Array.from({ length: 6 }, (_, index) =>
      row(100 + index, { port: null, loadBalancer: null, state: 'PoolFull' }),
    );
    const lines = pictureLines([...many, row(20, { state: 'Registering' }), ...waiting], paint);
    assert.equal(lines[0], `  game-1:30000-30020 ${'#'.repeat(20)}+ 20 of 21 healthy`);
    assert.match(lines[1]!, /^ {2}room-100 waits: PoolFull/);
    assert.equal(lines.at(-1), '  2 more wait');
  });

  it('draws nothing where there is no room', () => {
    assert.deepEqual(pictureLines([], paint), []);
  });
});
