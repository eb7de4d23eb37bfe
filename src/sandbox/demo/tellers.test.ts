import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { virtualClock } from '../../runtime/virtual-clock.ts';
import { jsonTeller } from './json-teller.ts';
import { liveTeller } from './live-teller.ts';
import { createPaint } from './paint.ts';
import { plainTeller } from './plain-teller.ts';
import type { RoomRow } from './room-rows.ts';
import type { StoryEvent } from './story-event.ts';

const row: RoomRow = {
  room: 'room-1',
  pool: 'game',
  loadBalancer: 'game-1',
  port: 30000,
  endpoint: '127.64.0.1:30000',
  targetGroup: 'nlbp-1-2',
  target: '10.0.1.5:7777',
  state: 'Healthy',
  message: '',
};
const ways = { kubernetes: { url: 'http://k', kubeconfig: '/tmp/k' }, aws: { endpoint: 'http://a', region: 'r' } };
const check: StoryEvent = { type: 'check', name: 'bytes arrive', ok: true, detail: 'room-1 says "room-1"' };

function output() {
  let text = '';
  const write = (more: string) => {
    text += more;
  };
  return { write, text: () => text };
}

describe('jsonTeller()', () => {
  it('prints each event as an object on a line', () => {
    const out = output();
    const teller = jsonTeller({ write: out.write, clock: virtualClock() });
    teller.tell(check);
    teller.tell({ type: 'room', ...row });
    const lines = out.text().trimEnd().split('\n');
    assert.deepEqual(
      lines.map(line => JSON.parse(line)),
      [check, { type: 'room', ...row }],
    );
  });

  it('says what it waits for at most once a second', async () => {
    const out = output();
    const clock = virtualClock();
    const teller = jsonTeller({ write: out.write, clock });
    for (let count = 0; count < 30; count++) {
      teller.tell({ type: 'progress', text: `${count}` });
      await clock.advance(100);
    }
    assert.equal(out.text().trimEnd().split('\n').length, 3);
  });
});

describe('plainTeller()', () => {
  it('writes lines without control characters, and progress only after a while of silence', async () => {
    const out = output();
    const clock = virtualClock();
    const teller = plainTeller({ write: out.write, clock, paint: createPaint(false) });
    teller.tell(check);
    teller.tell({ type: 'progress', text: 'soon' });
    await clock.advance(2_000);
    teller.tell({ type: 'progress', text: 'still waiting' });
    teller.tell({ type: 'picture', rooms: [row] });
    assert.match(out.text(), /ok {5}bytes arrive\n/);
    assert.doesNotMatch(out.text(), /soon/);
    assert.match(out.text(), /still waiting\n/);
    assert.match(out.text(), /room-1 -> game-1:30000 -> nlbp-1-2 +-> 10\.0\.1\.5:7777/);
    assert.ok([...out.text()].every(character => character === '\n' || character >= ' '));
  });

  it('names the failed checks at the end, and not those that were not made', () => {
    const out = output();
    const teller = plainTeller({ write: out.write, clock: virtualClock(), paint: createPaint(false) });
    teller.tell({ type: 'summary', ok: false, checks: 3, failed: ['one', 'two'], notMade: 1, seconds: 1.5 });
    assert.match(out.text(), /1 of 3 checks failed, in 1\.5 s:\n {2}one\n1 more/);
  });

  it('tells of each room once the story is over', () => {
    const out = output();
    const teller = plainTeller({ write: out.write, clock: virtualClock(), paint: createPaint(false) });
    teller.tell({ type: 'room', ...row });
    assert.equal(out.text(), '');
    teller.tell({ type: 'staying', pools: ['game'], example: row.endpoint, ...ways });
    assert.match(out.text(), /KUBECONFIG=\/tmp\/k\n/);
    assert.match(out.text(), /AWS_ENDPOINT_URL_ELASTIC_LOAD_BALANCING_V2=http:\/\/a\n/);
    teller.tell({ type: 'room', ...row, room: 'mine' });
    assert.match(out.text(), /\nmine: Healthy 127\.64\.0\.1:30000 -> nlbp-1-2 -> 10\.0\.1\.5:7777\n$/);
  });
});

const esc = '\u001b';

/** What a terminal shows after `text`, as far as the live teller uses one. */
function screen(text: string): string[] {
  const lines = [''];
  let at = 0;
  const pattern = new RegExp(`${esc}\\[(\\d*)A|${esc}\\[2K|${esc}\\[\\?25[lh]|\r|\n|[^${esc}\r\n]+`, 'g');
  for (const [token, up] of text.matchAll(pattern)) {
    if (token === '\n') {
      at++;
      if (lines[at] === undefined) lines[at] = '';
    } else if (up !== undefined) at -= Number(up || 1);
    else if (token === `${esc}[2K`) lines[at] = '';
    else if (!token.startsWith(esc) && token !== '\r') lines[at] = token;
  }
  return lines;
}

describe('liveTeller()', () => {
  it('keeps what happened above and the rooms as they are below', async () => {
    const out = output();
    const clock = virtualClock();
    const terminal = { write: out.write, size: () => ({ columns: 120, rows: 30 }) };
    const teller = liveTeller({ terminal, clock, paint: createPaint(false) });
    teller.tell({ type: 'room', ...row, state: 'Registering' });
    teller.tell({ type: 'progress', text: 'Waiting for room-1' });
    await clock.advance(500);
    assert.ok(screen(out.text()).some(line => /room-1 .* Registering$/.test(line)));
    assert.ok(screen(out.text()).some(line => line.includes('Waiting for room-1')));

    teller.tell(check);
    teller.tell({ type: 'room', ...row });
    await clock.advance(500);
    teller.close();
    const shown = screen(out.text());
    const lineOf = (pattern: RegExp) => shown.findIndex(line => pattern.test(line));
    assert.ok(lineOf(/ok {5}bytes arrive/) >= 0 && lineOf(/ok {5}bytes arrive/) < lineOf(/room-1 .* Healthy$/));
    assert.equal(lineOf(/Registering|Waiting/), -1);
    assert.equal(clock.pending, 0);
  });

  it('hides the cursor while it draws and gives it back', async () => {
    const out = output();
    const clock = virtualClock();
    const terminal = { write: out.write, size: () => ({ columns: 40, rows: 10 }) };
    const teller = liveTeller({ terminal, clock, paint: createPaint(false) });
    teller.tell({ type: 'room', ...row });
    await clock.advance(200);
    teller.close();
    assert.ok(out.text().startsWith(`${esc}[?25l`) && out.text().endsWith(`${esc}[?25h`));
    assert.ok(screen(out.text()).every(line => line.length < 40));
  });
});
