import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { type Clock, sleep } from '../runtime/clock.ts';
import { silentLog } from '../runtime/log.ts';
import { seededRandom } from '../runtime/random.ts';
import { type VirtualClock, virtualClock } from '../runtime/virtual-clock.ts';
import { createAlwaysLeader } from './always-leader.ts';
import { createKubeClient } from './client.ts';
import { createLeaseApi, type LeaseApi, type LeaseFault } from './lease-api.fixture.ts';
import { createElection, type Election } from './lease-election.ts';
import type { KubeRequest } from './transport.ts';

/** A process that contends: it can be killed, paused and asked to end. */
interface Contender {
  election: Election;
  /** Times (monotonic, true) at which `lead` began and ended. */
  terms: { fromMs: number; toMs?: number }[];
  outcome(): 'ended' | 'lost' | Error | undefined;
  stop: AbortController;
  /** Nothing it sends arrives any more, and it hears nothing. */
  kill(): void;
  fault: { now: (request: KubeRequest) => LeaseFault };
}

function contend(
  api: LeaseApi,
  clock: VirtualClock,
  seed: number,
  options: { clock?: Clock; drainMs?: number; lead?: (signal: AbortSignal) => Promise<void> } = {},
): Contender {
  const own = options.clock ?? clock;
  const fault: Contender['fault'] = { now: () => ({}) };
  const transport = api.transport(request => fault.now(request));
  const election = createElection({
    client: createKubeClient({ transport, clock: own }),
    transport,
    clock: own,
    random: seededRandom(seed),
    log: silentLog(),
    namespace: 'nlbports-system',
    hostname: `host-${seed}`,
  });
  const stop = new AbortController();
  const terms: Contender['terms'] = [];
  let outcome: 'ended' | 'lost' | Error | undefined;
  const lead = async (leading: AbortSignal) => {
    const term: Contender['terms'][number] = { fromMs: clock.monotonicMs() };
    terms.push(term);
    if (options.lead) await options.lead(leading);
    else {
      await new Promise<void>(resolve => leading.addEventListener('abort', () => resolve()));
      await sleep(clock, options.drainMs ?? 0);
    }
    term.toMs = clock.monotonicMs();
  };
  election.run(stop.signal, lead).then(
    result => {
      outcome = result;
    },
    (error: Error) => {
      outcome = error;
    },
  );
  return {
    election,
    terms,
    outcome: () => outcome,
    stop,
    kill: () => {
      fault.now = () => ({ lost: true });
    },
    fault,
  };
}

test('the first contender leads at once and keeps leading; the second waits', async () => {
  const clock = virtualClock();
  const api = createLeaseApi(clock);
  const [a, b] = [contend(api, clock, 1), contend(api, clock, 2)];
  await clock.advance(1_000);
  const leaders = [a, b].filter(each => each.election.isLeader());
  assert.equal(leaders.length, 1);
  await clock.advance(600_000);
  assert.ok(leaders[0]!.election.isLeader());
  assert.equal(leaders[0]!.terms.length, 1);
  assert.equal(a.terms.length + b.terms.length, 1);
  const lease = api.lease()!;
  assert.equal(lease.spec.leaseDurationSeconds, 12);
  assert.match(lease.spec.renewTime!, /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{6}Z$/);
  assert.equal(lease.spec.holderIdentity, leaders[0]!.election.identity);
  const perMinute = api.writes.length / 10;
  assert.ok(perMinute >= 15 && perMinute < 18, `${perMinute} renewals a minute`);
});

test('a leader that was asked to end drains, still leading, then hands over within 2 s', async () => {
  const clock = virtualClock();
  const api = createLeaseApi(clock);
  const a = contend(api, clock, 1, { drainMs: 25_000 });
  await clock.advance(1_000);
  const b = contend(api, clock, 2);
  await clock.advance(5_000);
  a.stop.abort();
  await clock.advance(24_900);
  assert.ok(a.election.isLeader(), 'draining is done as the leader');
  assert.equal(b.terms.length, 0);
  await clock.advance(200);
  assert.equal(a.election.isLeader(), false);
  assert.equal(a.outcome(), 'ended');
  await clock.advance(2_000);
  assert.ok(b.election.isLeader());
  assert.ok(b.terms[0]!.fromMs - a.terms[0]!.toMs! < 2_000);
  assert.equal(api.lease()!.spec.leaseTransitions, 2 - 1);
});

