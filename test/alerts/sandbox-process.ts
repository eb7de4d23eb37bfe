import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { StoryEvent } from '../../src/sandbox/demo/story-event.ts';
import { eventually } from '../cluster/eventually.ts';
import { guardFolder, logTail, startProcess } from '../cluster/managed-process.ts';
import { cleanEnvironment, nlbportsCommand } from '../cluster/product.ts';

/** `nlbports sandbox`, as its own process, with its pools open. */
export interface SandboxProcess {
  kubernetesUrl: string;
  awsUrl: string;
  /** Of the operator's probes and metrics. */
  operatorUrl: string;
  stop(): Promise<void>;
}

/** Starts it without its story on free ports, under the documented call rates. */
export async function startSandboxProcess(): Promise<SandboxProcess> {
  const folder = mkdtempSync(join(tmpdir(), 'nlbports-sandbox-'));
  const releaseFolder = guardFolder(folder);
  const anyPort = ['--kubernetes-port=0', '--aws-port=0', '--operator-port=0'];
  const process = await startProcess({
    name: 'nlbports sandbox',
    command: nlbportsCommand,
    args: ['sandbox', '--no-story', '--json', '--profile=throttled', ...anyPort],
    env: cleanEnvironment(),
    logFile: join(folder, 'log'),
  });
  const stop = async () => {
    await process.stop();
    rmSync(folder, { recursive: true, force: true });
    releaseFolder();
  };
  try {
    const { kubernetes, aws, operator } = await eventually(() => {
      if (!process.isRunning()) throw new Error('it has ended');
      const event = stayingEvent(process.log());
      if (event?.operator === undefined) throw new Error('it has not opened its pools');
      return { ...event, operator: event.operator };
    }, 30_000);
    return { kubernetesUrl: kubernetes.url, awsUrl: aws.endpoint, operatorUrl: operator.url, stop };
  } catch (error) {
    const said = logTail(process);
    await stop();
    throw new Error(`Cannot start the sandbox: ${(error as Error).message}.\n${said}`);
  }
}

function stayingEvent(log: string): Extract<StoryEvent, { type: 'staying' }> | undefined {
  const lines = log.slice(0, log.lastIndexOf('\n') + 1).split('\n');
  const line = lines.find(text => text.startsWith('{"type":"staying"'));
  return line === undefined ? undefined : JSON.parse(line);
}
