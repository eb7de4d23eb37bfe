import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import { applyFiles } from './apply.ts';
import { type ControlPlane, startControlPlane } from './control-plane.ts';
import { eventually } from './eventually.ts';
import { createPods } from './pods.ts';
import { type AnyObject, type Rest, RestError } from './rest.ts';

const arn = 'arn:aws:elasticloadbalancing:us-east-1:111122223333:loadbalancer/net/game-1/50dc6c495c0c9188';
const heldName = 'nlb-50dc6c495c0c9188-30000';
const freeName = 'nlb-50dc6c495c0c9188-30001';
const ports = '/apis/nlbports.dev/v1alpha1/nlbports';
const pools = '/apis/nlbports.dev/v1alpha1/nlbportpools';
const definitions = '/apis/apiextensions.k8s.io/v1/customresourcedefinitions';

describe('the admission policies that we ship', () => {
  let cluster: ControlPlane;
  /** Whoever may do anything by RBAC: what they may not do is the policies' word. */
  let person: Rest;
  let operator: Rest;
  before(async () => {
    // The warnings of expressions are found by a controller.
    cluster = await startControlPlane({ controllerManager: true });
    person = cluster.rest;
    await applyFiles(person, 'deploy/namespace.yaml', 'deploy/crds', 'deploy/rbac.yaml');
    operator = person.as(await cluster.serviceAccountToken('nlbports-system', 'nlbports'));
    await applyFiles(person, 'deploy/policies');
    await person.create(pools, pool('game'));
    await person.create(ports, port(heldName, 30000, claim));
    await person.create(ports, port(freeName, 30001));
    const { metadata } = await person.get(`${pools}/game`);
    const status = { ports: { total: 2, free: 1, warm: 0, bound: 1, resting: 0, conflict: 0 } };
    await person.replace(`${pools}/game/status`, { ...pool('game'), metadata, status });
    // They are in force a moment after they were made.
    await eventually(async () => {
      await refuses(person.remove(`${ports}/${heldName}`, { dryRun: ['All'] }), /held by Pod room-1/);
      const foreground = { propagationPolicy: 'Foreground', dryRun: ['All'] };
      await refuses(person.remove(`${pools}/game`, foreground), /are held/);
      for (const plural of ['nlbports', 'nlbportpools']) {
        await refuses(person.remove(`${definitions}/${plural}.nlbports.dev`, { dryRun: ['All'] }), /exist, such as/);
      }
      await refuses(dryPod(person, { 'nlbports.dev/endpoint': 'x' }), /operator alone writes/);
      const { spec } = await dryPod(person, {}, { 'nlbports.dev/pool': 'game' });
      assert.ok(spec.readinessGates);
    }, 20_000);
  });
  after(() => cluster?.stop());

  test('have no expression that the API server warns of', async () => {
    await eventually(async () => {
      const policies = await person.list('/apis/admissionregistration.k8s.io/v1/validatingadmissionpolicies');
      assert.ok(policies.length > 5);
      for (const { metadata, status } of policies) {
        assert.deepEqual(status?.typeChecking?.expressionWarnings ?? [], [], metadata.name);
        assert.equal(status?.observedGeneration, metadata.generation);
      }
    }, 20_000);
  });

  describe('safe deletion', () => {
    const deletions: [string, string[]][] = [
      ['at all', []],
      ['by force', ['--force', '--grace-period=0']],
      ['by foreground cascade', ['--cascade=foreground']],
      ['as an orphan', ['--cascade=orphan']],
    ];
    for (const [how, flags] of deletions) {
      test(`refuses to delete a held NLBPort ${how}, and says who holds it`, async () => {
        const args = ['delete', 'nlbport', heldName, '--wait=false', ...flags];
        const { code, stderr } = await cluster.kubectl(args);
        assert.equal(code, 1);
        assert.match(stderr, /Forbidden.*is held by Pod room-1: it comes back when its claimant has ended/s);
      });
    }

    test('refuses to delete a held NLBPort among all others', async () => {
      await refuses(person.remove(`${ports}?dryRun=All`), /is held by Pod room-1/);
    });

    test('refuses to take the finalizer off a held NLBPort, and lets other edits pass', async () => {
      await refuses(setFinalizers(person, `${ports}/${heldName}`, []), /finalizer nlbports.dev\/aws/);
      await person.patch(`${ports}/${heldName}`, 'merge', { metadata: { labels: { seen: 'yes' } } });
      await setFinalizers(person, `${ports}/${heldName}`, ['example.com/more', 'nlbports.dev/aws']);
    });

    test('lets the operator do both, and a person delete a free NLBPort', async () => {
      await operator.remove(`${ports}/${heldName}`, { dryRun: ['All'] });
      await setFinalizers(operator, `${ports}/${heldName}?dryRun=All`, []);
      await person.remove(`${ports}/${freeName}`, { dryRun: ['All'] });
    });

    test('refuses to delete a pool with held ports by foreground cascade, and lets it wait in the background', async () => {
      const foreground = { propagationPolicy: 'Foreground', dryRun: ['All'] };
      await refuses(person.remove(`${pools}/game`, foreground), /1 ports of NLBPortPool game are held/);
      await person.remove(`${pools}/game`, { dryRun: ['All'] });
      await person.remove(`${pools}/game`, { propagationPolicy: 'Background', dryRun: ['All'] });
    });

    test('refuses to take the finalizer off a pool, except for the operator', async () => {
      await refuses(setFinalizers(person, `${pools}/game`, []), /finalizer nlbports.dev\/ports/);
      await setFinalizers(operator, `${pools}/game?dryRun=All`, []);
    });

    test('refuses to delete a definition of ours while there are objects, and no longer when there are none', async () => {
      // Which of several objects the API server meets first is not said.
      for (const [plural, some] of [
        ['nlbports', `(?:${heldName}|${freeName}):`],
        ['nlbportpools', 'game:'],
      ]) {
        const { code, stderr } = await cluster.kubectl(['delete', 'crd', `${plural}.nlbports.dev`, '--wait=false']);
        assert.equal(code, 1);
        assert.match(stderr, new RegExp(`exist, such as ${some}`));
      }
      await setFinalizers(operator, `${ports}/${heldName}`, []);
      await operator.remove(`${ports}/${heldName}`);
      await person.remove(`${ports}/${freeName}`);
      await setFinalizers(operator, `${pools}/game`, []);
      await person.remove(`${pools}/game`);
      await eventually(async () => {
        const { code, stderr } = await cluster.kubectl(['delete', '-f', 'deploy/crds', '--ignore-not-found']);
        assert.equal(code, 0, stderr);
      }, 20_000);
      assert.equal(await person.find(`${definitions}/nlbports.nlbports.dev`), undefined);
      await applyFiles(person, 'deploy/crds');
    });
  });

  describe('results', () => {
    const pod = '/api/v1/namespaces/default/pods/room-2';
    const service = '/api/v1/namespaces/default/services/lobby';
    before(async () => {
      const pods = createPods(person);
      await pods.run({ name: 'room-2', ip: '10.0.1.5', labels: { 'nlbports.dev/pool': 'game' } });
      await person.create('/api/v1/namespaces/default/services', {
        apiVersion: 'v1',
        kind: 'Service',
        metadata: { name: 'lobby' },
        spec: { selector: { app: 'lobby' }, ports: [{ port: 7777 }] },
      });
      await publish(operator, pod);
    });

    for (const name of ['bound', 'endpoint', 'endpoints'].map(key => `nlbports.dev/${key}`)) {
      test(`can not be forged: ${name}`, async () => {
        const forged = { metadata: { annotations: { [name]: 'forged.example.com:1' } } };
        const says = new RegExp(`${name} is a result of nlbports`);
        await refuses(dryPod(person, forged.metadata.annotations), says);
        await refuses(person.patch(pod, 'merge', forged), says);
        await refuses(person.patch(`${pod}/status`, 'merge', forged), says);
        await refuses(person.patch(service, 'merge', forged), says);
        await refuses(person.patch(`${service}/status`, 'merge', forged), says);
      });
    }

    test('can not be forged: the condition nlbports.dev/ready', async () => {
      const says = /condition nlbports.dev\/ready is a result/;
      const conditions = (status: string) => ({ status: { conditions: [{ type: 'nlbports.dev/ready', status }] } });
      await refuses(person.patch(`${pod}/status`, 'strategic', conditions('True')), says);
      const pods = createPods(person);
      await pods.create({ name: 'room-3' });
      await refuses(pods.setConditions('room-3', { 'nlbports.dev/ready': 'True' }), says);
    });

    test('leave people their own annotations, labels and conditions', async () => {
      await person.patch(pod, 'merge', {
        metadata: { labels: { a: 'b' }, annotations: { 'nlbports.dev/ports': '1/UDP' } },
      });
      await createPods(person).setConditions('room-2', { 'example.com/warm': 'True', Ready: 'False' });
      await person.patch(service, 'merge', { metadata: { annotations: { 'example.com/a': 'b' } } });
      const { metadata, status } = await person.get(pod);
      assert.equal(metadata.annotations['nlbports.dev/endpoint'], 'game.example.com:30000');
      assert.equal(readyOf(status)?.status, 'False');
    });

    test('are all that the operator may write on a pod', async () => {
      const refused: [AnyObject, RegExp][] = [
        [{ metadata: { annotations: { 'example.com/a': 'b' } } }, /its own three annotations/],
        [{ metadata: { annotations: { 'nlbports.dev/ports': null } } }, /its own three annotations/],
        [{ metadata: { labels: { 'nlbports.dev/pool': 'other' } } }, /labels, finalizers or owners/],
        [{ metadata: { finalizers: ['example.com/stay'] } }, /labels, finalizers or owners/],
        [
          { status: { conditions: [{ type: 'Ready', status: 'True' }] } },
          /condition nlbports.dev\/ready of a pod, and no/,
        ],
        [{ status: { phase: 'Failed' } }, /in a pod's status, and nothing else/],
        [{ status: { podIP: '10.6.6.6', podIPs: [{ ip: '10.6.6.6' }] } }, /in a pod's status, and nothing else/],
        [{ status: { message: 'hello' } }, /in a pod's status, and nothing else/],
      ];
      for (const [body, says] of refused) {
        await refuses(operator.patch(`${pod}/status`, 'merge', body), says);
        await person.patch(`${pod}/status`, 'merge', body, { dryRun: 'All' });
      }
      await publish(operator, pod, '30001');
      await operator.patch(`${pod}/status`, 'merge', { metadata: { annotations: { 'nlbports.dev/bound': null } } });
    });
  });

  describe('results of Services', () => {
    const services = '/api/v1/namespaces/default/services';
    const ready = (status: string) => ({ status: { conditions: [readyCondition(status)] } });
    const ingress = (hostname: string) => ({ status: { loadBalancer: { ingress: [{ hostname }] } } });
    before(async () => {
      const made = (name: string, spec: AnyObject) => ({
        apiVersion: 'v1',
        kind: 'Service',
        metadata: { name },
        spec: { ...spec, selector: { app: name }, ports: [{ port: 7777 }] },
      });
      await person.create(services, made('plain', {}));
      const type = 'LoadBalancer';
      await person.create(services, made('ours', { type, loadBalancerClass: 'nlbports.dev/nlb' }));
      await person.create(services, made('theirs', { type, loadBalancerClass: 'example.com/other' }));
    });

    test('can not be forged: the condition nlbports.dev/ready', async () => {
      const forged = person.patch(`${services}/plain/status`, 'strategic', ready('True'));
      await refuses(forged, /condition nlbports.dev\/ready is a result/);
      const warm = { ...readyCondition('True'), type: 'example.com/warm' };
      await person.patch(`${services}/plain/status`, 'strategic', { status: { conditions: [warm] } });
    });

    test('are all that the operator may write on a Service', async () => {
      const dry = { dryRun: 'All' };
      for (const name of ['plain', 'ours', 'theirs']) {
        const path = `${services}/${name}/status`;
        const refused: [AnyObject, RegExp][] = [
          [{ metadata: { annotations: { 'example.com/a': 'b' } } }, /its own three annotations on a Service/],
          [{ metadata: { labels: { 'nlbports.dev/pool': 'other' } } }, /labels, finalizers or owners of a Service/],
          [{ metadata: { finalizers: ['example.com/stay'] } }, /labels, finalizers or owners of a Service/],
          [
            { status: { conditions: [{ ...readyCondition('True'), type: 'example.com/cold' }] } },
            /condition nlbports.dev\/ready of a Service, and no/,
          ],
        ];
        for (const [body, says] of refused) await refuses(operator.patch(path, 'merge', body, dry), says);
        await publish(operator, `${services}/${name}`);
      }
      await operator.patch(`${services}/ours/status`, 'strategic', ingress('game.example.com'));
      const stolen = operator.patch(`${services}/theirs/status`, 'strategic', ingress('evil.example.com'));
      await refuses(stolen, /ways in of load balancers of the class nlbports.dev\/nlb/);
      await person.patch(`${services}/theirs/status`, 'strategic', ingress('their.example.com'));
    });
  });

  describe('the scheduling gate', () => {
    const gated = '/api/v1/namespaces/default/pods/gated';
    const gates = [{ name: 'example.com/other' }, { name: 'nlbports.dev/port' }];
    const open = [{ op: 'remove', path: '/spec/schedulingGates/1' }];
    before(async () => {
      await createPods(person).create({ name: 'gated', spec: { schedulingGates: gates } });
    });

    test("is not the operator's to open by the roles that everybody installs", async () => {
      await refuses(operator.patch(gated, 'json', open), /cannot patch resource/);
    });

    test('is, with the rest of the pod left alone, where the opt-in is installed', async () => {
      await applyFiles(person, 'deploy/scheduling-gate.yaml');
      const relabel = { metadata: { labels: { stolen: 'yes' } } };
      // The role is in force before the policy is.
      const dry = { dryRun: 'All' };
      await eventually(() => refuses(operator.patch(gated, 'merge', relabel, dry), /may take its/), 20_000);
      const image = [{ op: 'replace', path: '/spec/containers/0/image', value: 'other' }];
      await refuses(operator.patch(gated, 'json', image), /may take its/);
      await refuses(operator.patch(gated, 'json', [{ op: 'remove', path: '/spec/schedulingGates/0' }]), /and no other/);
      // With its own gate, too.
      const both = [...open, { op: 'add', path: '/metadata/labels', value: { stolen: 'yes' } }];
      await refuses(operator.patch(gated, 'json', both), /and change nothing else/);
      const { spec } = await operator.patch(gated, 'json', open);
      assert.deepEqual(spec.schedulingGates, [{ name: 'example.com/other' }]);
    });
  });

  describe('the readiness gate', () => {
    const gates = ({ spec }: AnyObject) => (spec.readinessGates ?? []).map((gate: AnyObject) => gate.conditionType);

    test('is put on a labelled pod, beside the gates that it has, and once', async () => {
      const pods = createPods(person);
      const labels = { 'nlbports.dev/pool': 'game' };
      assert.deepEqual(gates(await pods.create({ name: 'gate-1', labels })), ['nlbports.dev/ready']);
      const other = await pods.create({ name: 'gate-2', labels, readinessGates: ['example.com/warm'] });
      assert.deepEqual(gates(other), ['example.com/warm', 'nlbports.dev/ready']);
      const own = await pods.create({ name: 'gate-3', labels, readinessGates: ['nlbports.dev/ready'] });
      assert.deepEqual(gates(own), ['nlbports.dev/ready']);
    });

    test('is not put on a pod without the label, nor on a mirror pod', async () => {
      const pods = createPods(person);
      assert.deepEqual(gates(await pods.create({ name: 'gate-4' })), []);
      const mirror = await dryPod(person, { 'kubernetes.io/config.mirror': 'x' }, { 'nlbports.dev/pool': 'game' });
      assert.deepEqual(gates(mirror), []);
    });
  });
});

const claim = { kind: 'Pod', namespace: 'default', name: 'room-1', uid: 'u1', exposed: true };

function pool(name: string): AnyObject {
  return {
    apiVersion: 'nlbports.dev/v1alpha1',
    kind: 'NLBPortPool',
    metadata: { name, finalizers: ['nlbports.dev/ports'] },
    spec: {
      loadBalancers: [{ arn }],
      ports: { min: 30000, max: 30001 },
      protocol: 'UDP',
      access: { namespaces: ['*'] },
    },
  };
}

function port(name: string, number: number, held?: AnyObject): AnyObject {
  return {
    apiVersion: 'nlbports.dev/v1alpha1',
    kind: 'NLBPort',
    metadata: { name, ...(held ? { finalizers: ['nlbports.dev/aws'] } : {}) },
    spec: { pool: 'game', loadBalancer: { arn }, port: number, protocol: 'UDP', ...(held ? { claim: held } : {}) },
  };
}

/** What comes of making such a pod, which is not kept. */
function dryPod(rest: Rest, annotations: AnyObject, labels: AnyObject = {}): Promise<AnyObject> {
  const body = {
    apiVersion: 'v1',
    kind: 'Pod',
    metadata: { name: 'dry', annotations, labels },
    spec: { containers: [{ name: 'game', image: 'game' }], nodeName: 'node-1' },
  };
  return rest.create('/api/v1/namespaces/default/pods', body, { dryRun: 'All' });
}

function publish(rest: Rest, pod: string, number = '30000'): Promise<AnyObject> {
  const annotations = {
    'nlbports.dev/bound': `nlb-50dc6c495c0c9188-${number}`,
    'nlbports.dev/endpoint': `game.example.com:${number}`,
    'nlbports.dev/endpoints': '[]',
  };
  const conditions = [readyCondition('False')];
  return rest.patch(`${pod}/status`, 'strategic', { metadata: { annotations }, status: { conditions } });
}

function readyCondition(status: string): AnyObject {
  const lastTransitionTime = '2026-01-01T00:00:00Z';
  return { type: 'nlbports.dev/ready', status, reason: 'Registering', message: '', lastTransitionTime };
}

function setFinalizers(rest: Rest, path: string, finalizers: string[]): Promise<AnyObject> {
  return rest.patch(path, 'merge', { metadata: { finalizers } });
}

function readyOf(status: AnyObject): AnyObject | undefined {
  return status.conditions?.find(({ type }: AnyObject) => type === 'nlbports.dev/ready');
}

async function refuses(request: Promise<unknown>, says: RegExp): Promise<void> {
  await assert.rejects(request, error => {
    assert.ok(error instanceof RestError && error.status === 403, String(error));
    assert.match(error.message, says);
    return true;
  });
}
