import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { silentLog } from '../runtime/log.ts';
import { seededRandom } from '../runtime/random.ts';
import { type VirtualClock, virtualClock } from '../runtime/virtual-clock.ts';
import { type Budget, createBudget, maxInFlight, type Place, throttleReaction } from './budget.ts';
import {
  type BudgetRow,
  type BudgetRows,
  budgetMargin,
  budgets,
  type CallClass,
  callClasses,
  documentedBudget,
  unlimitedBudget,
  withMargin,
} from './documented-budget.ts';
import { callPriorities, type Elbv2Action } from './elbv2-api.ts';

const actionOf: Record<CallClass, Elbv2Action> = {
  describe: 'DescribeTags',
  register: 'RegisterTargets',
  mutate: 'CreateListener',
};

function budgetOf(rows: BudgetRows = documentedBudget, seed = 1) {
  const clock = virtualClock();
  const slowed: [CallClass, number][] = [];
  const budget = createBudget(
    {
      clock,
      random: seededRandom(seed),
      log: silentLog(),
      observer: { slowed: (callClass, share) => slowed.push([callClass, share]) },
    },
    rows,
  );
  return { clock, budget, slowed };
}

/** Takes once and ends at once; what is called when it went. */
function call(budget: Budget, callClass: CallClass, went: () => void, options: object = {}): Place {
  const place = budget.enter(actionOf[callClass], { priority: 'bind', ...options });
  place.take().then(
    () => {
      went();
      place.done('answered');
    },
    () => {},
  );
  return place;
}

async function countWithin(clock: VirtualClock, ms: number, start: (went: () => void) => void): Promise<number> {
  let count = 0;
  start(() => {
    count += 1;
  });
  await clock.advance(ms);
  return count;
}

test('createBudget() lets a burst go at once and then the rate, each less the margin', async () => {
  for (const [callClass, row] of [
    ['register', documentedBudget.register],
    ['mutate', documentedBudget.mutate],
  ] as const) {
    const { clock, budget } = budgetOf();
    let count = 0;
    for (let i = 0; i < 100; i++) call(budget, callClass, () => count++);
    await clock.settle();
    assert.equal(count, row.burst - 1);
    await clock.advance(10_000);
    assert.equal(count, row.burst - 1 + Math.floor(10 * row.perSecond * budgetMargin.rateShare));
  }
});

test('createBudget() counts every call against the account too', async () => {
  const { clock, budget } = budgetOf();
  const count = await countWithin(clock, 0, went => {
    for (let i = 0; i < 40; i++) call(budget, 'describe', went);
    for (let i = 0; i < 10; i++) call(budget, 'mutate', went);
    for (let i = 0; i < 10; i++) call(budget, 'register', went);
  });
  assert.equal(count, documentedBudget.account.burst - 3);
});

test('createBudget() lets everyone go where there is no limit, up to the calls in the air', async () => {
  const { clock, budget } = budgetOf(unlimitedBudget);
  const places = Array.from({ length: maxInFlight + 5 }, () => budget.enter('RegisterTargets', { priority: 'bind' }));
  let gone = 0;
  for (const place of places) void place.take().then(() => gone++);
  await clock.settle();
  assert.equal(gone, maxInFlight);
  places[0]!.done('answered');
  await clock.settle();
  assert.equal(gone, maxInFlight + 1);
});

test('createBudget() serves by priority, then by age of the cause, then by arrival', async () => {
  const { clock, budget } = budgetOf({ ...documentedBudget, register: { burst: 1, perSecond: 1 } });
  const order: string[] = [];
  call(budget, 'register', () => order.push('first'), { priority: 'audit' });
  call(budget, 'register', () => order.push('audit'), { priority: 'audit' });
  call(budget, 'register', () => order.push('bind new'), { waitingSinceMs: 2 });
  call(budget, 'register', () => order.push('bind old'), { waitingSinceMs: 1 });
  call(budget, 'register', () => order.push('bind new, later'), { waitingSinceMs: 2 });
  call(budget, 'register', () => order.push('dead'), { priority: 'deregister' });
  await clock.advance(10_000);
  assert.deepEqual(order, ['first', 'dead', 'bind old', 'bind new', 'bind new, later', 'audit']);
});

