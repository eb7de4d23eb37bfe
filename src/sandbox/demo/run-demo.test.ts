import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { systemClock } from '../../runtime/clock.ts';
import { silentLog } from '../../runtime/log.ts';
import { randomInt, systemRandom } from '../../runtime/random.ts';
import { nodeNetwork } from '../node-network.ts';
import { chaptersOf, openForUsers, runDemo } from './run-demo.ts';
import { startSandbox } from './sandbox.ts';
import type { StoryEvent } from './story-event.ts';

// Real time and real sockets: that bytes arrive is the point.
const clock = systemClock();
const random = systemRandom();
const network = nodeNetwork({ clock });
const size = { quarantine: '2s', burstQuarantine: '1s', burstPorts: 5 };

/** A sandbox that begins to look for free addresses where no other test is likely to do so. */
function start(set: Record<string, string> = {}) {
  return startSandbox(
    { clock, random, network, log: silentLog() },
    { kubernetesPort: 0, awsPort: 0, profile: 'instant', set, firstBlock: randomInt(random, 1, 63) },
  );
}

async function play(set: Record<string, string>, stepMs: number) {
  const sandbox = await start(set);
  const events: StoryEvent[] = [];
  const teller = { tell: (event: StoryEvent) => void events.push(event), close() {} };
  const stop = new AbortController();
  try {
    const outcome = await runDemo(
      { sandbox, clock, network, teller },
      { profile: 'instant', stepMs, story: true, size, signal: stop.signal },
    );
    return { outcome, events };
  } finally {
    stop.abort();
    await sandbox.close();
  }
}

// Side by side: most of their time they wait.
describe('runDemo()', { concurrency: true }, () => {
  it('tells the whole story by real bytes, and every check holds', async () => {
    const { outcome, events } = await play({}, 60_000);
    assert.deepEqual(
      outcome.checks.filter(({ ok }) => !ok),
      [],
    );
    assert.deepEqual(
      outcome.checks.map(({ name }) => name),
      chaptersOf(size).flatMap(({ checks }) => checks),
    );
    assert.ok(outcome.ok);
    const rows = events.filter(event => event.type === 'room');
    for (const [room, port] of [
      ['room-1', 30000],
      ['room-3', 30002],
      ['room-4', 30001],
    ] as const) {
      const healthy = rows.find(row => row.room === room && row.state === 'Healthy');
      assert.equal(healthy?.port, port, room);
      assert.match(healthy?.targetGroup ?? '', /^nlbp-/);
      assert.match(healthy?.target ?? '', /^10\.0\.1\.\d+:7777$/);
    }
  });

  it('fails where AWS refuses to register the rooms, with the reason', async () => {
    const { outcome } = await play({ deny: 'RegisterTargets' }, 5_000);
    assert.equal(outcome.ok, false);
    const bytes = outcome.checks.find(({ name }) => name === 'each of the three answers by UDP on its port');
    assert.equal(bytes?.ok, false);
    assert.match(bytes?.detail ?? '', /AwsAccessDenied: NLBP-4001/);
  });

  it('fails where everything is called healthy but no byte arrives', async () => {
    const { outcome } = await play({ 'data-plane': 'off' }, 20_000);
    assert.equal(outcome.ok, false);
    const failed = outcome.checks.filter(({ ok, notMade }) => !ok && !notMade).map(({ name }) => name);
    assert.deepEqual(failed, [
      'each of the three answers by UDP on its port',
      'each of the three answers by TCP on its port',
    ]);
  });
});

describe('openForUsers()', () => {
  it('makes pools with free ports where there was no story', async () => {
    const sandbox = await start();
    try {
      assert.deepEqual(await openForUsers(sandbox, new AbortController().signal), ['game', 'web']);
      assert.equal(sandbox.view.ports('game').length, 40);
      assert.equal(sandbox.view.ports('web').length, 10);
    } finally {
      await sandbox.close();
    }
  });
});
