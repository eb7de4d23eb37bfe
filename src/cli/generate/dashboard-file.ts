/** One panel: a title, its queries with the names of their lines, and a unit of Grafana. */
interface Panel {
  title: string;
  queries: readonly (readonly [expr: string, legend: string])[];
  unit?: string;
}

/** What the fleet, one pool, and the AWS budget look like; each row a heading of the dashboard. */
const rows: Readonly<Record<string, readonly Panel[]>> = {
  Fleet: [
    {
      title: 'Ports by phase',
      queries: [['sum by (phase) (max by (pool, phase) (nlbports_ports))', '{{phase}}']],
    },
    { title: 'Claims that wait', queries: [['max by (pool) (nlbports_claims_waiting)', '{{pool}}']] },
    { title: 'Leaders (has to be 1)', queries: [['sum(nlbports_leader)', 'leaders']] },
    {
      title: 'Claims bound, waiting, refused',
      queries: [['sum by (result) (rate(nlbports_allocations_total[5m]))', '{{result}}']],
      unit: 'ops',
    },
    {
      title: 'What the last audit found',
      queries: [['max by (kind) (nlbports_audit_findings)', '{{kind}}']],
    },
    {
      title: 'Keys that wait in work queues',
      queries: [['sum by (name) (workqueue_depth)', '{{name}}']],
    },
  ],
  'One pool': [
    {
      title: 'Ports of the pool',
      queries: [['max by (phase) (nlbports_ports{pool=~"$pool"})', '{{phase}}']],
    },
    {
      title: 'Time to a port, median and 95 %',
      queries: [0.5, 0.95].map(
        quantile =>
          [
            `histogram_quantile(${quantile}, sum by (le) (rate(nlbports_bind_seconds_bucket{pool=~"$pool"}[5m])))`,
            `${quantile * 100} %`,
          ] as const,
      ),
      unit: 's',
    },
    {
      title: 'From address to healthy, median and 95 %',
      queries: [0.5, 0.95].map(
        quantile =>
          [
            `histogram_quantile(${quantile}, sum by (le) (rate(nlbports_healthy_seconds_bucket{pool=~"$pool"}[5m])))`,
            `${quantile * 100} %`,
          ] as const,
      ),
      unit: 's',
    },
  ],
  'AWS budget': [
    {
      title: 'AWS calls',
      queries: [['sum by (action) (rate(nlbports_aws_call_duration_seconds_count[5m]))', '{{action}}']],
      unit: 'ops',
    },
    {
      title: 'AWS calls that failed',
      queries: [['sum by (action, code) (rate(nlbports_aws_call_errors_total[5m]))', '{{action}} {{code}}']],
      unit: 'ops',
    },
    { title: 'Calls that wait for the budget', queries: [['sum(nlbports_aws_budget_waiting)', 'waiting']] },
    {
      title: 'Share of the rate in use (below 1 after throttling)',
      queries: [['min by (class) (nlbports_aws_budget_rate_share)', '{{class}}']],
    },
  ],
};

/** A variable of Grafana, which the user of the dashboard picks. */
const datasource = { type: 'prometheus', uid: `$${'{datasource}'}` };

const columns = 3;
const [width, height] = [24 / columns, 8];

/** `deploy/dashboards/nlbports.json`, for Grafana 10 and newer. */
export function dashboardFile(): string {
  const panels: object[] = [];
  let y = 0;
  for (const [title, list] of Object.entries(rows)) {
    panels.push({ type: 'row', title, collapsed: false, panels: [], gridPos: { x: 0, y, w: 24, h: 1 } });
    y += 1;
    list.forEach((panel, at) => {
      const gridPos = { x: (at % columns) * width, y: y + Math.floor(at / columns) * height, w: width, h: height };
      panels.push(timeSeries(panel, gridPos));
    });
    y += Math.ceil(list.length / columns) * height;
  }
  const dashboard = {
    uid: 'nlbports',
    title: 'nlbports',
    tags: ['nlbports'],
    schemaVersion: 39,
    editable: true,
    time: { from: 'now-6h', to: 'now' },
    refresh: '30s',
    templating: {
      list: [
        { name: 'datasource', label: 'Data source', type: 'datasource', query: 'prometheus' },
        {
          ...{ name: 'pool', label: 'Pool', type: 'query', datasource, refresh: 2, includeAll: true, multi: true },
          query: { query: 'label_values(nlbports_ports, pool)', refId: 'pool' },
        },
      ],
    },
    panels: panels.map((panel, at) => ({ id: at + 1, ...panel })),
  };
  return `${JSON.stringify(dashboard, undefined, 2)}\n`;
}

function timeSeries({ title, queries, unit = 'short' }: Panel, gridPos: object): object {
  return {
    ...{ type: 'timeseries', title, gridPos, datasource },
    fieldConfig: { defaults: { unit, min: 0 }, overrides: [] },
    targets: queries.map(([expr, legendFormat], at) => ({
      ...{ refId: String.fromCharCode(65 + at), datasource, expr, legendFormat },
    })),
  };
}