test('createBudget() lets other classes pass a call that waits for its own class', async () => {
  const { clock, budget } = budgetOf({ ...documentedBudget, mutate: { burst: 1, perSecond: 0.1 } });
  const order: string[] = [];
  call(budget, 'mutate', () => order.push('mutate'), { priority: 'deregister' });
  call(budget, 'mutate', () => order.push('late mutate'), { priority: 'deregister' });
  call(budget, 'describe', () => order.push('describe'), { priority: 'audit' });
  await clock.settle();
  assert.deepEqual(order, ['mutate', 'describe']);
});

test('createBudget() lets nobody take the token of the account that a more urgent call waits for', async () => {
  const { clock, budget } = budgetOf({ ...documentedBudget, account: { burst: 1, perSecond: 1 } });
  const order: string[] = [];
  call(budget, 'describe', () => order.push('first'));
  call(budget, 'describe', () => order.push('audit'), { priority: 'audit' });
  call(budget, 'register', () => order.push('dead'), { priority: 'deregister' });
  await clock.advance(5000);
  assert.deepEqual(order, ['first', 'dead', 'audit']);
});

test('createBudget() takes an aborted call out of the queue at once', async () => {
  const { clock, budget } = budgetOf({ ...documentedBudget, register: { burst: 1, perSecond: 1 } });
  const order: string[] = [];
  const abort = new AbortController();
  call(budget, 'register', () => order.push('first'));
  const waiting = budget.enter('RegisterTargets', { priority: 'bind', signal: abort.signal }).take();
  call(budget, 'register', () => order.push('third'));
  abort.abort(new Error('gone'));
  await assert.rejects(waiting, /gone/);
  assert.equal(budget.waiting(), 1);
  await clock.advance(1100);
  assert.deepEqual(order, ['first', 'third']);
});

test('createBudget() keeps one timer at most, however many wait, and none when nobody does', async () => {
  const { clock, budget } = budgetOf();
  for (let i = 0; i < 200; i++) call(budget, i % 2 ? 'register' : 'mutate', () => {});
  assert.equal(clock.pending, 1);
  await clock.advance(120_000);
  assert.equal(budget.waiting(), 0);
  assert.equal(clock.pending, 0);
});

test('done("unsent") gives the tokens back', async () => {
  const { clock, budget } = budgetOf({ ...documentedBudget, register: { burst: 1, perSecond: 0.001 } });
  const place = budget.enter('RegisterTargets', { priority: 'bind' });
  await place.take();
  place.done('unsent');
  const count = await countWithin(clock, 0, went => call(budget, 'register', went));
  assert.equal(count, 1);
});

test('done("unsent") gives nothing back that the bucket has gained since anyway', async () => {
  const { clock, budget } = budgetOf({ ...documentedBudget, register: { burst: 1, perSecond: 1 } });
  const place = budget.enter('RegisterTargets', { priority: 'bind' });
  await place.take();
  await clock.advance(1100);
  const count = await countWithin(clock, 500, went => {
    call(budget, 'register', went);
    place.done('unsent');
    call(budget, 'register', went);
  });
  assert.equal(count, 1);
});

test('done("throttled") rests the class, halves its rate, keeps the place, and the rate comes back', async () => {
  const { clock, budget, slowed } = budgetOf();
  const order: string[] = [];
  const place = budget.enter('RegisterTargets', { priority: 'bind' });
  await place.take();
  call(budget, 'register', () => order.push('in time'));
  await clock.settle();
  place.done('throttled');
  call(budget, 'register', () => order.push('behind'));
  call(budget, 'mutate', () => order.push('other class'));
  void place.take().then(() => {
    order.push('again');
    place.done('answered');
  });
  assert.equal(budget.rateShare('register'), throttleReaction.decrease);
  assert.equal(budget.rateShare('mutate'), 1);
  await clock.advance(throttleReaction.pauseMs * 0.5 - 1);
  assert.deepEqual(order, ['in time', 'other class']);
  await clock.advance(2000);
  assert.deepEqual(order, ['in time', 'other class', 'again', 'behind']);
  await clock.advance(10_000);
  assert.equal(budget.rateShare('register'), 1);
  assert.deepEqual(slowed, [['register', 0.5]]);
});

