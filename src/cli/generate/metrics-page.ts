import type { Registry } from 'prom-client';
import { createBudget } from '../../aws/budget.ts';
import type { Cache } from '../../kube/informer.ts';
import { createMetrics } from '../../operator/metrics.ts';
import { systemClock } from '../../runtime/clock.ts';
import { silentLog } from '../../runtime/log.ts';
import { seededRandom } from '../../runtime/random.ts';
import { code, pageHead, table } from './markdown.ts';

/** `docs/metrics.md`: every metric on the operator's registry. */
export function metricsPage(): string {
  return `${pageHead('Metrics', 'src/operator/metrics.ts')}
The operator serves them on \`/metrics\` of its HTTP address (\`--http-address\`, port 8080 unless set), in the Prometheus
text format. A histogram has the series \`_bucket\`, \`_sum\` and \`_count\`. Names that begin with \`workqueue_\` are
those of controller-runtime, so that dashboards for it work.

${table(['Metric', 'Type', 'Labels', 'What it says'], rowsOf(operatorRegistry()))}
The process's own metrics (\`process_*\` and \`nodejs_*\`: memory, CPU, open files, event loop, garbage collection) are
there too, as prom-client names them.
`;
}

/** What prom-client keeps of each metric; its types leave out the label names. */
interface KnownMetric {
  name: string;
  help: string;
  type: string;
  labelNames: readonly string[];
}

function rowsOf(registry: Registry): string[][] {
  const metrics = registry.getMetricsAsArray() as unknown as KnownMetric[];
  return metrics
    .toSorted((a, b) => (a.name < b.name ? -1 : 1))
    .map(({ name, type, labelNames, help }) => [code(name), type, labelNames.map(code).join(', '), help]);
}

function operatorRegistry(): Registry {
  const clock = systemClock();
  const metrics = createMetrics(clock, false);
  metrics.follow({
    ports: emptyCache(),
    pools: emptyCache(),
    queues: {},
    budget: createBudget({ clock, random: seededRandom(1), log: silentLog() }),
    isLeader: () => false,
    waitingClaims: () => 0,
  });
  return metrics.registry;
}

function emptyCache<T>(): Cache<T> {
  return { get: () => undefined, list: () => [], by: () => [] };
}