test('after a kill the other leads within 15 s, and never before the first has given up', async () => {
  for (let seed = 0; seed < 20; seed++) {
    const clock = virtualClock();
    const api = createLeaseApi(clock);
    const a = contend(api, clock, seed * 2 + 1);
    await clock.advance(1_000);
    const b = contend(api, clock, seed * 2 + 2);
    await clock.advance(5_000 + seed * 400);
    a.kill();
    const killedMs = clock.monotonicMs();
    await clock.advanceUntil(() => !a.election.isLeader(), 60_000);
    assert.equal(b.terms.length, 0);
    const gaveUpMs = clock.monotonicMs();
    assert.ok(gaveUpMs - killedMs <= 10_000);
    assert.ok(await clock.advanceUntil(() => b.election.isLeader(), 60_000));
    assert.ok(clock.monotonicMs() - killedMs < 15_000, `${clock.monotonicMs() - killedMs} ms after the kill`);
    assert.ok(clock.monotonicMs() - gaveUpMs >= 1_000, 'a margin lies in between');
  }
});

test('isLeader() turns false by itself while the process was paused, before anything of it has run', async () => {
  const clock = virtualClock();
  const api = createLeaseApi(clock);
  // The process's own clock fires no timers while it is paused, but goes on.
  let paused = false;
  const held: (() => void)[] = [];
  const own: Clock = {
    // A wall clock that somebody keeps setting back must not prolong anything.
    nowMs: () => 0,
    monotonicMs: () => clock.monotonicMs(),
    after: (delayMs, run) => clock.after(delayMs, () => (paused ? held.push(run) : run())),
  };
  const a = contend(api, clock, 1, { clock: own });
  await clock.advance(1_000);
  const b = contend(api, clock, 2);
  await clock.advance(1_000);
  assert.ok(a.election.isLeader());
  paused = true;
  a.fault.now = () => ({ lost: true });
  await clock.advanceUntil(() => b.election.isLeader(), 60_000);
  assert.equal(a.election.isLeader(), false);
  assert.equal(a.outcome(), undefined);
  paused = false;
  a.fault.now = () => ({});
  for (const run of held) run();
  await clock.advance(10_000);
  assert.equal(a.outcome(), 'lost');
  assert.ok(b.election.isLeader());
});

test('a machine that was suspended, its monotonic clock with it, does not believe to lead when it wakes', async () => {
  const clock = virtualClock();
  const api = createLeaseApi(clock);
  let wallAheadMs = 0;
  const own: Clock = {
    nowMs: () => clock.nowMs() + wallAheadMs,
    monotonicMs: () => clock.monotonicMs(),
    after: (delayMs, run) => clock.after(delayMs, run),
  };
  const a = contend(api, clock, 1, { clock: own });
  await clock.advance(1_000);
  assert.ok(a.election.isLeader());
  wallAheadMs = 3_600_000;
  assert.equal(a.election.isLeader(), false);
  await clock.advance(5_000);
  assert.ok(a.election.isLeader(), 'the next renewal proves that nobody took it');
});

test('wall clocks that differ by a day, and a Lease with any time in it, change nothing', async () => {
  const clock = virtualClock();
  const api = createLeaseApi(clock);
  const skewed = (byMs: number): Clock => ({
    nowMs: () => clock.nowMs() + byMs,
    monotonicMs: () => clock.monotonicMs(),
    after: (delayMs, run) => clock.after(delayMs, run),
  });
  const a = contend(api, clock, 1, { clock: skewed(-86_400_000) });
  await clock.advance(1_000);
  const b = contend(api, clock, 2, { clock: skewed(86_400_000) });
  await clock.advance(120_000);
  assert.ok(a.election.isLeader());
  assert.equal(b.terms.length, 0);
});

test('a renewal whose answer was lost is found by reading', async () => {
  const clock = virtualClock();
  const api = createLeaseApi(clock);
  const a = contend(api, clock, 1);
  await clock.advance(1_000);
  a.fault.now = request => (request.method === 'PUT' ? { answerLost: true } : {});
  await clock.advance(120_000);
  assert.ok(a.election.isLeader());
  assert.equal(a.terms.length, 1);
});

