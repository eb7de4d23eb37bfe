import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { virtualClock } from '../../runtime/virtual-clock.ts';
import type { Stage } from './stage.ts';
import { type Chapter, tellStory } from './story.ts';
import type { StoryEvent } from './story-event.ts';

const stage = { sandbox: { view: { rows: () => [] } } } as unknown as Stage;

async function tell(chapters: Chapter[], signal = new AbortController().signal) {
  const events: StoryEvent[] = [];
  const teller = { tell: (event: StoryEvent) => void events.push(event), close() {} };
  const outcome = await tellStory({ stage, teller, clock: virtualClock(), signal }, chapters);
  return { outcome, events };
}

const chapter = (name: string, play: Chapter['play']): Chapter => ({
  title: name,
  text: '',
  checks: [`${name} a`, `${name} b`],
  play,
});

const good = (name: string) =>
  chapter(name, async (_, check) => {
    check(`${name} a`, true, '');
    check(`${name} b`, true, '');
  });

describe('tellStory()', () => {
  it('is well only if every check of every chapter held', async () => {
    const { outcome, events } = await tell([good('one'), good('two')]);
    assert.ok(outcome.ok);
    const summary = events.at(-1);
    assert.deepEqual(summary, { type: 'summary', ok: true, checks: 4, failed: [], notMade: 0, seconds: 0 });
  });

  it('does not play what builds on a chapter with a failed check, and fails its checks', async () => {
    const one = chapter('one', async (_, check) => {
      check('one a', false, 'seen otherwise');
      check('one b', true, '');
    });
    const { outcome, events } = await tell([one, good('two')]);
    assert.equal(outcome.ok, false);
    assert.deepEqual(
      outcome.checks.map(({ ok, notMade }) => [ok, notMade === true]),
      [
        [false, false],
        [true, false],
        [false, true],
        [false, true],
      ],
    );
    const summary = events.at(-1);
    assert.ok(summary?.type === 'summary');
    assert.deepEqual(summary.failed, ['one a', 'two a', 'two b']);
    assert.equal(summary.notMade, 2);
  });

  it('fails the check that a chapter did not come to, with what stopped it', async () => {
    const one = chapter('one', async (_, check) => {
      check('one a', true, '');
      throw new Error('it took too long');
    });
    const { outcome } = await tell([one]);
    assert.deepEqual(outcome.checks[1], { name: 'one b', ok: false, detail: 'it took too long' });
  });

  it('fails the checks that a chapter forgot', async () => {
    const { outcome } = await tell([chapter('one', async () => {})]);
    assert.equal(outcome.ok, false);
    assert.equal(outcome.checks.length, 2);
  });

  it('ends at once when the sandbox is to end', async () => {
    const stop = new AbortController();
    const one = chapter('one', async () => {
      stop.abort(new Error('the end'));
      stop.signal.throwIfAborted();
    });
    await assert.rejects(tell([one], stop.signal), /the end/);
  });
});
