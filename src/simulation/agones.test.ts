import assert from 'node:assert/strict';
import { test } from 'node:test';
import { endpointAnnotation, endpointsAnnotation, poolLabel, portsAnnotation } from '../api/names.ts';
import type { KubeObject, Pod } from '../kube/objects.ts';
import { gameServers, pods, type Resource } from '../kube/resource.ts';
import { agonesDefinitions, gameServerPod } from './agones-stub.fixture.ts';
import type { IoFault } from './wires.ts';
import { createWorld, type World } from './world.ts';

const definitions: Resource<KubeObject> = {
  apiVersion: 'apiextensions.k8s.io/v1',
  kind: 'CustomResourceDefinition',
  plural: 'customresourcedefinitions',
  namespaced: false,
};

async function install(world: World): Promise<void> {
  for (const each of agonesDefinitions()) await world.kube.create(definitions, each as KubeObject);
}

/** What Agones makes: a GameServer, and its pod. */
async function gameServer(world: World, name: string, annotations?: Record<string, string>): Promise<KubeObject> {
  const made = await world.kube.create(gameServers, {
    metadata: { name, namespace: 'default', ...(annotations ? { annotations } : {}) },
    spec: { container: 'game' },
  } as KubeObject);
  await podOf(world, made);
  return made;
}

let lastAddress = 0;
async function podOf(world: World, { metadata: { name, uid = '' } }: KubeObject): Promise<void> {
  const { labels, ...owned } = gameServerPod({ metadata: { name, uid } }) as { labels: Record<string, string> };
  await world.kube.create(pods, {
    metadata: {
      name,
      namespace: 'default',
      labels: { ...labels, [poolLabel]: 'game' },
      annotations: { [portsAnnotation]: '7777/UDP' },
      ...owned,
    },
    spec: { containers: [{ name: 'game', image: 'game' }] },
  } as unknown as Pod);
  lastAddress += 1;
  await world.setIP(name, `10.0.9.${lastAddress}`);
}

const annotationsOf = async (world: World, name: string) =>
  (await world.kube.get(gameServers, { name, namespace: 'default' })).metadata.annotations ?? {};
const ourEvents = async (world: World, name: string) =>
  (await world.eventsOf('Pod', name)).filter(({ action }) => action === 'MirrorEndpoint').map(({ reason }) => reason);

/** What is granted to those who want it. */
const moreRoles = ['deploy/agones.yaml'];

async function running(agones: boolean, fault?: (io: { what: string }) => IoFault | undefined): Promise<World> {
  const world = await createWorld(agones ? { moreRoles } : {});
  await install(world);
  world.startOperator(agones ? { agones: 'true' } : {}, fault ? { fault } : {});
  await world.pool();
  return world;
}

test("a GameServer says the endpoint of its pod, beside what others say there, and follows the pod's state", async () => {
  const world = await running(true);
  await gameServer(world, 'match-1', { 'agones.dev/sdk-version': '1.2.3' });
  await gameServer(world, 'match-2');
  await world.eventually(async () => {
    const said = await annotationsOf(world, 'match-1');
    const endpoint = world.endpointOf(await world.pod('match-1'));
    assert.ok(endpoint);
    assert.equal(said['agones.dev/sdk-version'], '1.2.3');
    assert.equal(said[endpointAnnotation], endpoint);
    assert.equal(JSON.parse(said[endpointsAnnotation] ?? '')[0].state, 'Healthy');
    assert.equal(
      (await annotationsOf(world, 'match-2'))[endpointAnnotation],
      world.endpointOf(await world.pod('match-2')),
    );
  });
  assert.deepEqual(Object.keys(await annotationsOf(world, 'match-2')).toSorted(), [
    endpointAnnotation,
    endpointsAnnotation,
  ]);
  await world.end();
});

test('without the option the operator asks for no GameServer', async () => {
  const asked: string[] = [];
  const world = await running(false, ({ what }) => {
    if (what.includes('gameservers')) asked.push(what);
    return undefined;
  });
  await gameServer(world, 'match-1');
  await world.eventually(async () => assert.ok(world.endpointOf(await world.pod('match-1'))));
  await world.clock.advance(60_000);
  assert.deepEqual(asked, []);
  assert.deepEqual(await annotationsOf(world, 'match-1'), {});
  await world.end();
});

test('the endpoint goes from the GameServer when the port goes: its pod ended, is gone, or lost its label', async () => {
  const world = await running(true);
  const names = ['match-1', 'match-2', 'match-3'];
  for (const name of names) await gameServer(world, name, { kept: 'yes' });
  const all = (check: (said: Record<string, string>) => void) =>
    world.eventually(async () => {
      for (const name of names) check(await annotationsOf(world, name));
    });
  await all(said => assert.ok(said[endpointAnnotation]));
  await world.setPhase('match-1', 'Succeeded');
  await world.removeRoom('match-2');
  const body = { metadata: { labels: { [poolLabel]: null } } };
  await world.kube.patch(pods, { name: 'match-3', namespace: 'default' }, { type: 'merge', body });
  await all(said => assert.deepEqual(said, { kept: 'yes' }));
  await world.end();
});

