import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { codedError, type ErrorReason, errorTable, truncateUtf8 } from './errors.ts';

const reasons = Object.keys(errorTable) as ErrorReason[];
const anyText = fc.string({ unit: 'binary', maxLength: 3_000 });

test('no two errors share a code, and every reason can stand in a condition', () => {
  const codes = reasons.map(reason => errorTable[reason].code);
  assert.equal(new Set(codes).size, codes.length);
  for (const reason of reasons) assert.match(reason, /^[A-Z][A-Za-z]{1,62}$/);
  for (const code of codes) assert.match(code, /^NLBP-[1-9][0-9]{3}$/);
});

test('codedError() begins with the code and fits into an Event, whatever the detail', () => {
  fc.assert(
    fc.property(fc.constantFrom(...reasons), anyText, (reason, detail) => {
      const { message, code } = codedError(reason, detail);
      assert.ok(message.startsWith(`${code}: `));
      assert.ok(Buffer.byteLength(message) <= 1024);
      assert.ok(message.isWellFormed());
      // What is short enough stands whole.
      if (Buffer.byteLength(detail) < 900 && detail.isWellFormed()) assert.ok(message.endsWith(detail));
    }),
  );
});

test('truncateUtf8() cuts at a character and says that it did', () => {
  fc.assert(
    fc.property(anyText, fc.integer({ min: 3, max: 200 }), (raw, maxBytes) => {
      const text = raw.toWellFormed();
      const cut = truncateUtf8(text, maxBytes);
      assert.ok(Buffer.byteLength(cut) <= maxBytes);
      if (Buffer.byteLength(text) <= maxBytes) assert.equal(cut, text);
      else {
        assert.ok(cut.endsWith('…'));
        assert.ok(text.startsWith(cut.slice(0, -1)));
        assert.ok(Buffer.byteLength(cut) > maxBytes - 4, 'no more is cut than has to be');
      }
    }),
  );
});
