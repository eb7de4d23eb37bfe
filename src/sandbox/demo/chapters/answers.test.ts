import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import type { Answer } from '../ask.ts';
import type { Stage } from '../stage.ts';
import { eachAnswersItself } from './answers.ts';

const endpoints = [30000, 30001].map(port => ({ host: '127.64.0.1', port }));
const ask = (answers: Answer[]) =>
  eachAnswersItself({ whoAnswers: async () => answers } as unknown as Stage, 'UDP', ['room-1', 'room-2'], endpoints);

describe('eachAnswersItself()', () => {
  it('holds where every port is answered by its own room', async () => {
    const { ok } = await ask([
      { ok: true, text: 'room-1' },
      { ok: true, text: 'room-2' },
    ]);
    assert.ok(ok);
  });

  it('fails where bytes come out of the wrong room, and says of which', async () => {
    const { ok, detail } = await ask([
      { ok: true, text: 'room-1' },
      { ok: true, text: 'room-1' },
    ]);
    assert.equal(ok, false);
    assert.equal(detail, '1 of 2 are wrong: 127.64.0.1:30001 says "room-1"');
  });

  it('fails where nobody answers', async () => {
    const { ok, detail } = await ask([
      { ok: true, text: 'room-1' },
      { ok: false, why: 'no answer in 1000 ms' },
    ]);
    assert.equal(ok, false);
    assert.match(detail, /127\.64\.0\.1:30001 gives no answer in 1000 ms/);
  });
});
