import assert from 'node:assert/strict';
import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { parse } from 'yaml';

const root = join(import.meta.dirname, '..', '..');
const read = (path: string): string => readFileSync(join(root, path), 'utf8');

interface Rule {
  alert?: string;
  record?: string;
  expr: string;
  annotations?: { summary: string; runbook: string };
  labels?: { severity: string };
}
const rules = (parse(read('deploy/alerts/nlbports.rules.yaml')) as { groups: { rules: Rule[] }[] }).groups.flatMap(
  group => group.rules,
);
const alerts = rules.filter(rule => rule.alert !== undefined);

test('every alert has a runbook that is there, a case in which it fires and one in which it is silent', () => {
  const { tests } = parse(read('deploy/alerts/nlbports.test.yaml')) as {
    tests: { alert_rule_test: { alertname: string; exp_alerts: unknown[] }[] }[];
  };
  const cases = tests.flatMap(test => test.alert_rule_test);
  const named = (silent: boolean) =>
    cases.filter(({ exp_alerts: expected }) => (expected.length === 0) === silent).map(({ alertname }) => alertname);
  assert.ok(alerts.length >= 6);
  for (const { alert = '', annotations } of alerts) {
    assert.ok(annotations?.summary && existsSync(join(root, annotations.runbook)), alert);
    assert.ok(named(false).includes(alert), `${alert} fires in no case`);
    assert.ok(named(true).includes(alert), `${alert} is silent in no case`);
  }
});

test('every alert is named in its runbook, and has a row with its severity and its runbook in docs/operations.md', () => {
  const operations = read('docs/operations.md').split('\n');
  for (const { alert = '', annotations, labels } of alerts) {
    assert.ok(read(annotations?.runbook ?? '').includes(`\`${alert}\``), alert);
    const [row = ''] = operations.filter(line => line.startsWith(`| \`${alert}\` | ${labels?.severity} |`));
    assert.ok(row.includes(`(${annotations?.runbook.replace('docs/', '')})`), alert);
  }
});

test('every metric that an alert or a dashboard asks for is one that the operator has', () => {
  const known = new Set([...read('docs/metrics.md').matchAll(/^\| `(\w+)`/gm)].map(([, name]) => name));
  for (const { record } of rules) if (record) known.add(record);
  const texts = [...rules.map(rule => rule.expr), ...dashboardQueries()];
  assert.ok(texts.length > 10);
  for (const text of texts) {
    for (const [name] of text.matchAll(/\b(nlbports|workqueue)[a-z_]*(:[a-z_]+)?/g)) {
      assert.ok(known.has(name.replace(/_(bucket|sum|count)$/, '')), `${name} in ${text}`);
    }
  }
});

function dashboardQueries(): string[] {
  const { panels } = JSON.parse(read('deploy/dashboards/nlbports.json')) as {
    panels: { targets?: { expr: string }[] }[];
  };
  return panels.flatMap(panel => (panel.targets ?? []).map(({ expr }) => expr));
}
