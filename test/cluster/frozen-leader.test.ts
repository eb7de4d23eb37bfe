import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import { eventually } from './eventually.ts';
import type { OperatorProcess } from './operator-process.ts';
import { eachOf, pause, startWorld, type World } from './world.ts';

describe('a leader that is frozen in the middle of its calls', () => {
  let world: World;
  let first: OperatorProcess;
  let second: OperatorProcess;
  const name = (at: number) => `room-${at}`;
  const rooms = Array.from({ length: 12 }, (_, at) => at);
  before(async () => {
    // AWS takes a signature for 5 minutes and the quarantine lasts as long; here both are short.
    world = await startWorld({ sets: { 'signature-age': '10s' } });
    await world.pool('game', {
      ports: { min: 30000, max: 30023 },
      warm: 24,
      release: { on: 'Ended', quarantine: '12s' },
    });
    first = await world.operator(['--leader-elect=true']);
    await eventually(async () => assert.equal(await leads(first), true), 20_000);
    second = await world.operator(['--leader-elect=true']);
    await eventually(async () => {
      const ports = await world.ports();
      assert.ok(ports.length === 24 && ports.every(({ status }) => status?.phase === 'Available'));
    }, 20_000);
  });
  after(() => world?.stop());

  const leads = async (operator: OperatorProcess) =>
    (await operator.metrics()).find(({ name }) => name === 'nlbports_leader')?.value === 1;
  /** What AWS was asked to change, and did. */
  const changes = async () => {
    const { actions } = await world.aws.calls();
    return Object.entries(actions).flatMap(([action, { succeeded }]) =>
      action.startsWith('Describe') ? [] : [`${action}: ${succeeded}`],
    );
  };
  const answers = async (at: number, timeoutMs?: number) => {
    const endpoint = world.endpointOf(await world.pods.get(name(at)));
    assert.ok(endpoint, `${name(at)} has no endpoint`);
    assert.equal(await world.ask(endpoint, timeoutMs), `${name(at)} again`);
  };

  test('and wakes when its rooms are long gone changes nothing: every port answers for its present room', async t => {
    // Registrations hang on their way, so that the leader is frozen inside of them.
    await world.aws.setFaults([{ kind: 'late', actions: ['RegisterTargets'], delayMs: 2_000 }]);
    await eachOf(rooms, 12, at => world.room(name(at), world.ip(at)));
    await pause(1_000);
    first.process.signal('SIGSTOP');
    const frozenMs = performance.now();
    await world.aws.setFaults([]);
    await eventually(async () => assert.equal(await leads(second), true), 25_000);
    // All of them go and come again, elsewhere, while the old leader knows nothing of it.
    await eachOf(rooms, 12, at => world.pods.remove(name(at)));
    await eachOf(rooms, 12, async at => {
      await world.serve(`${name(at)} again`, world.ip(100 + at));
      await world.pods.run({
        name: name(at),
        ip: world.ip(100 + at),
        labels: { 'nlbports.dev/pool': 'game' },
        annotations: { 'nlbports.dev/ports': '7777/UDP' },
      });
    });
    await eachOf(rooms, 12, at => eventually(() => answers(at), 20_000));
    await eventually(async () => {
      for (const { spec, status } of await world.ports()) {
        assert.equal(status?.phase, spec.claim ? 'Bound' : 'Available');
      }
    }, 40_000);
    const before = await changes();
    first.process.signal('SIGCONT');
    t.diagnostic(`frozen for ${((performance.now() - frozenMs) / 1_000).toFixed(1)} s`);
    await eventually(() => assert.ok(!first.process.isRunning(), 'it ends, to start anew'), 15_000);
    await pause(2_000);
    assert.deepEqual(await changes(), before);
    for (const at of rooms) await answers(at, 10_000);
    for (const group of await world.aws.targetGroups()) {
      const live = group.targets.filter(({ state }) => state !== 'draining');
      assert.ok(live.length <= 1, `${group.TargetGroupName} has ${JSON.stringify(live)}`);
    }
  });
});
