import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';

const folder = join(import.meta.dirname, '..', '..', 'deploy', 'dashboards');

/** What one panel asks Prometheus. */
export interface PanelQuery {
  panel: string;
  /** With the dashboard's variables in it. */
  expr: string;
}

/** A variable of a dashboard whose choices are a label's values. */
export interface LabelVariable {
  name: string;
  metric: string;
  label: string;
}

interface Dashboard {
  panels: { title: string; targets?: { expr: string }[] }[];
  templating: { list: { name: string; type: string; query: string | { query: string } }[] };
}

const dashboards = readdirSync(folder)
  .filter(name => name.endsWith('.json'))
  .map(name => JSON.parse(readFileSync(join(folder, name), 'utf8')) as Dashboard);

/** Every query of every dashboard of deploy/dashboards. */
export function panelQueries(): PanelQuery[] {
  return dashboards.flatMap(({ panels }) =>
    panels.flatMap(({ title, targets = [] }) => targets.map(({ expr }) => ({ panel: title, expr }))),
  );
}

/** Every variable of them that asks Prometheus for its choices, as in `label_values(nlbports_ports, pool)`. */
export function labelVariables(): LabelVariable[] {
  return dashboards.flatMap(({ templating }) =>
    templating.list.flatMap(({ name, query }) => {
      const [, metric, label] =
        /^label_values\((\w+), (\w+)\)$/.exec(typeof query === 'string' ? query : query.query) ?? [];
      return metric && label ? [{ name, metric, label }] : [];
    }),
  );
}

/** Fills variables in as Grafana does for several choices at once: `$pool` becomes `(game|web)`. */
export function fillIn(expr: string, choices: Readonly<Record<string, readonly string[]>>): string {
  return expr.replace(/\$\{?(\w+)\}?/g, (written, name: string) => {
    const values = choices[name];
    if (values === undefined) throw new Error(`Cannot fill in ${written}: the dashboard has no such variable.`);
    return `(${values.join('|')})`;
  });
}