test('done("throttled") spends what was saved up', async () => {
  const { clock, budget } = budgetOf();
  const place = budget.enter('CreateListener', { priority: 'bind' });
  await place.take();
  place.done('throttled');
  const count = await countWithin(clock, 2000, went => {
    for (let i = 0; i < 15; i++) call(budget, 'mutate', went);
  });
  assert.ok(count >= 1 && count <= 4, `${count} calls in 2 s`);
});

test('done("throttled") rests the class longer each time, whatever its rate', async () => {
  const { clock, budget } = budgetOf({ ...documentedBudget, register: { burst: 1000, perSecond: 1000 } });
  const place = budget.enter('RegisterTargets', { priority: 'bind' });
  const waited: number[] = [];
  for (let i = 0; i < 6; i++) {
    const beganMs = clock.monotonicMs();
    let went = false;
    void place.take().then(() => {
      went = true;
    });
    await clock.advanceUntil(() => went, 60_000);
    waited.push(clock.monotonicMs() - beganMs);
    place.done('throttled');
  }
  const [first, ...rests] = waited;
  assert.equal(first, 0);
  rests.forEach((restMs, index) => {
    const pauseMs = Math.min(throttleReaction.maxPauseMs, throttleReaction.pauseMs * 2 ** index);
    assert.ok(restMs >= pauseMs * 0.5 && restMs <= pauseMs * 1.5 + 100, `rest ${index} lasted ${restMs} ms`);
  });
});

test('done("throttled") of calls that were already in the air slows the class down once', async () => {
  const { clock, budget } = budgetOf();
  const places = Array.from({ length: 10 }, () => budget.enter('CreateListener', { priority: 'bind' }));
  await Promise.all(places.map(place => place.take()));
  await clock.advance(50);
  for (const place of places) place.done('throttled');
  assert.equal(budget.rateShare('mutate'), 0.5);
});

test('a class in a long storm never comes to a stop, and is back soon after', async () => {
  const { clock, budget } = budgetOf();
  let attempts = 0;
  let storm = true;
  let served = false;
  const place = budget.enter('CreateListener', { priority: 'bind' });
  void (async () => {
    while (!served) {
      await place.take();
      attempts += 1;
      served = !storm;
      place.done(storm ? 'throttled' : 'answered');
    }
  })();
  await clock.advance(60_000);
  assert.ok(budget.rateShare('mutate') > 0.03);
  assert.ok(attempts >= 10 && attempts <= 60, `${attempts} attempts in a minute of throttling`);
  storm = false;
  await clock.advance(10_000);
  assert.ok(served);
});

test('a class without a limit takes the documented one while its endpoint throttles', async () => {
  const { clock, budget } = budgetOf(unlimitedBudget);
  const place = budget.enter('RegisterTargets', { priority: 'bind' });
  await place.take();
  place.done('throttled');
  const count = await countWithin(clock, 2000, went => {
    for (let i = 0; i < 90; i++) call(budget, 'register', went);
  });
  assert.ok(count >= 1 && count <= 8, `${count} calls in 2 s`);
  await clock.advance(10_000);
  const afterwards = await countWithin(clock, 0, went => {
    for (let i = 0; i < 50; i++) call(budget, 'register', went);
  });
  assert.equal(afterwards, 50);
});

test('createBudget() refuses a row that would never let anyone go', () => {
  assert.throws(() => budgetOf({ ...documentedBudget, mutate: { burst: 0, perSecond: 1 } }), /Cannot keep a budget/);
  assert.throws(() => budgetOf({ ...documentedBudget, mutate: { burst: 1, perSecond: 0 } }), /Cannot keep a budget/);
});

