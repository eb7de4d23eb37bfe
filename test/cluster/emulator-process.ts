import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { eventually } from './eventually.ts';
import { guardFolder, logTail, type ManagedProcess, startProcess } from './managed-process.ts';
import { cleanEnvironment, nlbportsCommand } from './product.ts';

export interface EmulatorProcessOptions {
  profile?: 'instant' | 'throttled' | 'realistic';
  /** Figures by name, as for `--set name=value`. */
  sets?: Record<string, string | number>;
  /** Pods' addresses as they are dialled. @default '10.0.0.0/8=127.0.0.0/8' */
  mapNetwork?: string;
  /** More flags. */
  args?: string[];
}

/** One `nlbports sandbox --only aws`, as its own process. */
export interface EmulatorProcess {
  process: ManagedProcess;
  /** `http://127.0.0.1:41234`, for any client of ELBv2. */
  endpoint: string;
  stop(): Promise<void>;
}

/**
 * Starts the ELBv2 emulator on a port that the kernel picks, and resolves when it has named its endpoint.
 *
 * @throws Error with the log's tail when it has not in 60 s.
 */
export async function startEmulator(options: EmulatorProcessOptions = {}): Promise<EmulatorProcess> {
  const folder = mkdtempSync(join(tmpdir(), 'nlbports-emulator-'));
  const releaseFolder = guardFolder(folder);
  const process = await startProcess({
    name: 'nlbports sandbox --only aws',
    command: nlbportsCommand,
    args: [
      ...['sandbox', '--only=aws', '--aws-port=0', '--json'],
      `--profile=${options.profile ?? 'instant'}`,
      ...Object.entries(options.sets ?? {}).map(([name, value]) => `--set=${name}=${value}`),
      `--map-network=${options.mapNetwork ?? '10.0.0.0/8=127.0.0.0/8'}`,
      ...(options.args ?? []),
    ],
    env: cleanEnvironment(),
    logFile: join(folder, 'emulator.log'),
  });
  const stop = async () => {
    await process.stop(2_000);
    rmSync(folder, { recursive: true, force: true });
    releaseFolder();
  };
  try {
    const endpoint = await eventually(() => {
      const named = readEndpoint(process.log());
      if (named === undefined && process.isRunning()) throw new Error('it has named no endpoint');
      return named;
    }, 60_000);
    if (endpoint === undefined) throw new Error('it has ended');
    return { process, endpoint, stop };
  } catch (error) {
    const said = logTail(process);
    await stop();
    throw new Error(`Cannot start the emulator: ${(error as Error).message}.\n${said}`);
  }
}

/** The first URL of this machine that a complete line of the log names. */
export function readEndpoint(log: string): string | undefined {
  const complete = log.slice(0, log.lastIndexOf('\n') + 1);
  return /https?:\/\/(?:127\.\d+\.\d+\.\d+|localhost):\d+/.exec(complete)?.[0];
}
