import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { stringify } from 'yaml';
import { eventually } from '../cluster/eventually.ts';
import { guardFolder, logTail, startProcess } from '../cluster/managed-process.ts';
import { PortTakenError, pickPort, retryOnTakenPort, saysPortTaken } from '../cluster/ports.ts';
import { prometheusBinaries } from './prometheus-binaries.ts';

/** One series of an instant query, with its value now. */
export interface Sample {
  metric: Record<string, string>;
  value: number;
}

/** An alert as Prometheus has it. */
export interface ActiveAlert {
  labels: Record<string, string>;
  annotations: Record<string, string>;
  state: 'pending' | 'firing';
}

/** A Prometheus of this test's own. */
export interface PrometheusProcess {
  /** @throws Error with Prometheus's words where it refuses the query. */
  query(expression: string): Promise<Sample[]>;
  /** Values of a label over all series of a metric, as Grafana's `label_values` asks for them. */
  labelValues(metric: string, label: string): Promise<string[]>;
  alerts(): Promise<ActiveAlert[]>;
  /** How the scrapes go: `up`, or the last error of each target. */
  targets(): Promise<string[]>;
  stop(): Promise<void>;
}

/** Between two scrapes, and between two looks at the rules. */
const interval = '500ms';

/**
 * Starts one that scrapes `target` (`127.0.0.1:9000`) often and follows `rules` (the text of a rule file).
 *
 * @throws Error with the log's tail when it is not ready in time.
 */
export async function startPrometheus(options: { target: string; rules: string }): Promise<PrometheusProcess> {
  const { prometheus } = await prometheusBinaries();
  const folder = mkdtempSync(join(tmpdir(), 'nlbports-prometheus-'));
  const releaseFolder = guardFolder(folder);
  writeFileSync(join(folder, 'rules.yaml'), options.rules);
  const config = {
    global: { scrape_interval: interval, scrape_timeout: interval, evaluation_interval: interval },
    rule_files: ['rules.yaml'],
    scrape_configs: [{ job_name: 'nlbports', static_configs: [{ targets: [options.target] }] }],
  };
  writeFileSync(join(folder, 'prometheus.yml'), stringify(config));
  const { process, url } = await retryOnTakenPort(async () => {
    const address = `127.0.0.1:${await pickPort()}`;
    const started = await startProcess({
      name: 'prometheus',
      command: prometheus,
      args: [
        `--config.file=${join(folder, 'prometheus.yml')}`,
        `--storage.tsdb.path=${join(folder, 'data')}`,
        `--web.listen-address=${address}`,
        '--log.level=warn',
      ],
      logFile: join(folder, 'log'),
    });
    await eventually(async () => {
      if (!started.isRunning()) return;
      const answer = await fetch(`http://${address}/-/ready`);
      if (!answer.ok) throw new Error(`/-/ready answered ${answer.status} ${await answer.text()}`);
    }, 60_000);
    if (!started.isRunning()) {
      const said = logTail(started);
      throw saysPortTaken(said) ? new PortTakenError(said) : new Error(`Prometheus has ended.\n${said}`);
    }
    return { process: started, url: `http://${address}` };
  });

  const ask = async (path: string, parameters: Record<string, string> = {}): Promise<unknown> => {
    const answer = await fetch(`${url}/api/v1/${path}?${new URLSearchParams(parameters)}`);
    const { status, data, error } = (await answer.json()) as { status: string; data: unknown; error?: string };
    if (status !== 'success') throw new Error(`Prometheus refuses ${path}: ${error}`);
    return data;
  };
  return {
    async query(expression) {
      const { result } = (await ask('query', { query: expression })) as {
        result: { metric: Record<string, string>; value: [number, string] }[];
      };
      return result.map(({ metric, value: [, value] }) => ({ metric, value: Number(value) }));
    },
    labelValues: async (metric, label) => (await ask(`label/${label}/values`, { 'match[]': metric })) as string[],
    alerts: async () => ((await ask('alerts')) as { alerts: ActiveAlert[] }).alerts,
    async targets() {
      const { activeTargets } = (await ask('targets')) as { activeTargets: { health: string; lastError: string }[] };
      return activeTargets.map(({ health, lastError }) => lastError || health);
    },
    async stop() {
      await process.stop();
      rmSync(folder, { recursive: true, force: true });
      releaseFolder();
    },
  };
}
