import assert from 'node:assert/strict';
import { test } from 'node:test';
import { silentLog } from '../runtime/log.ts';
import { seededRandom } from '../runtime/random.ts';
import { virtualClock } from '../runtime/virtual-clock.ts';
import { createKubeClient } from './client.ts';
import { createEventRecorder, type EventToRecord, type KubeEvent } from './event-recorder.ts';
import type { Pod } from './objects.ts';
import { namespaces, pods } from './resource.ts';
import { createWire, type WireCall } from './wire.fixture.ts';

const pod: Pod = {
  metadata: { name: 'room-1', namespace: 'game', uid: 'u1', resourceVersion: '5' },
  spec: { containers: [] },
};

function bound(change: Partial<EventToRecord<Pod>> = {}): EventToRecord<Pod> {
  return {
    resource: pods,
    object: pod,
    type: 'Normal',
    reason: 'PortBound',
    action: 'Bind',
    message: 'play.example.com:30000',
    ...change,
  };
}

function setUp(answer: (call: WireCall) => void = call => call.answer(201, {})) {
  const wire = createWire();
  const clock = virtualClock(Date.UTC(2026, 0, 2, 3, 4, 5, 67));
  const outcomes: Record<string, number> = {};
  let answered = 0;
  const recorder = createEventRecorder({
    client: createKubeClient({ transport: wire.transport, clock }),
    clock,
    random: seededRandom(1),
    log: silentLog(),
    instance: 'nlbports-abc',
    onOutcome(outcome) {
      outcomes[outcome] = (outcomes[outcome] ?? 0) + 1;
    },
  });
  /** Answers what was asked, moves the time, and answers again. */
  const advance = async (durationMs: number) => {
    const settle = async () => {
      await clock.settle();
      for (; answered < wire.calls.length; answered++) {
        answer(wire.calls[answered]!);
        await clock.settle();
      }
    };
    await settle();
    for (let passedMs = 0; passedMs < durationMs; passedMs += 100) {
      await clock.advance(100);
      await settle();
    }
  };
  const sent = () => wire.calls.map(({ request }) => `${request.method} ${request.path.split('?', 1)[0]}`);
  const event = (index: number) => JSON.parse(wire.calls[index]!.request.body!) as KubeEvent;
  return { wire, clock, recorder, outcomes, advance, sent, event };
}

test('record() writes an Event of events.k8s.io/v1 with six fractional digits', async () => {
  const { recorder, advance, sent, event } = setUp();
  recorder.record(bound());
  await advance(0);
  assert.deepEqual(sent(), ['POST /apis/events.k8s.io/v1/namespaces/game/events']);
  const { metadata, ...rest } = event(0);
  assert.match(metadata.name, /^room-1\.[0-9a-f]{16}$/);
  assert.deepEqual(rest, {
    apiVersion: 'events.k8s.io/v1',
    kind: 'Event',
    eventTime: '2026-01-02T03:04:05.067000Z',
    reportingController: 'nlbports',
    reportingInstance: 'nlbports-abc',
    action: 'Bind',
    reason: 'PortBound',
    type: 'Normal',
    note: 'play.example.com:30000',
    regarding: { apiVersion: 'v1', kind: 'Pod', name: 'room-1', namespace: 'game', uid: 'u1', resourceVersion: '5' },
  });
});

test('Events of objects without a namespace go to default', async () => {
  const { recorder, advance, sent, event } = setUp();
  recorder.record({ ...bound(), resource: namespaces, object: { metadata: { name: 'game', uid: 'u2' } } });
  await advance(0);
  assert.deepEqual(sent(), ['POST /apis/events.k8s.io/v1/namespaces/default/events']);
  assert.equal(event(0).regarding.namespace, undefined);
});

test('a note has at most 1,024 bytes, whole characters and one line', async () => {
  const { recorder, advance, event } = setUp();
  for (const message of ['é'.repeat(1_000), '🎲'.repeat(1_000), 'a'.repeat(1_024), 'one\r\n\u001b[31mtwo\u202e']) {
    recorder.record(bound({ message }));
  }
  await advance(0);
  const notes = [0, 1, 2, 3].map(index => event(index).note);
  assert.deepEqual(
    notes.map(note => Buffer.byteLength(note)),
    [1_023, 1_023, 1_024, 11],
  );
  assert.ok(notes.every(note => !note.includes('\ufffd')));
  assert.ok(notes[1]!.endsWith('🎲…'));
  assert.equal(notes[3], 'one [31mtwo');
});

test('a name of 253 characters still makes a legal Event name', async () => {
  const { recorder, advance, event } = setUp();
  const name = `${'a'.repeat(235)}.${'b'.repeat(17)}`;
  recorder.record(bound({ object: { ...pod, metadata: { ...pod.metadata, name } } }));
  await advance(0);
  assert.match(event(0).metadata.name, /^a{235}\.[0-9a-f]{16}$/);
});

