import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import {
  CreateListenerCommand,
  CreateTargetGroupCommand,
  RegisterTargetsCommand,
} from '@aws-sdk/client-elastic-load-balancing-v2';
import { parse } from 'yaml';
import { applyObjects } from './apply.ts';
import { askTcp, askUdp, askUntil } from './ask.ts';
import { createTestAws } from './aws.ts';
import { type ControlPlane, startControlPlane } from './control-plane.ts';
import { readEndpoint, startEmulator } from './emulator-process.ts';
import { eventually } from './eventually.ts';
import { startGameServer } from './game-server.ts';
import { parseMetrics } from './operator-process.ts';
import { createPods, type Pods } from './pods.ts';
import { cleanEnvironment } from './product.ts';
import type { RestError } from './rest.ts';

// The harness itself: were it wrong, every other cluster test would prove nothing.
// A suite, because hooks outside of one would hold for the tests of every file in the process.
describe('the harness of the cluster tests', () => {
  let cluster: ControlPlane;
  let pods: Pods;
  before(async () => {
    cluster = await startControlPlane({ controllerManager: true, clientCertificates: true });
    pods = createPods(cluster.rest);
  });
  after(async () => await cluster?.stop());

  test('startControlPlane() serves the Kubernetes version that its Go module names', async () => {
    const version = await cluster.rest.get('/version');
    assert.equal(version.gitVersion, 'v1.36.1');
    assert.ok((await cluster.rest.get('/api/v1/namespaces/kube-system')).metadata.uid);
  });

  test('kubectl() reaches the cluster and tells success from failure', async () => {
    const listed = await cluster.kubectl(['get', 'namespaces', '--output=name']);
    assert.equal(listed.code, 0, listed.stderr);
    assert.match(listed.stdout, /namespace\/kube-system/);
    const applied = await cluster.kubectl(['apply', '--filename=-'], configMap('by-kubectl', { a: '1' }));
    assert.equal(applied.code, 0, applied.stderr);
    const missing = await cluster.kubectl(['get', 'configmap', 'not-there']);
    assert.equal(missing.code, 1);
    assert.match(missing.stderr, /NotFound/);
  });

  test('applyObjects() creates and changes objects, and refuses a field that the API does not know', async () => {
    const manifest = parse(configMap('by-apply', { a: '1' }));
    await applyObjects(cluster.rest, [manifest]);
    await applyObjects(cluster.rest, [{ ...manifest, data: { a: '2' } }]);
    const read = await cluster.rest.get('/api/v1/namespaces/default/configmaps/by-apply');
    assert.equal(read.data.a, '2');
    await assert.rejects(applyObjects(cluster.rest, [{ ...manifest, dada: {} }]), /dada/);
  });

  test('applyObjects() returns once the kind of an applied definition is served', async () => {
    await applyObjects(cluster.rest, [
      {
        apiVersion: 'apiextensions.k8s.io/v1',
        kind: 'CustomResourceDefinition',
        metadata: { name: 'rooms.harness.test' },
        spec: {
          group: 'harness.test',
          names: { kind: 'Room', plural: 'rooms', singular: 'room', listKind: 'RoomList' },
          scope: 'Namespaced',
          versions: [
            {
              name: 'v1',
              served: true,
              storage: true,
              schema: { openAPIV3Schema: { type: 'object', properties: { seats: { type: 'integer' } } } },
            },
          ],
        },
      },
      { apiVersion: 'harness.test/v1', kind: 'Room', metadata: { name: 'blue' }, seats: 4 },
    ]);
    const room = await cluster.rest.get('/apis/harness.test/v1/namespaces/default/rooms/blue');
    assert.equal(room.seats, 4);
  });

  test('serviceAccountKubeconfig() gives the rights of the ServiceAccount and no more', async () => {
    const metadata = { name: 'reader', namespace: 'default' };
    await applyObjects(cluster.rest, [
      { apiVersion: 'v1', kind: 'ServiceAccount', metadata },
      {
        apiVersion: 'rbac.authorization.k8s.io/v1',
        kind: 'Role',
        metadata,
        rules: [{ apiGroups: [''], resources: ['pods'], verbs: ['list'] }],
      },
      {
        apiVersion: 'rbac.authorization.k8s.io/v1',
        kind: 'RoleBinding',
        metadata,
        roleRef: { apiGroup: 'rbac.authorization.k8s.io', kind: 'Role', name: 'reader' },
        subjects: [{ kind: 'ServiceAccount', ...metadata }],
      },
    ]);
    const kubeconfig = await cluster.serviceAccountKubeconfig('default', 'reader');
    // The authorizer reads roles from a cache, which follows in a moment.
    await eventually(async () => {
      const allowed = await cluster.kubectl([`--kubeconfig=${kubeconfig}`, 'get', 'pods']);
      assert.equal(allowed.code, 0, allowed.stderr);
    }, 30_000);
    const refused = await cluster.kubectl([`--kubeconfig=${kubeconfig}`, 'get', 'secrets']);
    assert.equal(refused.code, 1);
    assert.match(refused.stderr, /Forbidden/);

    const rest = cluster.rest.as(await cluster.serviceAccountToken('default', 'reader'));
    assert.deepEqual(await rest.list('/api/v1/namespaces/default/pods'), []);
    await assert.rejects(rest.list('/api/v1/pods'), (error: RestError) => error.status === 403);
  });

  test('every kind of kubeconfig says who its user is', async () => {
    await applyObjects(cluster.rest, [
      { apiVersion: 'v1', kind: 'ServiceAccount', metadata: { name: 'somebody', namespace: 'default' } },
    ]);
    const userOf = async (kubeconfig: string) => {
      const answer = await cluster.kubectl([`--kubeconfig=${kubeconfig}`, 'auth', 'whoami', '--output=json']);
      assert.equal(answer.code, 0, answer.stderr);
      const { username, groups } = JSON.parse(answer.stdout).status.userInfo;
      return { username, groups: groups.filter((group: string) => group !== 'system:authenticated') };
    };
    const account = {
      username: 'system:serviceaccount:default:somebody',
      groups: ['system:serviceaccounts', 'system:serviceaccounts:default'],
    };
    assert.deepEqual(await userOf(await cluster.serviceAccountKubeconfig('default', 'somebody')), account);
    assert.deepEqual(await userOf(await cluster.execKubeconfig('default', 'somebody')), account);
    assert.deepEqual(await userOf(await cluster.clientCertificateKubeconfig('ann', ['team-a', 'team-b'])), {
      username: 'ann',
      groups: ['team-a', 'team-b'],
    });
  });

  test('createPods() gives a pod its address and life without a kubelet', async () => {
    await pods.run({
      name: 'room-1',
      ip: '10.0.1.5',
      labels: { game: 'x' },
      ports: [{ containerPort: 7777, protocol: 'UDP' }],
    });
    const moved = await pods.setIP('room-1', '10.0.1.6');
    assert.equal(moved.status.podIP, '10.0.1.6');
    assert.deepEqual(moved.status.podIPs, [{ ip: '10.0.1.6' }]);
    const unready = await pods.setConditions('room-1', { Ready: 'False' });
    const byType = Object.fromEntries(
      unready.status.conditions.map((c: { type: string; status: string }) => [c.type, c.status]),
    );
    assert.deepEqual(byType, { Initialized: 'True', ContainersReady: 'True', Ready: 'False' });
    assert.equal((await pods.setPhase('room-1', 'Succeeded')).status.phase, 'Succeeded');
    await pods.remove('room-1');
    assert.equal(await pods.find('room-1'), undefined);
  });

  test('createPods() keeps a deleted pod of a node in its grace until its deletion is finished', async () => {
    await pods.run({ name: 'room-2', ip: '10.0.1.7', nodeName: 'node-1' });
    await pods.remove('room-2');
    assert.ok((await pods.get('room-2')).metadata.deletionTimestamp);
    await pods.finishDeletion('room-2');
    assert.equal(await pods.find('room-2'), undefined);
  });

  test('the controller manager makes EndpointSlices from ready pods', async () => {
    await pods.createNode('node-2');
    await pods.run({ name: 'web-1', ip: '10.0.2.1', labels: { app: 'web' }, nodeName: 'node-2' });
    await cluster.rest.create('/api/v1/namespaces/default/services', {
      apiVersion: 'v1',
      kind: 'Service',
      metadata: { name: 'web' },
      spec: { selector: { app: 'web' }, ports: [{ port: 80 }] },
    });
    await eventually(async () => {
      const slices = await cluster.rest.list('/apis/discovery.k8s.io/v1/namespaces/default/endpointslices');
      const addresses = slices
        .filter(slice => slice.metadata.labels['kubernetes.io/service-name'] === 'web')
        .flatMap(slice => slice.endpoints ?? [])
        .flatMap(endpoint => endpoint.addresses);
      assert.deepEqual(addresses, ['10.0.2.1']);
    }, 60_000);
  });

  test('restartApiServer() and a restart of etcd keep url, tokens and objects', async () => {
    const token = await cluster.serviceAccountToken('default', 'reader');
    const before = await cluster.rest.get('/api/v1/namespaces/kube-system');
    await cluster.restartApiServer();
    await cluster.killApiServer();
    await assert.rejects(cluster.rest.get('/readyz'));
    await cluster.stopEtcd();
    await cluster.startEtcd();
    await cluster.startApiServer();
    const later = await cluster.rest.get('/api/v1/namespaces/kube-system');
    assert.equal(later.metadata.uid, before.metadata.uid);
    await cluster.rest.as(token).list('/api/v1/namespaces/default/pods');
  });

  test('startControlPlane() leaves no process and no folder behind when the test process is killed', async () => {
    const script = `
    const { startControlPlane } = await import(${JSON.stringify(join(import.meta.dirname, 'control-plane.ts'))});
    const cluster = await startControlPlane();
    console.log(JSON.stringify({ folder: cluster.folder, pids: [cluster.etcd().pid, cluster.apiServer().pid] }));
    setInterval(() => {}, 1000);`;
    const victim = spawn(process.execPath, ['--input-type=module', '--eval', script], {
      stdio: ['ignore', 'pipe', 'inherit'],
    });
    const line = await new Promise<string>((done, fail) => {
      victim.stdout.once('data', data => done(data.toString()));
      victim.once('exit', code => fail(new Error(`The victim ended with ${code} before it was killed.`)));
    });
    const { folder, pids } = JSON.parse(line) as { folder: string; pids: number[] };
    for (const pid of pids) assert.ok(isAlive(pid), `${pid} does not run`);
    victim.kill('SIGKILL');
    await eventually(() => {
      for (const pid of pids) assert.ok(!isAlive(pid), `${pid} still runs`);
      assert.ok(!existsSync(folder), `${folder} is still there`);
    }, 60_000);
  });

  test('two control planes run side by side', async () => {
    const other = await startControlPlane();
    try {
      assert.notEqual(other.url, cluster.url);
      await other.rest.create('/api/v1/namespaces', {
        apiVersion: 'v1',
        kind: 'Namespace',
        metadata: { name: 'only-here' },
      });
      assert.equal(await cluster.rest.find('/api/v1/namespaces/only-here'), undefined);
    } finally {
      await other.stop();
    }
    assert.ok(!existsSync(other.folder));
  });

  test('parseMetrics() reads names, labels with escapes, and values', () => {
    const text =
      '# HELP calls_total Calls.\ncalls_total{action="RegisterTargets",note="a \\"b\\", c"} 3\nup 1\nle{le="+Inf"} +Inf\n';
    assert.deepEqual(parseMetrics(text), [
      { name: 'calls_total', labels: { action: 'RegisterTargets', note: 'a "b", c' }, value: 3 },
      { name: 'up', labels: {}, value: 1 },
      { name: 'le', labels: { le: '+Inf' }, value: Number.POSITIVE_INFINITY },
    ]);
  });

  test('readEndpoint() takes the first URL of a line that is complete', () => {
    assert.equal(readEndpoint('{"endpoint":"http://127.0.0.1:41'), undefined);
    assert.equal(readEndpoint('starting\n{"endpoint":"http://127.0.0.1:41234"}\n'), 'http://127.0.0.1:41234');
  });

  test('cleanEnvironment() leads to no real cluster, account or setting', () => {
    const leading = ['AWS_PROFILE', 'KUBECONFIG', 'KUBERNETES_SERVICE_HOST', 'NLBPORTS_WARM', 'HTTPS_PROXY'];
    const before = Object.fromEntries(leading.map(name => [name, process.env[name]]));
    for (const name of leading) process.env[name] = 'x';
    try {
      const clean = cleanEnvironment({ AWS_REGION: 'us-east-1' });
      assert.deepEqual(
        leading.filter(name => name in clean),
        [],
      );
      assert.equal(clean.AWS_REGION, 'us-east-1');
      assert.equal(clean.PATH, process.env.PATH);
    } finally {
      for (const name of leading) {
        if (before[name] === undefined) delete process.env[name];
        else process.env[name] = before[name];
      }
    }
  });

  test('a game server answers UDP and TCP with its name', async () => {
    const server = await startGameServer({ name: 'room-1', address: '127.0.1.5' });
    try {
      const address = { host: '127.0.1.5', port: 7_777 };
      assert.equal(await askUdp(address, 'hello', 10_000), 'room-1');
      assert.equal(await askTcp(address, 'hi'), 'room-1');
      assert.deepEqual(
        server.received.map(({ protocol, text }) => [protocol, text]),
        [
          ['UDP', 'hello'],
          ['TCP', 'hi'],
        ],
      );
      await assert.rejects(askUdp({ host: '127.0.1.6', port: 7_777 }, 'hello', 200));
      await assert.rejects(askTcp({ host: '127.0.1.6', port: 7_777 }, 'hello', 200));
    } finally {
      await server.close();
    }
  });

  test('startEmulator() forwards to game servers through the network map, and counts calls and strikes', async () => {
    const emulator = await startEmulator({ profile: 'instant' });
    const server = await startGameServer({ name: 'room-9', address: '127.0.9.9' });
    try {
      const aws = createTestAws(emulator.endpoint);
      const nlb = await aws.createLoadBalancer('game-1');
      const group = await aws.client.send(
        new CreateTargetGroupCommand({
          Name: 'room-9',
          Protocol: 'TCP_UDP',
          Port: 7_777,
          TargetType: 'ip',
          VpcId: 'vpc-1',
          HealthCheckProtocol: 'TCP',
          Tags: [{ Key: 'room', Value: '9' }],
        }),
      );
      const TargetGroupArn = group.TargetGroups![0]!.TargetGroupArn!;
      await aws.client.send(
        new CreateListenerCommand({
          LoadBalancerArn: nlb.arn,
          Protocol: 'TCP_UDP',
          Port: 30_000,
          DefaultActions: [{ Type: 'forward', TargetGroupArn }],
        }),
      );
      await aws.client.send(new RegisterTargetsCommand({ TargetGroupArn, Targets: [{ Id: '10.0.9.9', Port: 7_777 }] }));
      await askUntil('UDP', { host: nlb.address, port: 30_000 }, 'room-9');
      await askUntil('TCP', { host: nlb.address, port: 30_000 }, 'room-9');

      assert.deepEqual(
        (await aws.loadBalancers()).map(found => found.LoadBalancerArn),
        [nlb.arn],
      );
      assert.deepEqual(
        (await aws.listeners(nlb.arn)).map(listener => listener.Port),
        [30_000],
      );
      const [seen] = await aws.targetGroups();
      assert.deepEqual(seen?.tags, { room: '9' });
      assert.deepEqual(
        seen?.targets.map(({ target }) => target),
        ['10.0.9.9:7777'],
      );
      assert.equal((await aws.calls()).actions.RegisterTargets?.calls, 1);
      await aws.resetCalls();
      assert.equal((await aws.calls()).calls, 0);
      await aws.setFaults([{ kind: 'error', actions: ['DescribeLoadBalancers'], status: 400, code: 'AccessDenied' }]);
      await assert.rejects(aws.loadBalancers(), (error: Error) => error.name.startsWith('AccessDenied'));
    } finally {
      await server.close();
      await emulator.stop();
    }
    assert.ok(!emulator.process.isRunning());
  });
});

function configMap(name: string, data: Record<string, string>): string {
  return JSON.stringify({ apiVersion: 'v1', kind: 'ConfigMap', metadata: { name, namespace: 'default' }, data });
}

function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch {
    return false;
  }
}
