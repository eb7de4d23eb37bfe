import assert from 'node:assert/strict';
import { test } from 'node:test';
import { readControllerDocs } from './controllers-page.ts';

const source = (comment: string) => `/** Not it. */
const one = 1;

/**
 * Moves things.
 *
${comment}
 */
export function thingReconciler(deps: object) {}
`;

test('readControllerDocs() finds every aspect, wherever its line breaks', () => {
  const comment = ' * Trigger: a thing,\n * or two. Reads: it. Writes: its status. Requeue: never. Failure: backs off.';
  assert.deepEqual(readControllerDocs('src/x.ts', source(comment)), [
    {
      name: 'thingReconciler',
      file: 'src/x.ts',
      summary: 'Moves things.',
      aspects: {
        Trigger: 'A thing, or two.',
        Reads: 'It.',
        Writes: 'Its status.',
        Requeue: 'Never.',
        Failure: 'Backs off.',
      },
    },
  ]);
});

test('readControllerDocs() refuses a comment that leaves an aspect out', () => {
  const comment = ' * Trigger: a thing. Reads: it. Writes: its status. Requeue: never.';
  assert.throws(() => readControllerDocs('src/x.ts', source(comment)), /thingReconciler in src\/x.ts.*"Failure: "/);
});
