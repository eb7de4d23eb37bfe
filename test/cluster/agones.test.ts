import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import { agonesDefinitions, gameServerPod } from '../../src/simulation/agones-stub.fixture.ts';
import { applyFiles, applyObjects } from './apply.ts';
import { eventually } from './eventually.ts';
import type { AnyObject, Rest } from './rest.ts';
import { RestError } from './rest.ts';
import { startWorld, type World } from './world.ts';

const gameServers = '/apis/agones.dev/v1/namespaces/default/gameservers';

/** Agones itself is not here: its kind is a stub, and the test makes the pods of GameServers. */
describe('GameServers of Agones, on a real API server', () => {
  let world: World;
  let operator: Rest;
  before(async () => {
    world = await startWorld();
    const { rest } = world.cluster;
    await applyFiles(rest, 'deploy/policies');
    await world.operator(['--agones=true']);
    await world.pool('game');
    operator = rest.as(await world.cluster.serviceAccountToken('nlbports-system', 'nlbports'));
  });
  after(() => world?.stop());

  const gameServer = async (name: string, number: number) => {
    const { rest } = world.cluster;
    const made = await rest.create(gameServers, {
      apiVersion: 'agones.dev/v1',
      kind: 'GameServer',
      metadata: { name },
    });
    await roomOf(made as { metadata: { name: string; uid: string } }, number);
  };
  const roomOf = async (owner: { metadata: { name: string; uid: string } }, number: number) => {
    const { name } = owner.metadata;
    const pod = gameServerPod(owner) as { labels: Record<string, string> };
    await world.room(name, world.ip(number), { labels: { ...pod.labels, 'nlbports.dev/pool': 'game' } });
    await world.cluster.rest.patch(`/api/v1/namespaces/default/pods/${name}`, 'merge', { metadata: pod });
  };
  const warnings = async (name: string) =>
    (await world.pods.events(name)).filter(({ action }) => action === 'MirrorEndpoint').map(({ reason }) => reason);

  test('a pod without the right, or without Agones, is told so, and has its port', async () => {
    const { rest } = world.cluster;
    await roomOf({ metadata: { name: 'early', uid: '11111111-2222-4333-8444-555555555555' } }, 1);
    // Who may not ask is not told whether the kind is there.
    await eventually(async () => assert.deepEqual(await warnings('early'), ['GameServerForbidden']), 20_000);
    assert.ok(world.endpointOf(await world.pods.get('early')));
    await applyFiles(rest, 'deploy/agones.yaml');
    // The authorizer reads roles from a cache, which follows in a moment.
    const isNotFound = (error: unknown) => error instanceof RestError && error.status === 404;
    await eventually(() => assert.rejects(operator.get(`${gameServers}/none`), isNotFound), 20_000);
    await roomOf({ metadata: { name: 'later', uid: '11111111-2222-4333-8444-555555555555' } }, 2);
    await eventually(async () => assert.deepEqual(await warnings('later'), ['GameServersNotServed']), 20_000);
  });

  test('a GameServer says the endpoint of its pod, and says it no more when the pod has ended', async () => {
    await applyObjects(world.cluster.rest, agonesDefinitions() as AnyObject[]);
    await gameServer('match-1', 3);
    const endpoint = await eventually(async () => {
      const { metadata } = await world.cluster.rest.get(`${gameServers}/match-1`);
      const [entry] = JSON.parse(metadata.annotations?.['nlbports.dev/endpoints'] ?? '[]');
      assert.equal(entry?.state, 'Healthy');
      return metadata.annotations['nlbports.dev/endpoint'];
    }, 30_000);
    assert.equal(await world.ask(endpoint, 10_000), 'match-1');
    await world.pods.setPhase('match-1', 'Succeeded');
    await eventually(async () => {
      const { metadata } = await world.cluster.rest.get(`${gameServers}/match-1`);
      assert.equal(metadata.annotations?.['nlbports.dev/endpoint'], undefined);
      assert.equal(metadata.annotations?.['nlbports.dev/endpoints'], undefined);
    }, 20_000);
  });

  test('the operator may write its own two annotations on a GameServer, and nothing else', async () => {
    const refused = async (body: AnyObject) => {
      const tried = operator.patch(`${gameServers}/match-1`, 'merge', body, { dryRun: 'All' });
      await assert.rejects(tried, error => error instanceof RestError && /its own two annotations/.test(error.message));
    };
    await eventually(() => refused({ spec: { container: 'other' } }), 20_000);
    await refused({ status: { state: 'Ready' } });
    await refused({ metadata: { labels: { 'agones.dev/fleet': 'other' } } });
    await refused({ metadata: { finalizers: ['example.com/hold'] } });
    await refused({ metadata: { annotations: { 'agones.dev/sdk-version': '9' } } });
    const own = { metadata: { annotations: { 'nlbports.dev/endpoint': 'host:1' } } };
    await operator.patch(`${gameServers}/match-1`, 'merge', own, { dryRun: 'All' });
    await assert.rejects(operator.remove(`${gameServers}/match-1`), /forbidden/i);
  });
});