test('a claim whose answer was lost is found by reading, and counts from when it was sent', async () => {
  const clock = virtualClock();
  const api = createLeaseApi(clock);
  const a = contend(api, clock, 1);
  a.fault.now = request => (request.method === 'POST' ? { answerLost: true } : {});
  await clock.advance(3_000);
  assert.ok(a.election.isLeader());
  a.kill();
  const writtenMs = api.writes[0]!.atMs;
  await clock.advanceUntil(() => !a.election.isLeader(), 60_000);
  assert.ok(clock.monotonicMs() - writtenMs <= 10_000);
});

for (const method of ['POST', 'PUT']) {
  test(`a ${method} whose answer is slow counts from when it was sent, not from its answer`, async () => {
    const clock = virtualClock();
    const api = createLeaseApi(clock);
    const a = contend(api, clock, 1);
    a.fault.now = request => (request.method === method ? { answerDelayMs: 1_400 } : {});
    await clock.advance(method === 'POST' ? 3_000 : 9_900);
    assert.ok(a.election.isLeader());
    a.kill();
    const writtenMs = api.writes.at(-1)!.atMs;
    await clock.advanceUntil(() => !a.election.isLeader(), 60_000);
    assert.ok(clock.monotonicMs() - writtenMs <= 10_000, `${clock.monotonicMs() - writtenMs} ms after the write`);
  });
}

test('a label put on the Lease does not pass for a renewal that failed', async () => {
  const clock = virtualClock();
  const api = createLeaseApi(clock);
  const a = contend(api, clock, 1);
  await clock.advance(1_000);
  a.fault.now = request => (request.method === 'PUT' ? { status: 503 } : {});
  const writtenMs = api.writes.at(-1)!.atMs;
  for (let turn = 0; turn < 20; turn++) {
    api.set(lease => ({ ...lease, metadata: { ...lease.metadata, labels: { turn: String(turn) } } }));
    await clock.advance(700);
    assert.equal(a.election.isLeader(), clock.monotonicMs() < writtenMs + 10_000);
  }
});

test('an API server that is away for 7 s costs nobody the lead; one that is away for longer does', async () => {
  const clock = virtualClock();
  const api = createLeaseApi(clock);
  const a = contend(api, clock, 1);
  await clock.advance(5_000);
  a.fault.now = () => ({ status: 503 });
  await clock.advance(5_000);
  a.fault.now = () => ({});
  await clock.advance(5_000);
  assert.ok(a.election.isLeader());
  assert.equal(a.terms.length, 1);
  a.fault.now = () => ({ status: 503 });
  await clock.advance(15_000);
  assert.equal(a.election.isLeader(), false);
  assert.equal(a.outcome(), 'lost');
});

test('a Lease taken by force ends the lead as soon as the watch tells', async () => {
  const clock = virtualClock();
  const api = createLeaseApi(clock);
  const a = contend(api, clock, 1);
  await clock.advance(1_000);
  api.set(lease => ({ ...lease, spec: { ...lease.spec, holderIdentity: 'somebody' } }));
  await clock.advance(0);
  assert.equal(a.election.isLeader(), false);
  assert.equal(a.outcome(), 'lost');
  assert.equal(api.lease()!.spec.holderIdentity, 'somebody', 'and is not given back, as it is not ours');
});

test('a label put on the Lease disturbs nobody, and renews nothing', async () => {
  const clock = virtualClock();
  const api = createLeaseApi(clock);
  const a = contend(api, clock, 1);
  await clock.advance(1_000);
  for (let turn = 0; turn < 20; turn++) {
    api.set(lease => ({ ...lease, metadata: { ...lease.metadata, labels: { turn: String(turn) } } }));
    await clock.advance(700);
    assert.ok(a.election.isLeader());
  }
  assert.equal(a.terms.length, 1);
  assert.equal(api.lease()!.metadata.labels?.turn, '19');
});

test('a deleted Lease: the leader stops at once, and a standby waits as for one that was not renewed', async () => {
  const clock = virtualClock();
  const api = createLeaseApi(clock);
  const a = contend(api, clock, 1);
  await clock.advance(1_000);
  const b = contend(api, clock, 2);
  await clock.advance(1_000);
  a.fault.now = () => ({ lost: true });
  api.remove();
  const removedMs = clock.monotonicMs();
  await clock.advanceUntil(() => b.election.isLeader(), 60_000);
  assert.ok(clock.monotonicMs() - removedMs >= 12_000);
  assert.equal(a.election.isLeader(), false);
});

