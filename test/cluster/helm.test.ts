import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import { promisify } from 'node:util';
import { render, renderings } from '../../src/cli/generate/chart/rendered-files.ts';
import { helmBinary } from '../deploy/helm.ts';
import { readManifests } from '../house/manifests.ts';
import { eventually } from './eventually.ts';
import { type OperatorProcess, startOperator } from './operator-process.ts';
import { nlbportsCommand, repository } from './product.ts';
import type { AnyObject } from './rest.ts';
import { eachOf, pause, startWorld, type World } from './world.ts';

const chart = join(repository, 'deploy', 'helm', 'nlbports');
const namespace = 'nlbports-system';

interface Rule {
  alert?: string;
  annotations: { runbook_url?: string };
}

describe('the Helm chart', { timeout: 900_000 }, () => {
  let world: World;
  let helm: string;
  before(async () => {
    helm = await helmBinary();
    world = await startWorld({ manifests: false });
  });
  after(() => world?.stop());

  async function run(...args: string[]): Promise<string> {
    const env = { ...process.env, KUBECONFIG: world.cluster.adminKubeconfig, HOME: world.cluster.folder };
    const { stdout } = await promisify(execFile)(helm, args, { env, maxBuffer: 64 * 1024 * 1024 }).catch(error => {
      throw new Error(`helm ${args.join(' ')}: ${error.stderr ?? error.message}`);
    });
    return stdout;
  }

  test('gives the manifests that we ship for kubectl', async () => {
    const { execFileSync } = await import('node:child_process');
    for (const path of Object.keys(renderings)) {
      const rendered = render(`${repository}/`, path, (...args) => execFileSync(helm, args, { encoding: 'utf8' }));
      assert.equal(rendered, readFileSync(join(repository, path), 'utf8'), `${path}: run "npm run generate"`);
    }
  });

  test('gives the right to take scheduling gates off when asked to, as the file for kubectl does', async () => {
    const flags = ['-n', namespace, '--kube-version=1.36.1', '--show-only=templates/scheduling-gate.yaml'];
    const rendered = await run('template', 'nlbports', chart, ...flags, '--set', 'schedulingGate.enabled=true');
    const shipped = readFileSync(join(repository, 'deploy', 'scheduling-gate.yaml'), 'utf8');
    assert.deepEqual(readManifests(rendered), readManifests(shipped));
    await assert.rejects(run('template', 'nlbports', chart, ...flags), /could not find template/);
  });

  test('leads from each alert to its runbook, where people read them', async () => {
    const flags = ['-n', namespace, '--kube-version=1.36.1', '--show-only=templates/prometheusrule.yaml'];
    const address = 'prometheusRule.runbooks=https://git.example.com/docs/runbooks/';
    const rendered = await run(
      'template',
      'nlbports',
      chart,
      ...flags,
      '--set',
      `prometheusRule.enabled=true,${address}`,
    );
    const manifests: unknown[] = readManifests(rendered);
    const groups = manifests.flatMap(rule => (rule as { spec: { groups: { rules: Rule[] }[] } }).spec.groups);
    const rules = groups.flatMap(group => group.rules).filter(({ alert }) => alert !== undefined);
    assert.ok(rules.length > 5);
    for (const { annotations } of rules)
      assert.match(annotations.runbook_url ?? '', /^https:\/\/git\.example\.com\/docs\/runbooks\/[a-z-]+\.md$/);
  });

  test('passes helm lint, and refuses values that its schema does not know', async () => {
    assert.match(await run('lint', '--strict', chart), /0 chart\(s\) failed/);
    for (const set of ['replicaCount=2', 'replicas=none', 'options.lease-durations=12s', 'image.pullPolicy=Maybe']) {
      await assert.rejects(run('template', 'x', chart, '--kube-version=1.36.1', '--set', set), /schema/, set);
    }
  });

  test('means the service account that it makes in every policy, whatever name and namespace it was given', async () => {
    for (const [set, account] of [
      ['serviceAccount.name=ports', 'elsewhere:ports'],
      ['fullnameOverride=games', 'elsewhere:games'],
    ] as const) {
      const sets = ['--set', `${set},agones.enabled=true`];
      const text = await run('template', 'other', chart, '-n', 'elsewhere', '--kube-version=1.36.1', ...sets);
      const named = [...text.matchAll(/system:serviceaccount:([^'"\s]+)/g)].map(([, name]) => name);
      assert.ok(named.length >= 7, `${named.length}`);
      assert.deepEqual([...new Set(named)], [account]);
      const made = readManifests(text).find(({ kind }) => kind === 'ServiceAccount') as AnyObject | undefined;
      assert.equal(`${made?.metadata.namespace}:${made?.metadata.name}`, account);
    }
  });

  test('by default, and with everything on, is a strict dry run that the API server takes', async () => {
    const { code } = await world.cluster.kubectl(['create', 'namespace', 'dry']);
    assert.equal(code, 0);
    const optional = ['prometheusRule', 'serviceMonitor', 'dashboards', 'schedulingGate'];
    const all = optional.flatMap(name => ['--set', `${name}.enabled=true`]);
    const more = [
      '--set',
      'options.lease-duration=15s',
      '--set',
      'aws.region=eu-west-1,aws.roleArn=arn:aws:iam::1:role/x',
    ];
    for (const flags of [[], [...all, ...more]]) {
      const text = await run(
        'template',
        'other',
        chart,
        '-n',
        'dry',
        '--kube-version=1.36.1',
        '--validate',
        ...flags,
      ).catch(() => run('template', 'other', chart, '-n', 'dry', '--kube-version=1.36.1', ...flags));
      // Kinds of the Prometheus operator are nobody's here.
      const known = readManifests(text).filter(
        object => !String(object.apiVersion).startsWith('monitoring.coreos.com/'),
      );
      const applied = await world.cluster.kubectl(
        ['apply', '--dry-run=server', '--validate=strict', '-f', '-'],
        known.map(object => JSON.stringify(object)).join('\n---\n'),
      );
      // A policy with parameters can be tried only where their kind is served.
      assert.equal(applied.code, 0, applied.stderr);
      assert.doesNotMatch(applied.stderr, /Warning: (?!.*last-applied)/);
      assert.ok(applied.stdout.split('\n').length > 12);
    }
  });

  describe('installed', () => {
    const operators: OperatorProcess[] = [];
    const endpoints = new Map<string, string>();
    const roomNames = Array.from({ length: 12 }, (_, at) => `room-${at}`);
    after(async () => {
      for (const operator of operators) await operator.stop();
    });

    /** A replica as the Deployment has it: its arguments, its environment, its service account's token. */
    async function startReplica(): Promise<OperatorProcess> {
      const deployment = await world.cluster.rest.get(`/apis/apps/v1/namespaces/${namespace}/deployments/nlbports`);
      const { serviceAccountName, containers } = deployment.spec.template.spec;
      const [command, ...args] = containers[0].args;
      assert.equal(command, 'operator');
      const env = Object.fromEntries(
        containers[0].env.map(({ name, value, valueFrom }: AnyObject) => [
          name,
          valueFrom?.fieldRef?.fieldPath === 'metadata.namespace' ? namespace : value,
        ]),
      );
      const operator = await startOperator({
        kubeconfig: await world.cluster.serviceAccountKubeconfig(namespace, serviceAccountName),
        awsEndpoint: world.emulator.endpoint,
        args,
        env,
      });
      operators.push(operator);
      await operator.waitReady();
      return operator;
    }

    const endpointsNow = async () => {
      for (const name of roomNames) {
        const endpoint = world.endpointOf(await world.pods.get(name));
        assert.ok(endpoint, name);
        endpoints.set(name, endpoint);
      }
    };

    const callsToAws = async () => {
      const answer = await fetch(new URL('/_emulator/calls', world.emulator.endpoint));
      return ((await answer.json()) as { entries: { mutating: boolean; parameters: Record<string, string> }[] })
        .entries;
    };
    /** ARNs of the rooms' listeners and target groups. */
    const resourcesOfRooms = async () =>
      (await world.ports())
        .filter(({ spec }) => roomNames.includes(spec.claim?.name))
        .flatMap(({ status }) => [status.listenerArn, status.targetGroupArn]);

    test('serves rooms', async () => {
      await run(
        'install',
        'nlbports',
        chart,
        '-n',
        namespace,
        '--create-namespace',
        '--set',
        'options.aws-budget=none',
      );
      await world.allowOperator();
      await startReplica();
      await startReplica();
      await world.pool('game');
      await eachOf(roomNames, 6, async name => await world.room(name, world.ip(roomNames.indexOf(name))));
      await eventually(endpointsNow, 30_000);
      await eachOf(roomNames, 6, async name => {
        await eventually(async () => assert.equal(await world.ask(endpoints.get(name)!), name), 10_000);
      });
    });

    test('keeps every endpoint, and every room reachable, through an upgrade and a rollback during a churn', async () => {
      let churning = true;
      let asked = 0;
      const unreachable: string[] = [];
      const inAws = await resourcesOfRooms();
      assert.equal(inAws.length, 2 * roomNames.length);
      await world.aws.resetCalls();
      const prober = (async () => {
        while (churning) {
          // Each question is a flow, which the load balancer keeps for two minutes with a socket of its own: asked without a
          // pause, these took all of the emulator's sockets, and then neither datagrams nor the operator got through.
          await pause(200);
          await eachOf(roomNames, 6, async name => {
            // A datagram may be lost on a busy machine; three in a row are a room that is not reachable.
            let said = '';
            for (let tries = 0; tries < 3 && said !== name; tries++) {
              said = await world.ask(endpoints.get(name)!).catch(error => String(error));
            }
            asked++;
            if (said !== name) unreachable.push(`${name}: ${said}`);
          });
        }
      })();
      const churn = (async () => {
        for (let at = 0; churning; at++) {
          const name = `passing-${at}`;
          await world.room(name, world.ip(40 + at));
          await eventually(async () => assert.ok(world.endpointOf(await world.pods.get(name))), 60_000).catch(
            async error => {
              const { metadata, status } = await world.pods.get(name);
              const port = (await world.ports()).find(({ spec }) => spec.claim?.name === name);
              throw new Error(JSON.stringify({ name, metadata, status, port }, undefined, 1), { cause: error });
            },
          );
          await world.pods.remove(name);
        }
      })();
      const upgrades = [
        [
          'upgrade',
          'nlbports',
          chart,
          '-n',
          namespace,
          '--reuse-values',
          '--set',
          'options.batch-window=80ms,replicas=3',
        ],
        ['rollback', 'nlbports', '1', '-n', namespace],
      ];
      for (const command of upgrades) {
        await run(...command);
        // As a rollout does: one more is ready, then an old one goes.
        for (const old of operators.splice(0, 2)) {
          await startReplica();
          const end = await old.terminate();
          assert.equal(end.code, 0);
        }
      }
      churning = false;
      await Promise.all([prober, churn]);
      const before = new Map(endpoints);
      await endpointsNow();
      assert.deepEqual(endpoints, before);
      assert.deepEqual(unreachable, []);
      assert.ok(asked > 3 * roomNames.length, `${asked} times asked`);
      // No call that would change anything named a room's target group or listener: no packet could be lost by it.
      const touched = (await callsToAws()).filter(
        ({ mutating, parameters }) => mutating && Object.values(parameters).some(value => inAws.includes(value)),
      );
      assert.deepEqual(touched, []);
    });

    test('leaves AWS empty when it is uninstalled after drain-pool', async () => {
      const drain = async (...more: string[]) => {
        const args = ['drain-pool', 'game', `--kubeconfig=${world.cluster.adminKubeconfig}`, ...more];
        return await promisify(execFile)(nlbportsCommand, args).then(
          ({ stdout }) => ({ code: 0, stdout }),
          error => ({ code: error.code as number, stdout: error.stdout as string }),
        );
      };
      const early = await drain('--timeout=2s');
      assert.equal(early.code, 1, early.stdout);
      assert.match(early.stdout, / held by Pod default\/room-/);
      await eachOf(roomNames, 6, async name => await world.pods.remove(name));
      const { code, stdout } = await drain('--timeout=60s');
      assert.equal(code, 0, stdout);
      assert.deepEqual(await world.aws.targetGroups(), []);
      assert.deepEqual(await world.aws.listeners(world.loadBalancers[0]!.arn), []);
      for (const operator of operators.splice(0)) await operator.terminate();
      await run('uninstall', 'nlbports', '-n', namespace);
      const kept = await world.cluster.kubectl(['get', 'crd', '-o', 'name']);
      assert.match(kept.stdout, /nlbports\.nlbports\.dev/);
      const gone = await world.cluster.kubectl([
        '-n',
        namespace,
        'get',
        'deployments,roles,poddisruptionbudgets',
        '-o',
        'name',
      ]);
      assert.equal(gone.stdout, '');
    });
  });
});
