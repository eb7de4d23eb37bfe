import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { createPaint, fit, wantsColour } from './paint.ts';

describe('wantsColour()', () => {
  it('colours terminals alone, and none where NO_COLOR is set', () => {
    assert.equal(wantsColour(true, {}), true);
    assert.equal(wantsColour(true, { NO_COLOR: '' }), true);
    assert.equal(wantsColour(true, { NO_COLOR: '1' }), false);
    assert.equal(wantsColour(true, { TERM: 'dumb' }), false);
    assert.equal(wantsColour(false, {}), false);
  });
});

describe('createPaint()', () => {
  it('gives texts back unchanged where colours are off', () => {
    assert.equal(createPaint(false).good('ok'), 'ok');
    assert.equal(createPaint(true).good('ok'), '\u001b[32mok\u001b[39m');
  });
});

describe('fit()', () => {
  it('cuts what shows, and keeps every colour that was begun and ended', () => {
    const { good } = createPaint(true);
    assert.equal(fit('abcdef', 4), 'abcd');
    assert.equal(fit(`a${good('bcd')}ef`, 3), 'a\u001b[32mbc\u001b[39m');
    assert.equal(fit(`a${good('b')}cd`, 10), `a${good('b')}cd`);
  });
});
