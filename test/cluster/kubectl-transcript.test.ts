import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { matchesLines, normalise } from './kubectl/normalise.ts';
import { formatTranscript, parseTranscript } from './kubectl/transcript.ts';

describe('matchesLines()', () => {
  test('takes lines literally, and all of them', () => {
    assert.ok(matchesLines(['a.c', 'd'], ['a.c', 'd']));
    assert.ok(!matchesLines(['abc'], ['a.c']));
    assert.ok(!matchesLines(['a', 'b'], ['a']));
    assert.ok(!matchesLines(['a'], ['a', 'b']));
    assert.ok(!matchesLines(['a'], []));
  });

  test('takes a pattern for one whole line, and ... for any lines', () => {
    assert.ok(matchesLines(['room-x2 created'], ['~ room-[a-z0-9]+ created']));
    assert.ok(!matchesLines(['room-x2 created!'], ['~ room-[a-z0-9]+ created']));
    assert.ok(matchesLines(['a', 'b', 'c'], ['a', '...', 'c']));
    assert.ok(matchesLines([], ['...']));
    assert.ok(!matchesLines(['a', 'b'], ['...', 'c']));
  });
});

test('normalise() hides what no two runs share, and nothing else', () => {
  const output = [
    'NAME     READY   AGE     IP',
    'case-3   1/1     2m13s   10.0.0.9',
    'uid: 01234567-89ab-cdef-0123-456789abcdef',
    '  resourceVersion: "812"',
    'at 2026-01-01T00:00:00Z on http://127.0.0.1:4000',
    '',
  ].join('\n');
  assert.deepEqual(normalise(output, { namespace: 'case-3', server: 'http://127.0.0.1:4000' }), [
    'NAME  READY  AGE  IP',
    'NS  1/1  <age>  10.0.0.9',
    'uid: <uid>',
    '  resourceVersion: "<version>"',
    'at <time> on <server>',
  ]);
});

describe('parseTranscript()', () => {
  const text = [
    '== one: claims something',
    '=== a.yaml',
    'kind: Pod',
    '$ kubectl create -f a.yaml',
    'pod/a created',
    '[1]',
    '& kubectl get pods -w',
    '&2',
    'NAME',
    '',
  ].join('\n');

  test('reads files and steps, and writes the same text', () => {
    const [one] = parseTranscript(text, 'test');
    assert.deepEqual([...one!.files], [['a.yaml', 'kind: Pod\n']]);
    assert.deepEqual(
      one!.steps.map(step => [step.kind, step.command, step.lines, step.expected]),
      [
        ['run', 'kubectl create -f a.yaml', 0, ['pod/a created', '[1]']],
        ['start', 'kubectl get pods -w', 0, []],
        ['read', '', 2, ['NAME']],
      ],
    );
    assert.equal(formatTranscript([one!]), text);
  });

  test('refuses text that belongs to nothing, and a title used twice', () => {
    assert.throws(() => parseTranscript('lost', 'test'), /Cannot read test:1: text before the first case: lost/);
    assert.throws(() => parseTranscript('== a\n== a', 'test'), /a title used twice/);
  });
});
