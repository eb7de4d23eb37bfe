import assert from 'node:assert/strict';
import { test } from 'node:test';
import { createKubeClient } from '../../kube/client.ts';
import type { EndpointSlice, KubeObject, Pod, Service } from '../../kube/objects.ts';
import { endpointSlices, pods, services } from '../../kube/resource.ts';
import { silentLog } from '../../runtime/log.ts';
import { seededRandom } from '../../runtime/random.ts';
import { virtualClock } from '../../runtime/virtual-clock.ts';
import { createCluster } from './cluster.ts';
import { createEndpointSliceMaker } from './endpoint-slice-maker.ts';

async function world() {
  const clock = virtualClock();
  const random = seededRandom(1);
  const cluster = createCluster({ clock, random, log: silentLog() });
  const maker = createEndpointSliceMaker({ transport: cluster.transport, clock, random, log: silentLog() });
  const started = maker.start();
  await clock.advance(10);
  await started;
  const kube = createKubeClient({ transport: cluster.transport, clock });
  const pod = async (name: string, ip: string, options: { ready?: boolean; port?: number; spec?: object } = {}) => {
    const { ready = true, port = 7777, spec = {} } = options;
    await kube.create(pods, {
      metadata: { name, namespace: 'default', labels: { app: 'web' } },
      spec: { containers: [{ name: 'a', image: 'x', ports: [{ name: 'play', containerPort: port }] }], ...spec },
    } as KubeObject as Pod);
    const conditions = [{ type: 'Ready', status: ready ? 'True' : 'False' }];
    const body = { status: { phase: 'Running', podIP: ip, podIPs: [{ ip }], conditions } };
    await kube.patch(pods, { namespace: 'default', name }, { type: 'merge', body }, { subresource: 'status' });
  };
  const service = (spec: object = {}) =>
    kube.create(services, {
      metadata: { name: 'web', namespace: 'default', labels: { team: 'blue' } },
      spec: { selector: { app: 'web' }, ports: [{ name: 'game', port: 80, targetPort: 'play' }], ...spec },
    } as KubeObject as Service);
  const slices = async (): Promise<EndpointSlice[]> => {
    await clock.advance(200);
    return (await kube.list(endpointSlices)).items;
  };
  const end = async () => {
    await maker.stop();
    await cluster.stop();
  };
  return { kube, pod, service, slices, end };
}

const readyOf = (found: readonly EndpointSlice[]) =>
  found
    .flatMap(({ endpoints }) => endpoints ?? [])
    .map(({ targetRef, conditions = {} }) => {
      const { ready, serving, terminating } = conditions;
      return `${targetRef?.name} ${ready ? 'ready' : ''} ${serving ? 'serving' : ''} ${terminating ? 'terminating' : ''}`;
    })
    .map(text => text.trim().replaceAll(/ +/g, ' '))
    .toSorted();

test('endpoint slices have the labels of their Service, its pods by readiness, and one set of port numbers each', async () => {
  const { pod, service, slices, end } = await world();
  await pod('a', '10.0.0.1');
  await pod('b', '10.0.0.2', { ready: false });
  await pod('c', '10.0.0.3', { port: 8888 });
  await service();
  const found = await slices();
  assert.deepEqual(found.map(({ ports }) => ports?.map(({ name, port }) => `${name} ${port}`).join()).toSorted(), [
    'game 7777',
    'game 8888',
  ]);
  for (const { metadata } of found) {
    assert.deepEqual(metadata.labels, {
      team: 'blue',
      'kubernetes.io/service-name': 'web',
      'endpointslice.kubernetes.io/managed-by': 'endpointslice-controller.k8s.io',
    });
  }
  assert.deepEqual(readyOf(found), ['a ready serving', 'b', 'c ready serving']);
  await end();
});

test('endpoint slices follow: a pod that terminates still serves, one that has ended is gone, and so are those of a deleted Service', async () => {
  const { kube, pod, service, slices, end } = await world();
  const onNode = { spec: { nodeName: 'node-1' } };
  await pod('a', '10.0.0.1', onNode);
  await pod('b', '10.0.0.2', onNode);
  await service();
  await slices();
  await kube.delete(pods, { namespace: 'default', name: 'a' });
  const ended = { type: 'merge' as const, body: { status: { phase: 'Succeeded' } } };
  await kube.patch(pods, { namespace: 'default', name: 'b' }, ended, { subresource: 'status' });
  assert.deepEqual(readyOf(await slices()), ['a serving terminating']);
  await kube.patch(
    services,
    { namespace: 'default', name: 'web' },
    {
      type: 'merge',
      body: { metadata: { labels: { team: 'red' } } },
    },
  );
  assert.deepEqual(
    (await slices()).map(({ metadata }) => metadata.labels?.team),
    ['red'],
  );
  await kube.delete(services, { namespace: 'default', name: 'web' });
  await slices();
  assert.deepEqual(await slices(), []);
  await end();
});