test('without a watch the Lease is read, and taken all the same', async () => {
  const clock = virtualClock();
  const api = createLeaseApi(clock);
  const noWatch = (request: KubeRequest) =>
    request.path.includes('?') && request.method === 'GET' ? { status: 403 } : {};
  const a = contend(api, clock, 1);
  a.fault.now = noWatch;
  await clock.advance(5_000);
  assert.ok(a.election.isLeader());
  const b = contend(api, clock, 2);
  b.fault.now = noWatch;
  await clock.advance(5_000);
  a.stop.abort();
  await clock.advance(5_000);
  assert.ok(b.election.isLeader());
});

test('where lead ends or throws by itself the Lease is given back', async () => {
  const clock = virtualClock();
  const api = createLeaseApi(clock);
  const a = contend(api, clock, 1, { lead: () => sleep(clock, 1_000) });
  await clock.advance(3_000);
  assert.equal(a.outcome(), 'ended');
  assert.equal(api.lease()!.spec.holderIdentity, '');
  const b = contend(api, clock, 2, {
    lead: async () => {
      throw new Error('a defect');
    },
  });
  await clock.advance(3_000);
  assert.ok(b.outcome() instanceof Error);
  assert.equal(api.lease()!.spec.holderIdentity, '');
  assert.equal(b.election.isLeader(), false);
});

test('a standby that is asked to end, ends, and no timer is left', async () => {
  const clock = virtualClock();
  const api = createLeaseApi(clock);
  const a = contend(api, clock, 1);
  await clock.advance(1_000);
  const b = contend(api, clock, 2);
  await clock.advance(1_000);
  b.stop.abort();
  await clock.advance(100);
  assert.equal(b.outcome(), 'ended');
  a.stop.abort();
  await clock.advance(100);
  assert.equal(a.outcome(), 'ended');
  assert.equal(clock.pending, 0);
});

test('never do two lead at once, whatever is delayed, lost, killed or stopped', async () => {
  await fc.assert(
    fc.asyncProperty(fc.integer(), async seed => {
      const clock = virtualClock();
      const api = createLeaseApi(clock);
      const random = seededRandom(seed);
      const contenders: Contender[] = [];
      let handOvers = 0;
      let last: string | undefined;
      for (let step = 0; step < 300; step++) {
        if (contenders.length < 3 && random.next() < 0.3) {
          contenders.push(contend(api, clock, Math.floor(random.next() * 1e9), { drainMs: random.next() * 3_000 }));
        }
        const one = contenders[Math.floor(random.next() * contenders.length)];
        const dice = random.next();
        if (!one) continue;
        if (dice < 0.05) one.kill();
        else if (dice < 0.1) one.stop.abort();
        else if (dice < 0.3) {
          one.fault.now = () => ({
            delayMs: random.next() * 6_000,
            answerLost: random.next() < 0.3,
            lost: random.next() < 0.2,
          });
        } else if (dice < 0.6) one.fault.now = () => ({ delayMs: random.next() * 100 });
        for (let part = 0; part < 10; part++) {
          await clock.advance(random.next() * 400);
          const leading = contenders.filter(each => each.election.isLeader());
          assert.ok(leading.length <= 1, `${leading.map(each => each.election.identity)} lead at once (seed ${seed})`);
          const leader = leading[0]?.election.identity;
          if (leader !== undefined && leader !== last) {
            handOvers += 1;
            last = leader;
          }
        }
        for (const each of contenders.filter(it => it.outcome() !== undefined)) {
          contenders.splice(contenders.indexOf(each), 1);
        }
        // A killed one is gone from the world once its time is over.
        if (contenders.length === 3 && random.next() < 0.1) {
          const [oldest] = contenders;
          oldest!.kill();
          oldest!.stop.abort();
        }
      }
      assert.ok(handOvers >= 2, `${handOvers} hand-overs`);
      for (const each of contenders) each.stop.abort();
    }),
    { numRuns: 10 },
  );
});

test('createAlwaysLeader() leads from start to end', async () => {
  const election = createAlwaysLeader({ random: seededRandom(1) }, 'host');
  const stop = new AbortController();
  let led = false;
  const run = election.run(stop.signal, async leading => {
    led = true;
    await new Promise<void>(resolve => leading.addEventListener('abort', () => resolve()));
  });
  assert.ok(led && election.isLeader());
  stop.abort();
  assert.equal(await run, 'ended');
});
