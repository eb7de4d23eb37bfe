import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { after, before, describe, test } from 'node:test';
import {
  CreateTargetGroupCommand,
  DeleteListenerCommand,
  DeregisterTargetsCommand,
} from '@aws-sdk/client-elastic-load-balancing-v2';
import { eventually } from './eventually.ts';
import { awsEnvironment, type OperatorProcess } from './operator-process.ts';
import { cleanEnvironment, nlbportsCommand } from './product.ts';
import { startWorld, type World } from './world.ts';

interface Ran {
  code: number;
  stdout: string;
  stderr: string;
}

const portsPath = '/apis/nlbports.dev/v1alpha1/nlbports';

describe('nlbports audit, beside a running operator', () => {
  let world: World;
  let operator: OperatorProcess;
  before(async () => {
    world = await startWorld();
    // Its own audits come every ten minutes: what is mended here, the command has mended.
    operator = await world.operator();
    await world.pool('game', { ports: { min: 30000, max: 30003 }, warm: 1 });
    // A room that comes while the ports are made gets one that is there already.
    await phasesAre('Available', 'Cold', 'Cold', 'Cold');
    await world.room('room-1', world.ip(1));
    await eventually(async () => assert.equal(await world.ask(await endpoint()), 'room-1'), 30_000);
    // Another one is made warm in its place, a second later.
    await phasesAre('Bound', 'Available', 'Cold', 'Cold');
    await eventually(async () => assert.equal((await audit()).code, 0), 30_000);
  });
  after(() => world?.stop());

  const endpoint = async () => world.endpointOf(await world.pods.get('room-1')) ?? '';
  const phasesAre = (...wanted: string[]) =>
    eventually(async () => {
      const phases = (await world.ports()).map(({ status }) => status?.phase);
      assert.deepEqual(phases, wanted);
    }, 30_000);
  const bound = async () => (await world.ports()).find(port => port.spec.claim)!;
  const audit = (...args: string[]): Promise<Ran> =>
    new Promise(resolve => {
      const env = cleanEnvironment(awsEnvironment(world.emulator.endpoint));
      const flags = ['audit', `--kubeconfig=${world.cluster.adminKubeconfig}`, ...args];
      execFile(nlbportsCommand, flags, { env, timeout: 120_000 }, (error, stdout, stderr) => {
        resolve({ code: typeof error?.code === 'number' ? error.code : error ? -1 : 0, stdout, stderr });
      });
    });

  test('it shows both sides, and ends with 0 where nothing differs', async () => {
    const { code, stdout } = await audit();
    assert.equal(code, 0, stdout);
    assert.match(stdout, /Kubernetes {2}4 NLBPorts, 1 claimed, in 1 pool/);
    assert.match(stdout, /AWS {9}2 target groups and 2 listeners of this cluster on 1 load balancer/);
    assert.match(stdout, /Nothing differs\.\n$/);
  });

  test('it prints what somebody did, changes nothing, and ends with 3', async () => {
    const { status } = await bound();
    const { targetGroupArn: TargetGroupArn } = status;
    await world.aws.client.send(new DeleteListenerCommand({ ListenerArn: status.listenerArn }));
    const [Id, Port] = status.target.split(':');
    await world.aws.client.send(
      new DeregisterTargetsCommand({ TargetGroupArn, Targets: [{ Id, Port: Number(Port) }] }),
    );
    const { code, stdout } = await audit('--json');
    assert.equal(code, 3);
    const { findings, restored } = JSON.parse(stdout);
    assert.equal(restored, null);
    const { name } = (await bound()).metadata;
    assert.deepEqual(
      findings.map(({ kind, action, port }: Record<string, string>) => [kind, action, port]),
      [
        ['ListenerMissing', 'repair', name],
        ['TargetMissing', 'repair', name],
      ],
    );
    assert.equal((await bound()).status.listenerArn, status.listenerArn);
  });

  test('with --fix the operator repairs it at once, and it ends with 0', async () => {
    const { code, stdout } = await audit('--fix');
    assert.equal(code, 0, stdout);
    assert.match(stdout, /ListenerMissing {2}nlb-[0-9a-f]{16}-30000\n.*\n {2}-> repaired/);
    await eventually(async () => assert.equal(await world.ask(await endpoint()), 'room-1'), 10_000);
    assert.equal((await audit()).code, 0);
  });

  test('an orphan is deleted by --fix after a second look, and a stranger is not', async () => {
    const { uid } = (await world.cluster.rest.get('/api/v1/namespaces/kube-system')).metadata;
    const name = (await bound()).metadata.name.replace(/30000$/, '31000');
    const make = (Name: string, tags: Record<string, string>) =>
      world.aws.client.send(
        new CreateTargetGroupCommand({
          Name,
          Protocol: 'UDP',
          Port: 1,
          VpcId: 'vpc-1',
          TargetType: 'ip',
          Tags: Object.entries(tags).map(([Key, Value]) => ({ Key, Value })),
        }),
      );
    const ours = { 'nlbports.dev/cluster': uid, 'nlbports.dev/port': name, 'nlbports.dev/pool': 'game' };
    await make('left', ours);
    await make('other-cluster', { ...ours, 'nlbports.dev/cluster': 'another' });
    const { code, stdout } = await audit();
    assert.equal(code, 3);
    assert.match(stdout, /to be deleted, if a second look finds it too/);
    const fixed = await audit('--fix');
    assert.equal(fixed.code, 0, fixed.stdout);
    assert.match(fixed.stdout, /-> it was removed/);
    const names = (await world.aws.targetGroups()).map(({ TargetGroupName }) => TargetGroupName);
    assert.ok(!names.includes('left') && names.includes('other-cluster'), names.join());
  });

  test('in a restored cluster it shows both sides, refuses --fix with 4, and the operator waits for a person', async () => {
    await operator.terminate();
    const before = await endpoint();
    for (const { metadata } of await world.ports()) {
      await world.cluster.rest.patch(`${portsPath}/${metadata.name}`, 'merge', { metadata: { finalizers: [] } });
      await world.cluster.rest.remove(`${portsPath}/${metadata.name}`);
    }
    const shown = await audit();
    assert.equal(shown.code, 3);
    assert.match(shown.stdout, /Kubernetes {2}0 NLBPorts/);
    assert.match(shown.stdout, /AWS {9}2 target groups and 2 listeners/);
    const refused = await audit('--fix');
    assert.equal(refused.code, 4);
    assert.match(refused.stderr, /^NLBP-2007: Cannot fix/);

    await world.operator();
    const poolPath = '/apis/nlbports.dev/v1alpha1/nlbportpools/game';
    await eventually(async () => {
      const { conditions } = (await world.cluster.rest.get(poolPath)).status;
      const ready = conditions.find(({ type }: { type: string }) => type === 'Ready');
      assert.deepEqual([ready.status, ready.reason], ['False', 'ClusterRestored']);
    }, 20_000);
    assert.deepEqual(await world.ports(), []);
    assert.equal(await world.ask(before, 10_000), 'room-1');
    assert.equal((await audit('--fix')).code, 4);

    await world.cluster.rest.patch(poolPath, 'merge', {
      metadata: { annotations: { 'nlbports.dev/proceed': 'true' } },
    });
    await eventually(async () => {
      assert.equal((await world.ports()).length, 4);
      assert.equal((await bound()).status.endpoint, before);
    }, 120_000);
    assert.equal(await endpoint(), before);
    assert.equal(await world.ask(before, 10_000), 'room-1');
  });
});