test('a pod that went while no operator ran leaves no endpoint behind', async () => {
  const world = await createWorld({ moreRoles });
  await install(world);
  const first = world.startOperator({ agones: 'true' });
  await world.pool();
  await gameServer(world, 'match-1');
  await world.eventually(async () => assert.ok((await annotationsOf(world, 'match-1'))[endpointAnnotation]));
  first.kill();
  await world.removeRoom('match-1');
  world.startOperator({ agones: 'true' });
  await world.eventually(async () => assert.deepEqual(await annotationsOf(world, 'match-1'), {}), 60_000);
  await world.end();
});

test('a GameServer that was made again under a name gets the endpoint of its own pod, never of the former one', async () => {
  const world = await running(true);
  const former = await gameServer(world, 'match-1');
  await world.eventually(async () => assert.ok((await annotationsOf(world, 'match-1'))[endpointAnnotation]));
  const old = world.endpointOf(await world.pod('match-1'));
  await world.kube.delete(gameServers, { name: 'match-1', namespace: 'default' });
  await world.removeRoom('match-1');
  const later = await gameServer(world, 'match-1');
  assert.notEqual(later.metadata.uid, former.metadata.uid);
  await world.eventually(async () => {
    const said = (await annotationsOf(world, 'match-1'))[endpointAnnotation];
    assert.ok(said && said === world.endpointOf(await world.pod('match-1')));
    assert.notEqual(said, old);
  });
  await world.end();
});

test('an operator without the right costs the pod nothing, says so once, and makes it good when it has it', async () => {
  const world = await running(true);
  world.kubeFaults.set([{ kind: 'error', contains: '/gameservers/', status: 403 }]);
  await gameServer(world, 'match-1');
  await saysOnce(world, 'GameServerForbidden');
  assert.deepEqual(await annotationsOf(world, 'match-1'), {});
  world.kubeFaults.set([]);
  await world.eventually(async () => {
    const said = (await annotationsOf(world, 'match-1'))[endpointAnnotation];
    assert.equal(said, world.endpointOf(await world.pod('match-1')));
  }, 90_000);
  await world.end();
});

test('an operator without the right does not ask for ever about pods that are gone', async () => {
  const world = await running(true);
  await gameServer(world, 'match-1');
  await world.eventually(async () => assert.ok((await annotationsOf(world, 'match-1'))[endpointAnnotation]));
  world.kubeFaults.set([{ kind: 'error', contains: '/gameservers/', status: 403 }]);
  await world.removeRoom('match-1');
  await world.clock.advance(180_000);
  const struck = () => world.kubeFaults.list()[0]?.struck ?? 0;
  assert.ok(struck() >= 3, 'while the port rests');
  await world.clock.advance(300_000);
  const before = struck();
  await world.clock.advance(600_000);
  assert.equal(struck(), before);
  await world.end();
});

test('without the kind GameServer the pod keeps its port, and an Event says once what is missing', async () => {
  const world = await createWorld({ moreRoles });
  world.startOperator({ agones: 'true' });
  await world.pool();
  await world.room('match-1');
  // Made an owner later, as the simulated garbage collector takes a new pod whose owner it can't find.
  const body = { metadata: gameServerPod({ metadata: { name: 'match-1', uid: 'gone' } }) };
  await world.kube.patch(pods, { name: 'match-1', namespace: 'default' }, { type: 'merge', body });
  await saysOnce(world, 'GameServersNotServed');
  await world.end();
});

async function saysOnce(world: World, reason: string): Promise<void> {
  const check = async () => {
    assert.ok(world.endpointOf(await world.pod('match-1')));
    assert.deepEqual(await ourEvents(world, 'match-1'), [reason]);
  };
  await world.eventually(check);
  await world.clock.advance(200_000);
  await check();
}

test('lost answers and a GameServer that others write on end in the right endpoint', async () => {
  let struck = 0;
  const world = await running(true, ({ what }) => {
    if (!/^PATCH [^?]*\/gameservers\//.test(what)) return undefined;
    struck += 1;
    return struck === 1 ? { arrivesLateMs: 300 } : struck === 2 ? 'unanswered' : struck === 3 ? 'unsent' : undefined;
  });
  await gameServer(world, 'match-1');
  let writes = 0;
  await world.eventually(async () => {
    const body = { metadata: { annotations: { 'agones.dev/write': String(writes++) } } };
    await world.kube.patch(gameServers, { name: 'match-1', namespace: 'default' }, { type: 'merge', body });
    const said = await annotationsOf(world, 'match-1');
    assert.equal(said[endpointAnnotation], world.endpointOf(await world.pod('match-1')));
    assert.equal(JSON.parse(said[endpointsAnnotation] ?? '')[0].state, 'Healthy');
  });
  assert.ok(struck >= 2);
  await world.end();
});
