import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import { sleep, systemClock } from '../../src/runtime/clock.ts';
import { applyFiles } from './apply.ts';
import { eventually } from './eventually.ts';
import type { AnyObject } from './rest.ts';
import { eachOf, startWorld, type World } from './world.ts';

const gate = 'nlbports.dev/ready';
const names = Array.from({ length: 100 }, (_, at) => `room-${String(at).padStart(3, '0')}`);

/**
 * The delays of the emulator's realistic profile at a sixth and less; the pool's settle time is shortened with them. What
 * is shown is how the operator deals with the emulator's delays, not that AWS keeps to them.
 */
const sets = {
  throttling: 'off',
  'provisioning-delay': '0s',
  'registration-delay': '0s-3s',
  'flow-delay': '0s-5s',
  'stale-read-delay': '0s',
};

describe('the readiness gate, injected by the policy that we ship', () => {
  let world: World;
  let kubelet: { end(): Promise<void> };
  before(async () => {
    world = await startWorld({ profile: 'realistic', sets, loadBalancers: ['game-1', 'game-2'] });
    // All of them: what the operator writes has to pass the others.
    await applyFiles(world.cluster.rest, 'deploy/policies');
    await eventually(async () => {
      const probe = await world.cluster.rest.create(
        '/api/v1/namespaces/default/pods',
        { apiVersion: 'v1', kind: 'Pod', metadata: { name: 'x', labels: { 'nlbports.dev/pool': 'game' } }, spec },
        { dryRun: 'All' },
      );
      assert.ok(probe.spec.readinessGates);
    }, 20_000);
    await world.operator(['--health-first-look=1s']);
    await world.pool('game', {
      warm: 100,
      healthCheck: { interval: '5s' },
      readiness: { settle: '5s' },
    });
    await eventually(async () => {
      const ports = await world.ports();
      assert.equal(ports.filter(({ status }) => status?.phase === 'Available').length, 100);
    }, 120_000);
    kubelet = actAsKubelet(world);
  });
  after(async () => {
    await kubelet?.end();
    await world?.stop();
  });

  test('kubectl wait for Ready returns only when bytes pass, in 100 of 100 rooms', { timeout: 300_000 }, async () => {
    await eachOf([...names.keys()], 25, async at => {
      const [name, ip] = [names[at]!, world.ip(at)];
      await world.serve(name, ip);
      const pod = await world.pods.create({
        name,
        labels: { 'nlbports.dev/pool': 'game' },
        annotations: { 'nlbports.dev/ports': '7777/UDP' },
      });
      assert.deepEqual(pod.spec.readinessGates, [{ conditionType: gate }]);
      await world.pods.setIP(name, ip);
      await world.pods.setPhase(name, 'Running');
      await world.pods.setConditions(name, { ContainersReady: 'True' });
    });
    const silent: string[] = [];
    await eachOf(names, 5, async name => {
      const waiting = ['wait', '--for=condition=Ready', `pod/${name}`, '--timeout=100s'];
      const { code, stderr } = await world.cluster.kubectl(waiting);
      assert.equal(code, 0, stderr);
      const endpoint = world.endpointOf(await world.pods.get(name))!;
      const answer = await world.ask(endpoint, 10_000).catch(error => String(error));
      if (answer !== name) silent.push(`${name}: ${answer}`);
    });
    assert.deepEqual(silent, []);
  });
});

const spec = { containers: [{ name: 'game', image: 'game' }] };

/**
 * There is no kubelet: this one does with readiness gates what a kubelet does. A pod is Ready when its containers are and
 * each gate's condition is True.
 */
function actAsKubelet(world: World): { end(): Promise<void> } {
  const clock = systemClock();
  let isOver = false;
  const done = (async () => {
    while (!isOver) {
      const pods = await world.cluster.rest.list('/api/v1/namespaces/default/pods');
      await eachOf(pods, 25, async ({ metadata, spec: { readinessGates = [] }, status }) => {
        const is = (type: string) => status.conditions?.find((c: AnyObject) => c.type === type)?.status;
        const isReady =
          is('ContainersReady') === 'True' &&
          readinessGates.every(({ conditionType }: AnyObject) => is(conditionType) === 'True');
        const wanted = isReady ? 'True' : 'False';
        if (is('Ready') !== wanted) await world.pods.setConditions(metadata.name, { Ready: wanted }).catch(() => {});
      });
      await sleep(clock, 100);
    }
  })();
  return {
    async end() {
      isOver = true;
      await done;
    },
  };
}