test('the same again becomes one patch of a series', async () => {
  const { wire, recorder, advance, sent, event, outcomes } = setUp();
  for (let turn = 0; turn < 5; turn++) {
    recorder.record(bound());
    await advance(1_000);
  }
  await advance(10_000);
  assert.equal(sent().length, 2);
  assert.equal(sent()[1], `PATCH /apis/events.k8s.io/v1/namespaces/game/events/${event(0).metadata.name}`);
  assert.equal(wire.last().request.headers?.['content-type'], 'application/merge-patch+json');
  const patch = JSON.parse(wire.last().request.body!) as { series: { count: number; lastObservedTime: string } };
  assert.equal(patch.series.count, 5);
  assert.match(patch.series.lastObservedTime, /\.\d{6}Z$/);
  assert.deepEqual(outcomes, { written: 1, repeated: 4 });
  // Another message, or the same much later, is another Event.
  recorder.record(bound({ message: 'play.example.com:30001' }));
  await advance(400_000);
  recorder.record(bound());
  await advance(0);
  assert.equal(sent().filter(line => line.startsWith('POST')).length, 3);
});

test('an Event that is gone when its series is written is written anew the next time', async () => {
  const { recorder, advance, sent } = setUp(call =>
    call.request.method === 'PATCH'
      ? call.answer(404, { kind: 'Status', code: 404, reason: 'NotFound' })
      : call.answer(201, {}),
  );
  recorder.record(bound());
  recorder.record(bound());
  await advance(11_000);
  recorder.record(bound());
  await advance(0);
  assert.deepEqual(
    sent().map(line => line.split(' ')[0]),
    ['POST', 'PATCH', 'POST'],
  );
});

test('an object that has ever new things to say is heard 25 times, then once in 5 minutes', async () => {
  const { recorder, advance, sent, outcomes } = setUp();
  for (let turn = 0; turn < 100; turn++) recorder.record(bound({ message: `try ${turn}` }));
  await advance(0);
  assert.equal(sent().length, 25);
  assert.equal(outcomes.dropped, 75);
  recorder.record(bound({ object: { ...pod, metadata: { ...pod.metadata, uid: 'other' } } }));
  await advance(0);
  assert.equal(sent().length, 26, 'others are not held back');
  await advance(300_100);
  recorder.record(bound({ message: 'later' }));
  recorder.record(bound({ message: 'later still' }));
  await advance(0);
  assert.equal(sent().length, 27);
});

test('a namespace on its way out is not tried again', async () => {
  const { recorder, advance, sent, outcomes } = setUp(call =>
    call.answer(403, { kind: 'Status', code: 403, reason: 'Forbidden', message: 'because it is being terminated' }),
  );
  recorder.record(bound());
  await advance(60_000);
  assert.equal(sent().length, 1);
  assert.deepEqual(outcomes, { failed: 1 });
});

test('an Event whose answer was lost is tried again under the same name, and found to exist', async () => {
  let calls = 0;
  const { recorder, advance, sent, event, outcomes } = setUp(call => {
    calls += 1;
    if (calls === 1) call.fail();
    else if (calls === 2) call.answer(429, 'slow down', { 'retry-after': '3' });
    else call.answer(409, { kind: 'Status', code: 409, reason: 'AlreadyExists' });
  });
  recorder.record(bound());
  await advance(3_000);
  assert.equal(sent().length, 2);
  await advance(3_000);
  assert.equal(sent().length, 3);
  assert.equal(event(2).metadata.name, event(0).metadata.name);
  assert.deepEqual(outcomes, { written: 1 });
});

test('an API server that never answers costs a bounded backlog and a bounded number of tries', async () => {
  const { recorder, advance, sent, outcomes } = setUp(call => call.fail());
  for (let index = 0; index < 1_500; index++) {
    recorder.record(
      bound({ object: { ...pod, metadata: { ...pod.metadata, name: `room-${index}`, uid: `u${index}` } } }),
    );
  }
  assert.equal(outcomes.dropped, 1_500 - 1_000 - 4);
  await advance(30_000);
  assert.ok((outcomes.failed ?? 0) > 4);
  assert.ok(sent().length < 4 * 4 * 20);
});

test('flush() waits for what was recorded, series too, and leaves no timer', async () => {
  const { clock, recorder, advance, sent } = setUp();
  recorder.record(bound());
  recorder.record(bound());
  let flushed = false;
  const flush = recorder.flush().then(() => {
    flushed = true;
  });
  await clock.settle();
  assert.equal(flushed, false);
  await advance(0);
  await flush;
  assert.deepEqual(
    sent().map(line => line.split(' ')[0]),
    ['POST', 'PATCH'],
  );
  assert.equal(clock.pending, 0);
});

test('flush() does not wait for an API server that never answers', async () => {
  const { clock, recorder } = setUp(() => {});
  recorder.record(bound());
  let flushed = false;
  recorder.flush(3_000).then(() => {
    flushed = true;
  });
  await clock.advance(2_900);
  assert.equal(flushed, false);
  await clock.advance(200);
  assert.equal(flushed, true);
});