test('the relations between the figures hold', () => {
  const { account, describe, register, mutate } = documentedBudget;
  // Reactions assume that no class alone can outrun the account for good.
  for (const row of [describe, register, mutate]) {
    assert.ok(row.burst <= account.burst && row.perSecond <= account.perSecond);
  }
  // Binding never starves making, and both leave the account something for looking.
  assert.ok(register.perSecond + mutate.perSecond < account.perSecond);
  // The budget, not the bound on sockets, decides: burst, and what comes in during one attempt's 5 s.
  assert.ok(maxInFlight >= account.burst + account.perSecond * 5);
  // The margin keeps 50 warm rooms within 1.15 x 7.5 s and 50 cold ones within 1.15 x 43.3 s.
  const seconds = (calls: number, row: BudgetRow) => {
    const ours = withMargin(row);
    return (calls - ours.burst) / ours.perSecond;
  };
  assert.ok(seconds(50, register) < 1.07 * 7.5);
  assert.ok(seconds(150, mutate) < 1.07 * 43.3);
  assert.deepEqual(Object.keys(budgets), ['documented', 'none']);
  // Every class is drawn on by some action.
  assert.deepEqual([...new Set(Object.values(callClasses))].sort(), ['describe', 'mutate', 'register']);
});

const smallRow = fc.record({ burst: fc.integer({ min: 1, max: 6 }), perSecond: fc.integer({ min: 1, max: 8 }) });
const someCall = fc.record({
  atMs: fc.integer({ min: 0, max: 5000 }),
  callClass: fc.constantFrom<CallClass>('describe', 'register', 'mutate'),
  priority: fc.constantFrom(...callPriorities),
  tookMs: fc.integer({ min: 0, max: 300 }),
  outcome: fc.constantFrom('answered', 'answered', 'answered', 'throttled', 'unsent'),
});

test('createBudget() never lets more than burst + rate x time go in any window, and starves nobody', async () => {
  const rows = fc.record({ account: smallRow, describe: smallRow, register: smallRow, mutate: smallRow });
  await fc.assert(
    fc.asyncProperty(rows, fc.array(someCall, { maxLength: 40 }), async (limits, calls) => {
      const { clock, budget } = budgetOf(limits);
      const sent: { atMs: number; callClass: CallClass }[] = [];
      let served = 0;
      for (const { atMs, callClass, priority, tookMs, outcome } of calls) {
        clock.after(atMs, async () => {
          const place = budget.enter(actionOf[callClass], { priority });
          await place.take();
          if (outcome !== 'unsent') sent.push({ atMs: clock.monotonicMs(), callClass });
          clock.after(tookMs, () => {
            place.done(outcome as 'answered');
            served += 1;
          });
        });
      }
      await clock.advanceUntil(() => served === calls.length, 3_600_000);
      assert.equal(served, calls.length);
      const within = (row: BudgetRow, times: number[]) => {
        for (let from = 0; from < times.length; from++) {
          for (let to = from; to < times.length; to++) {
            const most = row.burst + (row.perSecond * (times[to]! - times[from]!)) / 1000;
            assert.ok(to - from + 1 <= most + 1e-6, `${to - from + 1} calls where ${most} may go`);
          }
        }
      };
      within(
        limits.account,
        sent.map(({ atMs }) => atMs),
      );
      for (const name of ['describe', 'register', 'mutate'] as const) {
        within(
          limits[name],
          sent.filter(({ callClass }) => callClass === name).map(({ atMs }) => atMs),
        );
      }
    }),
    { numRuns: 60 },
  );
});

test('createBudget() never lets a call go while a more urgent one of its class waits', async () => {
  await fc.assert(
    fc.asyncProperty(smallRow, fc.array(someCall, { minLength: 2, maxLength: 30 }), async (row, calls) => {
      const { clock, budget } = budgetOf({ ...documentedBudget, register: row });
      const waiting: { priority: number; sequence: number }[] = [];
      let sequence = 0;
      let served = 0;
      for (const { atMs, priority, tookMs } of calls) {
        clock.after(atMs, async () => {
          const me = { priority: callPriorities.indexOf(priority), sequence: sequence++ };
          waiting.push(me);
          const place = budget.enter('RegisterTargets', { priority });
          await place.take();
          waiting.splice(waiting.indexOf(me), 1);
          const first = waiting.every(
            other => other.priority > me.priority || (other.priority === me.priority && other.sequence > me.sequence),
          );
          assert.ok(first);
          clock.after(tookMs, () => {
            place.done('answered');
            served += 1;
          });
        });
      }
      await clock.advanceUntil(() => served === calls.length, 3_600_000);
      assert.equal(served, calls.length);
    }),
    { numRuns: 60 },
  );
});
