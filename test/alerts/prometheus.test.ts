import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import { parse, stringify } from 'yaml';
import { createAwsPerson } from '../../src/sandbox/demo/aws-person.ts';
import { demoPool, roomPod } from '../../src/sandbox/demo/demo-objects.ts';
import { eventually } from '../cluster/eventually.ts';
import { fillIn, labelVariables, panelQueries } from './dashboard-queries.ts';
import { type ActiveAlert, type PrometheusProcess, startPrometheus } from './prometheus-process.ts';
import { type SandboxProcess, startSandboxProcess } from './sandbox-process.ts';

const rulesFile = join(import.meta.dirname, '..', '..', 'deploy', 'alerts', 'nlbports.rules.yaml');
const pool = 'small';
/** Few enough that all are made within AWS's documented burst of changes. */
const ports = { min: 30000, max: 30003 };

describe('a real Prometheus at the sandbox', () => {
  let sandbox: SandboxProcess;
  let prometheus: PrometheusProcess;
  before(async () => {
    sandbox = await startSandboxProcess();
    prometheus = await startPrometheus({
      target: new URL(sandbox.operatorUrl).host,
      rules: withoutPatience(readFileSync(rulesFile, 'utf8')),
    });
    await makePool(sandbox);
  });
  after(async () => {
    await prometheus?.stop();
    await sandbox?.stop();
  });

  test('scrapes the operator, and calls no alert while all is well', async () => {
    await eventually(async () => assert.deepEqual(await prometheus.targets(), ['up']), 30_000);
    await eventually(
      async () => assert.equal(await numberOf(`nlbports_ports{pool="${pool}",phase="Cold"}`), 4),
      20_000,
    );
    await eventually(async () => assert.deepEqual(await firing(), []), 10_000);
    await runRooms(sandbox, pool, 'first', 2);
    await eventually(
      async () => assert.equal(await numberOf(`sum(nlbports_ports{pool="${pool}",phase="Bound"})`), 2),
      20_000,
    );
    // Half of a pool within a second is a pool that is full within the hour: that one may say so.
    const others = async () => (await firing()).filter(name => name !== 'NlbportsPoolExhaustsSoon');
    await eventually(async () => assert.deepEqual(await others(), []), 10_000);
  });

  test('calls a pool full, and claims that wait, by the alerts that are shipped', async () => {
    await runRooms(sandbox, pool, 'second', 4);
    const full = await fires('NlbportsPoolNearlyFull');
    assert.equal(full.labels.pool, pool);
    assert.match(full.annotations.summary ?? '', /Pool small has 0% of its ports free/);
    const waiting = await fires('NlbportsClaimsWaiting');
    assert.match(waiting.annotations.summary ?? '', /^2 claims wait for a port of pool small/);
  });

  test('calls AWS throttled while it is, by the alert that is shipped', async () => {
    assert.equal(await isFiring('NlbportsAwsThrottled'), false);
    await fetch(new URL('/_emulator/faults', sandbox.awsUrl), {
      method: 'PUT',
      body: JSON.stringify([{ kind: 'throttle' }]),
    });
    await runRooms(sandbox, 'game', 'third', 20);
    // The operator slows down when it is throttled, so the rate of errors stays low: this is the slowest part.
    const throttled = await fires('NlbportsAwsThrottled');
    assert.match(throttled.annotations.summary ?? '', /^AWS throttles \w+\.$/);
    await fetch(new URL('/_emulator/faults', sandbox.awsUrl), { method: 'DELETE' });
    const silent = [
      'NlbportsLeaderMissing',
      'NlbportsAuditFindings',
      'NlbportsDriftUnrepaired',
      'NlbportsClusterRestored',
    ];
    // A scrape that timed out on a busy machine is a leader missing for a moment.
    const loud = async () => (await firing()).filter(name => silent.includes(name ?? ''));
    await eventually(async () => assert.deepEqual(await loud(), []), 10_000);
  });

  test('has data for every query of the dashboards', async t => {
    const choices = await choicesOfVariables();
    assert.ok(choices.pool?.includes(pool));
    const queries = panelQueries();
    assert.ok(queries.length >= 15);
    for (const { panel, expr } of queries) {
      const filled = fillIn(expr, choices);
      const samples = await eventually(async () => {
        const found = (await prometheus.query(filled)).filter(({ value }) => Number.isFinite(value));
        assert.notEqual(found.length, 0, `${panel}: no data for ${filled}`);
        return found;
      }, 60_000);
      t.diagnostic(`${panel}: ${samples.length} series, the first ${samples[0]?.value}`);
    }
  });

  const firing = async () =>
    [...new Set((await prometheus.alerts()).filter(isFull).map(({ labels }) => labels.alertname))].sort();
  const isFiring = async (name: string) => (await firing()).includes(name);
  const fires = (name: string): Promise<ActiveAlert> =>
    eventually(async () => {
      const alerts = await prometheus.alerts();
      const found = alerts.find(alert => isFull(alert) && alert.labels.alertname === name);
      assert.ok(found, `${name} does not fire: ${JSON.stringify(alerts)}`);
      return found;
    }, 90_000);
  const numberOf = async (expression: string) => (await prometheus.query(expression))[0]?.value;
  const choicesOfVariables = async () => {
    const choices: Record<string, string[]> = {};
    for (const { name, metric, label } of labelVariables()) choices[name] = await prometheus.labelValues(metric, label);
    return choices;
  };
});

const isFull = ({ state }: ActiveAlert) => state === 'firing';

/**
 * The shipped rules, of which only the time that an alert has to last is shortened, as nobody waits ten minutes in a
 * test. Expressions and their windows are as shipped.
 */
function withoutPatience(text: string): string {
  const rules = parse(text) as { groups: { rules: { for?: string }[] }[] };
  for (const rule of rules.groups.flatMap(group => group.rules)) if (rule.for !== undefined) rule.for = '1s';
  return stringify(rules);
}

async function makePool({ awsUrl, kubernetesUrl }: SandboxProcess): Promise<void> {
  const aws = createAwsPerson(awsUrl);
  try {
    const loadBalancer = await aws.createLoadBalancer('small-1');
    const body = demoPool({ name: pool, loadBalancers: [loadBalancer], ports, protocol: 'TCP_UDP', quarantine: '2s' });
    await post(kubernetesUrl, '/apis/nlbports.dev/v1alpha1/nlbportpools', {
      apiVersion: 'nlbports.dev/v1alpha1',
      kind: 'NLBPortPool',
      ...body,
    });
  } finally {
    aws.close();
  }
}

async function runRooms({ kubernetesUrl }: SandboxProcess, pool: string, name: string, count: number): Promise<void> {
  for (let at = 1; at <= count; at++) {
    const pod = roomPod(`${name}-${at}`, pool);
    await post(kubernetesUrl, '/api/v1/namespaces/default/pods', { apiVersion: 'v1', kind: 'Pod', ...pod });
  }
}

async function post(server: string, path: string, object: object): Promise<void> {
  const answer = await fetch(new URL(path, server), {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify(object),
  });
  assert.equal(answer.status, 201, await answer.text());
}
