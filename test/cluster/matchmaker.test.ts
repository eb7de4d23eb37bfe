import assert from 'node:assert/strict';
import { type ChildProcess, spawn } from 'node:child_process';
import { after, before, describe, test } from 'node:test';
import { eventually } from './eventually.ts';
import { startWorld, type World } from './world.ts';

describe('the matchmaker of the examples', () => {
  let world: World;
  const children: ChildProcess[] = [];
  let said = '';
  before(async () => {
    world = await startWorld();
    await world.operator();
    await world.pool('game');
    const api = await proxy();
    const matchmaker = spawn(process.execPath, ['examples/matchmaker/rooms.mjs', api, 'default', 'game']);
    children.push(matchmaker);
    matchmaker.stdout.on('data', chunk => {
      said += String(chunk);
    });
  });
  after(async () => {
    for (const child of children) child.kill('SIGKILL');
    await world?.stop();
  });

  /** `kubectl proxy` on a free port; its URL. */
  async function proxy(): Promise<string> {
    const child = spawn(world.cluster.kubectlPath, ['proxy', '--port=0'], {
      env: { ...process.env, KUBECONFIG: world.cluster.adminKubeconfig },
    });
    children.push(child);
    let out = '';
    child.stdout.on('data', chunk => {
      out += String(chunk);
    });
    return await eventually(async () => {
      const [, at] = /Starting to serve on (\S+)/.exec(out) ?? [];
      assert.ok(at, out);
      return `http://${at}`;
    }, 10_000);
  }

  test('offers a room with the address at which it answers, and withdraws it at its end', async () => {
    await world.room('room-1', world.ip(1));
    const endpoint = await eventually(async () => {
      const [, at] = /^\+ room-1 (\S+)$/m.exec(said) ?? [];
      assert.ok(at, said);
      return at;
    }, 30_000);
    assert.equal(await world.ask(endpoint, 10_000), 'room-1');
    await world.pods.remove('room-1');
    await eventually(async () => assert.match(said, /^- room-1$/m), 10_000);
  });
});
