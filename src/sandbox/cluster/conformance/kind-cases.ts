import assert from 'node:assert/strict';
import { it } from 'node:test';
import type { Api, Loose } from './api.ts';
import { configMap, lease, pod } from './samples.ts';

const leases = 'leases.coordination.k8s.io/v1';
const newEvents = 'events.events.k8s.io/v1';
const slices = 'endpointslices.discovery.k8s.io/v1';

/** What sets the built-in kinds apart. */
export function kindCases(api: () => Api): void {
  it('a pod gets its defaults, phase Pending and generation 1', async () => {
    const { at, name, post } = api();
    const { body } = await post(
      at('pods'),
      pod(name('pod'), { containers: [{ name: 'a', image: 'x', ports: [{ containerPort: 7777 }] }] }),
    );
    assert.equal(body.status.phase, 'Pending');
    assert.equal(body.status.qosClass, 'BestEffort');
    assert.equal(body.metadata.generation, 1);
    assert.equal(body.spec.restartPolicy, 'Always');
    assert.equal(body.spec.terminationGracePeriodSeconds, 30);
    assert.equal(body.spec.containers[0].imagePullPolicy, 'Always');
    assert.deepEqual(body.spec.containers[0].ports, [{ containerPort: 7777, protocol: 'TCP' }]);
    assert.equal(body.spec.tolerations.length, 2);
  });

  it('a pod without containers, images or with bad ports is refused', async () => {
    const { at, name, post } = api();
    const expected: [Loose, string][] = [
      [[], 'spec.containers'],
      [[{ image: 'x' }], 'spec.containers[0].name'],
      [[{ name: 'a' }], 'spec.containers[0].image'],
      [[{ name: 'A_b', image: 'x' }], 'spec.containers[0].name'],
      [
        [
          { name: 'a', image: 'x' },
          { name: 'a', image: 'x' },
        ],
        'spec.containers[1].name',
      ],
      [[{ name: 'a', image: 'x', ports: [{ containerPort: 70000 }] }], 'spec.containers[0].ports[0].containerPort'],
      [
        [{ name: 'a', image: 'x', ports: [{ containerPort: 1, protocol: 'ICMP' }] }],
        'spec.containers[0].ports[0].protocol',
      ],
      [
        [{ name: 'a', image: 'x', ports: [{ containerPort: 1, name: 'much-too-long-name' }] }],
        'spec.containers[0].ports[0].name',
      ],
    ];
    for (const [containers, field] of expected) {
      const answer = await post(at('pods'), pod(name('pod'), { containers }));
      assert.equal(answer.status, 422, field);
      assert.ok(
        answer.body.details.causes.some((cause: Loose) => cause.field === field),
        JSON.stringify(answer.body),
      );
    }
  });

  it("a pod's spec is fixed but for a few fields", async () => {
    const { at, name, post, merge } = api();
    const { body } = await post(at('pods'), pod(name('pod'), { nodeName: 'node-1' }));
    const path = at('pods', body.metadata.name);
    const node = await merge(path, { spec: { nodeName: 'node-2' } });
    assert.equal(node.status, 422);
    assert.equal(node.body.details.causes[0].field, 'spec');
    assert.equal(node.body.details.causes[0].reason, 'FieldValueForbidden');
    const gate = await merge(path, { spec: { readinessGates: [{ conditionType: 'nlbports.dev/ready' }] } });
    assert.equal(gate.status, 422);
    const containers = body.spec.containers.map((item: Loose) => ({ ...item, image: 'example.com/game:2' }));
    const image = await merge(path, { spec: { containers } });
    assert.equal(image.status, 200);
    assert.equal(image.body.metadata.generation, 2);
  });

  it("a pod's main resource ignores status, its status subresource ignores spec and takes metadata", async () => {
    const { at, name, post, merge } = api();
    const { body } = await post(at('pods'), { ...pod(name('pod')), status: { phase: 'Running', podIP: '10.0.0.9' } });
    assert.equal(body.status.phase, 'Pending');
    assert.equal(body.status.podIP, undefined);
    const path = at('pods', body.metadata.name);
    const main = await merge(path, { status: { phase: 'Failed' } });
    assert.equal(main.body.status.phase, 'Pending');
    const status = await merge(`${path}/status`, {
      metadata: { labels: { a: 'b' }, annotations: { c: 'd' }, finalizers: ['example.com/x'] },
      spec: { nodeName: 'node-9' },
      status: { phase: 'Running' },
    });
    assert.equal(status.status, 200);
    assert.equal(status.body.status.phase, 'Running');
    assert.equal(status.body.spec.nodeName, undefined);
    assert.deepEqual(status.body.metadata.labels, { a: 'b' });
    assert.deepEqual(status.body.metadata.annotations, { c: 'd' });
    assert.deepEqual(status.body.metadata.finalizers, ['example.com/x']);
    await merge(path, { metadata: { finalizers: null } });
  });

  it('podIP and podIPs say the same', async () => {
    const { at, name, post, strategic } = api();
    const { body } = await post(at('pods'), pod(name('pod')));
    const path = `${at('pods', body.metadata.name)}/status`;
    const first = await strategic(path, { status: { podIP: '10.0.0.5', podIPs: [{ ip: '10.0.0.5' }] } });
    assert.equal(first.status, 200, JSON.stringify(first.body));
    const moved = await strategic(path, { status: { podIP: '10.0.0.6' } });
    assert.equal(moved.body.status.podIP, '10.0.0.6');
    assert.deepEqual(moved.body.status.podIPs, [{ ip: '10.0.0.6' }]);
    const bad = await strategic(path, { status: { podIP: 'nowhere' } });
    assert.equal(bad.status, 422);
  });

  it('binding gives a pod its node, once', async () => {
    const { at, name, post, get } = api();
    const { body } = await post(at('pods'), pod(name('pod')));
    const path = at('pods', body.metadata.name);
    const binding = {
      apiVersion: 'v1',
      kind: 'Binding',
      metadata: { name: body.metadata.name },
      target: { kind: 'Node', name: 'node-1' },
    };
    assert.equal((await post(`${path}/binding`, binding)).status, 201);
    const bound = (await get(path)).body;
    assert.equal(bound.spec.nodeName, 'node-1');
    assert.ok(bound.status.conditions.some((item: Loose) => item.type === 'PodScheduled' && item.status === 'True'));
    assert.equal((await post(`${path}/binding`, binding)).status, 409);
  });

  it('a Lease takes times with six fractional digits only', async () => {
    const { at, name, post, put } = api();
    const spec = {
      holderIdentity: 'a',
      leaseDurationSeconds: 12,
      renewTime: '2026-01-01T00:00:00.000000Z',
      leaseTransitions: 1,
    };
    const { status, body } = await post(at(leases), lease(name('lease'), spec));
    assert.equal(status, 201);
    assert.deepEqual(body.spec, spec);
    const bad = await post(at(leases), lease(name('lease'), { renewTime: '2026-01-01T00:00:00.000Z' }));
    assert.equal(bad.status, 400);
    const renewed = await put(at(leases, body.metadata.name), { ...body, spec: { ...spec, holderIdentity: 'b' } });
    assert.equal(renewed.body.spec.holderIdentity, 'b');
    const stale = await put(at(leases, body.metadata.name), { ...body, spec: { ...spec, holderIdentity: 'c' } });
    assert.equal(stale.status, 409);
    const zero = await post(at(leases), lease(name('lease'), { leaseDurationSeconds: 0 }));
    assert.equal(zero.status, 422);
  });

  const event = (name: string, extra: Loose = {}): Loose => ({
    apiVersion: 'events.k8s.io/v1',
    kind: 'Event',
    metadata: { name },
    eventTime: '2026-01-01T00:00:00.000000Z',
    reportingController: 'nlbports.dev/operator',
    reportingInstance: 'host-1',
    action: 'Bind',
    reason: 'PoolFull',
    type: 'Warning',
    note: 'NLBP001 the pool is full',
    regarding: { apiVersion: 'v1', kind: 'Pod', name: 'room-1', namespace: api().namespace, uid: 'u-1' },
    ...extra,
  });

  it('an event made as events.k8s.io/v1 reads as v1 under the older names', async () => {
    const { at, name, post, get } = api();
    const made = await post(at(newEvents), event(name('event')));
    assert.equal(made.status, 201, JSON.stringify(made.body));
    assert.equal(made.body.note, 'NLBP001 the pool is full');
    const old = (await get(at('events', made.body.metadata.name))).body;
    assert.equal(old.apiVersion, 'v1');
    assert.equal(old.message, 'NLBP001 the pool is full');
    assert.equal(old.involvedObject.name, 'room-1');
    assert.equal(old.reportingComponent, 'nlbports.dev/operator');
    assert.equal(old.note, undefined);
  });

  it('an event of events.k8s.io/v1 must be whole', async () => {
    const { at, name, post } = api();
    const expected: [Loose, number][] = [
      [{ eventTime: '2026-01-01T00:00:00Z' }, 400],
      [{ eventTime: undefined }, 422],
      [{ type: 'Odd' }, 422],
      [{ action: '' }, 422],
      [{ reason: 'x'.repeat(129) }, 422],
      [{ note: 'x'.repeat(1025) }, 422],
      [{ reportingController: '' }, 422],
      [{ reportingInstance: '' }, 422],
    ];
    for (const [extra, status] of expected) {
      const answer = await post(at(newEvents), event(name('event'), extra));
      assert.equal(answer.status, status, `${JSON.stringify(extra).slice(0, 60)} ${JSON.stringify(answer.body)}`);
    }
  });

  it('a v1 event lies in the namespace of what it is about', async () => {
    const { at, name, post, namespace } = api();
    const make = (about: string) =>
      post(at('events'), {
        metadata: { name: name('event') },
        involvedObject: { kind: 'Pod', name: 'x', namespace: about },
      });
    assert.equal((await make(namespace)).status, 201);
    const answer = await make('elsewhere');
    assert.equal(answer.status, 422);
    assert.equal(answer.body.details.causes[0].field, 'involvedObject.namespace');
  });

  it("an event's series can be patched, the rest not", async () => {
    const { at, name, post, merge } = api();
    const { body } = await post(at(newEvents), event(name('event')));
    const path = at(newEvents, body.metadata.name);
    const series = { count: 2, lastObservedTime: '2026-01-01T00:00:01.000000Z' };
    const counted = await merge(path, { series });
    assert.equal(counted.status, 200, JSON.stringify(counted.body));
    assert.deepEqual(counted.body.series, series);
    assert.equal((await merge(path, { note: 'other' })).status, 422);
  });

  it('events are selected by what they are about', async () => {
    const { at, name, post, get } = api();
    const about = name('room');
    const regarding = { apiVersion: 'v1', kind: 'Pod', name: about, namespace: api().namespace, uid: `uid-${about}` };
    await post(at(newEvents), event(name('event'), { regarding }));
    await post(at(newEvents), event(name('event')));
    const selector = encodeURIComponent(
      `involvedObject.name=${about},involvedObject.kind=Pod,involvedObject.uid=uid-${about}`,
    );
    const found = await get(`${at('events')}?fieldSelector=${selector}`);
    assert.equal(found.body.items.length, 1);
    const newer = await get(`${at(newEvents)}?fieldSelector=regarding.name%3D${about},type%3DWarning`);
    assert.equal(newer.body.items.length, 1, JSON.stringify(newer.body));
  });

  it('a Service gets an address, and its defaults', async () => {
    const { at, name, post, get, remove } = api();
    const service = {
      apiVersion: 'v1',
      kind: 'Service',
      metadata: { name: name('svc') },
      spec: { selector: { a: 'b' }, ports: [{ port: 80 }] },
    };
    const { status, body } = await post(at('services'), service);
    assert.equal(status, 201);
    assert.equal(body.spec.type, 'ClusterIP');
    assert.match(body.spec.clusterIP, /^\d+\.\d+\.\d+\.\d+$/);
    assert.deepEqual(body.spec.clusterIPs, [body.spec.clusterIP]);
    assert.deepEqual(body.spec.ports, [{ port: 80, protocol: 'TCP', targetPort: 80 }]);
    assert.deepEqual(body.status, { loadBalancer: {} });
    const twice = await post(at('services'), {
      ...service,
      metadata: { name: name('svc') },
      spec: { ports: [{ port: 1 }, { port: 2 }] },
    });
    assert.equal(twice.status, 422);
    const removed = await remove(at('services', body.metadata.name));
    assert.equal(removed.body.kind, 'Service');
    assert.equal((await get(at('services', body.metadata.name))).status, 404);
  });

  it("a Service's ingress is for type LoadBalancer only, and its class is fixed", async () => {
    const { at, name, post, merge } = api();
    const make = async (spec: Loose) =>
      await post(at('services'), {
        apiVersion: 'v1',
        kind: 'Service',
        metadata: { name: name('svc') },
        spec: { ports: [{ port: 80 }], ...spec },
      });
    const balanced = await make({ type: 'LoadBalancer', loadBalancerClass: 'nlbports.dev/nlb' });
    assert.equal(balanced.status, 201, JSON.stringify(balanced.body));
    assert.ok(balanced.body.spec.ports[0].nodePort >= 30000);
    const path = at('services', balanced.body.metadata.name);
    const ingress = {
      status: { loadBalancer: { ingress: [{ hostname: 'a.example.com', ports: [{ port: 80, protocol: 'TCP' }] }] } },
    };
    const written = await merge(`${path}/status`, ingress);
    assert.equal(written.status, 200, JSON.stringify(written.body));
    assert.equal(written.body.status.loadBalancer.ingress[0].hostname, 'a.example.com');
    assert.equal((await merge(path, { spec: { loadBalancerClass: 'example.com/other' } })).status, 422);
    const plain = await make({});
    assert.equal((await merge(`${at('services', plain.body.metadata.name)}/status`, ingress)).status, 422);
    assert.equal((await make({ loadBalancerClass: 'nlbports.dev/nlb' })).status, 422);
    const turned = await merge(path, { spec: { type: 'ClusterIP', loadBalancerClass: null } });
    assert.equal(turned.status, 200, JSON.stringify(turned.body));
    assert.deepEqual(turned.body.status.loadBalancer, {});
  });

  it('one patch of services/status writes annotations, conditions by their type, and nothing of the spec', async () => {
    const { at, name, post, strategic } = api();
    const made = await post(at('services'), {
      apiVersion: 'v1',
      kind: 'Service',
      metadata: { name: name('svc') },
      spec: { ports: [{ port: 80 }] },
    });
    const path = `${at('services', made.body.metadata.name)}/status`;
    const condition = (type: string, reason: string) => ({
      type,
      status: 'False',
      reason,
      message: '',
      lastTransitionTime: '2026-01-01T00:00:00Z',
    });
    await strategic(path, { status: { conditions: [condition('example.com/a', 'One')] } });
    const written = await strategic(path, {
      metadata: { annotations: { 'example.com/note': 'kept' } },
      spec: { ports: [{ port: 81 }] },
      status: { conditions: [condition('example.com/b', 'Two'), condition('example.com/a', 'Three')] },
    });
    assert.equal(written.status, 200, JSON.stringify(written.body));
    assert.equal(written.body.metadata.annotations['example.com/note'], 'kept');
    assert.equal(written.body.spec.ports.length, 1);
    const reasons = written.body.status.conditions.map(({ reason }: Loose) => reason);
    assert.deepEqual(reasons.toSorted(), ['Three', 'Two']);
  });

  it('an EndpointSlice refuses loopback addresses and addresses of another family', async () => {
    const { at, name, post } = api();
    const slice = (address: string, addressType = 'IPv4') => ({
      apiVersion: 'discovery.k8s.io/v1',
      kind: 'EndpointSlice',
      metadata: { name: name('slice') },
      addressType,
      endpoints: [{ addresses: [address] }],
    });
    assert.equal((await post(at(slices), slice('10.0.0.1'))).status, 201);
    for (const bad of ['127.0.0.1', '0.0.0.0', '169.254.0.1', 'fd00::1', 'name']) {
      const answer = await post(at(slices), slice(bad));
      assert.equal(answer.status, 422, bad);
      const field = bad.includes('::') ? 'endpoints[0].addresses' : 'endpoints[0].addresses[0]';
      assert.equal(answer.body.details.causes[0].field, field);
    }
    assert.equal((await post(at(slices), slice('10.0.0.1', 'Odd'))).status, 422);
  });

  it('a ConfigMap holds text, base64 and no key twice', async () => {
    const { at, name, post } = api();
    const make = (fields: Loose) => post(at('configmaps'), { ...configMap(name('data')), data: undefined, ...fields });
    const list = await make({ data: { a: [1] } });
    assert.equal(list.status, 400);
    assert.match(
      list.body.message,
      /json: cannot unmarshal array into Go struct field ConfigMap\.data of type string$/,
    );
    const bytes = await make({ binaryData: { a: 'b c' } });
    assert.equal(bytes.status, 400);
    assert.match(bytes.body.message, /illegal base64 data at input byte 1$/);
    const twice = await make({ data: { a: '1' }, binaryData: { a: 'AAEC' } });
    assert.equal(twice.status, 422);
    assert.match(twice.body.message, /duplicate of key present in binaryData$/);
  });

  it('a Secret of a known type holds the keys of that type', async () => {
    const { at, name, post } = api();
    const metadata = { name: name('tls') };
    const answer = await post(at('secrets'), { apiVersion: 'v1', kind: 'Secret', metadata, type: 'kubernetes.io/tls' });
    assert.equal(answer.status, 422);
    assert.deepEqual(
      answer.body.details.causes.map((cause: Loose) => cause.field),
      ['data[tls.crt]', 'data[tls.key]'],
    );
  });

  it('a pod requests what it is limited to, and reads fields of v1', async () => {
    const { at, name, post } = api();
    const env = [{ name: 'IP', valueFrom: { fieldRef: { fieldPath: 'status.podIP' } } }];
    const container = { name: 'a', image: 'x', resources: { limits: { cpu: '1' } }, env };
    const { body } = await post(at('pods'), pod(name('pod'), { containers: [container] }));
    assert.deepEqual(body.spec.containers[0].resources.requests, { cpu: '1' });
    assert.equal(body.spec.containers[0].env[0].valueFrom.fieldRef.apiVersion, 'v1');
  });

  it('the namespaces that a cluster needs may not be deleted', async () => {
    const answer = await api().remove('/api/v1/namespaces/kube-public');
    assert.equal(answer.status, 403);
    assert.equal(answer.body.message, 'namespaces "kube-public" is forbidden: this namespace may not be deleted');
  });

  it('a name with dots where a label is wanted is told so', async () => {
    const { post, name } = api();
    const metadata = { name: `a.${name('b')}` };
    const answer = await post('/api/v1/namespaces', { apiVersion: 'v1', kind: 'Namespace', metadata });
    assert.equal(answer.status, 422);
    assert.match(answer.body.message, /: must not contain dots$/);
  });

  it('a Secret writes stringData into data', async () => {
    const { at, name, post } = api();
    const secret = { apiVersion: 'v1', kind: 'Secret', metadata: { name: name('secret') }, stringData: { a: 'b' } };
    const { body } = await post(at('secrets'), secret);
    assert.deepEqual(body.data, { a: Buffer.from('b').toString('base64') });
    assert.equal(body.stringData, undefined);
    assert.equal(body.type, 'Opaque');
  });

  it('an immutable ConfigMap stays as it is, and keys of data are checked', async () => {
    const { at, name, post, merge } = api();
    const { body } = await post(at('configmaps'), { ...configMap(name('fixed'), { a: '1' }), immutable: true });
    const answer = await merge(at('configmaps', body.metadata.name), { data: { a: '2' } });
    assert.equal(answer.status, 422);
    assert.equal(answer.body.details.causes[0].field, 'data');
    assert.equal((await post(at('configmaps'), configMap(name('key'), { 'a b': '1' }))).status, 422);
  });

  it('the system namespaces are there, kube-system with its uid', async () => {
    const { get, eventually } = api();
    for (const name of ['default', 'kube-system', 'kube-public', 'kube-node-lease']) {
      // A real API server makes them a moment after it is ready.
      await eventually(async () => (await get(`/api/v1/namespaces/${name}`)).status === 200);
    }
    const { body } = await get('/api/v1/namespaces/kube-system');
    assert.match(body.metadata.uid, /^[0-9a-f-]{36}$/);
    assert.equal(body.status.phase, 'Active');
  });

  it('health, version and discovery answer', async () => {
    const { get } = api();
    for (const path of ['/healthz', '/livez', '/readyz']) {
      const answer = await get(path, { accept: '*/*' });
      assert.equal(answer.status, 200, path);
      assert.equal(answer.body, 'ok');
    }
    assert.equal((await get('/version')).body.major, '1');
    assert.deepEqual((await get('/api')).body.versions, ['v1']);
    const core = (await get('/api/v1')).body;
    assert.equal(core.kind, 'APIResourceList');
    const pods = core.resources.find((item: Loose) => item.name === 'pods');
    assert.equal(pods.kind, 'Pod');
    assert.equal(pods.namespaced, true);
    assert.ok(core.resources.some((item: Loose) => item.name === 'pods/status'));
    const groups = (await get('/apis')).body.groups.map((group: Loose) => group.name);
    for (const group of [
      'apiextensions.k8s.io',
      'coordination.k8s.io',
      'events.k8s.io',
      'discovery.k8s.io',
      'conformance.nlbports.dev',
    ]) {
      assert.ok(groups.includes(group), group);
    }
    const custom = (await get('/apis/conformance.nlbports.dev/v1')).body;
    const widget = custom.resources.find((item: Loose) => item.name === 'widgets');
    assert.deepEqual(widget.shortNames, ['wdg']);
    assert.deepEqual(widget.categories, ['conformance']);
    assert.equal(widget.singularName, 'widget');
  });
}
