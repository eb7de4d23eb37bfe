import assert from 'node:assert/strict';
import { type ChildProcess, spawn } from 'node:child_process';
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { systemClock } from '../../../src/runtime/clock.ts';
import { eventually } from '../eventually.ts';
import { cleanEnvironment } from '../product.ts';
import { matchesLines, normalise } from './normalise.ts';
import type { KubectlServer } from './servers.ts';
import type { TranscriptCase, TranscriptStep } from './transcript.ts';

/** For one command, on a machine whose cores are all busy. */
const commandTimeoutMs = 60_000;

const clock = systemClock();

/**
 * Plays one case against a server, in a new namespace.
 *
 * @throws AssertionError with both texts at the first step that prints something else than expected.
 */
export async function runCase(server: KubectlServer, one: TranscriptCase): Promise<void> {
  await playCase(server, one, (step, actual) => {
    if (matchesLines(actual, step.expected)) return;
    assert.deepEqual(actual, step.expected, `$ ${step.command} printed something else`);
    assert.fail(`$ ${step.command} printed something else`);
  });
}

/** Plays one case and hands each step and what it printed to `see`. */
export async function playCase(
  server: KubectlServer,
  one: TranscriptCase,
  see: (step: TranscriptStep, actual: string[]) => void,
): Promise<void> {
  const folder = mkdtempSync(join(server.folder, 'case-'));
  const namespace = await server.createNamespace();
  const place = { namespace, server: server.url };
  const env = cleanEnvironment({
    KUBECONFIG: server.kubeconfig(folder, namespace),
    HOME: server.folder,
    PATH: `${server.kubectlFolder}:${process.env.PATH}`,
    NS: namespace,
    // A kubectl lives for a moment; what it would spend on collecting garbage is a quarter of its time.
    GOGC: 'off',
  });
  for (const [name, content] of one.files) {
    writeFileSync(join(folder, name), content.replaceAll('$NS', namespace), { mode: 0o755 });
  }
  mkdirSync(join(folder, 'tmp'));
  const shell = (command: string) => startShell(command, folder, { ...env, TMPDIR: join(folder, 'tmp') });
  let background: Shell | undefined;
  let linesRead = 0;
  try {
    for (const step of one.steps) {
      switch (step.kind) {
        case 'run': {
          const running = shell(step.command);
          const code = await running.ended;
          const errors = normalise(running.stderr(), place).map(line => `! ${line}`);
          const end = code === 0 ? [] : [`[${code}]`];
          see(step, [...normalise(running.stdout(), place), ...errors, ...end]);
          break;
        }
        case 'start':
          background?.kill();
          background = shell(step.command);
          linesRead = 0;
          break;
        case 'read': {
          const wanted = linesRead + step.lines;
          const lines = () => background!.stdout().split('\n').slice(0, -1);
          await eventually(() => {
            if (lines().length < wanted)
              throw new Error(`only ${lines().length} of ${wanted} lines: ${lines().join('\n')}`);
          }, commandTimeoutMs / 2);
          see(step, normalise(`${lines().slice(linesRead, wanted).join('\n')}\n`, place));
          linesRead = wanted;
        }
      }
    }
  } finally {
    background?.kill();
    await background?.ended;
    rmSync(folder, { recursive: true, force: true });
  }
}

interface Shell {
  stdout(): string;
  stderr(): string;
  /** The exit code; 137 when it was killed. */
  ended: Promise<number>;
  kill(): void;
}

function startShell(command: string, cwd: string, env: NodeJS.ProcessEnv): Shell {
  // In a process group of its own: whatever the shell started ends with it.
  const child: ChildProcess = spawn('/bin/sh', ['-c', command], { cwd, env, stdio: 'pipe', detached: true });
  child.stdin!.end();
  let [stdout, stderr] = ['', ''];
  child.stdout!.setEncoding('utf8').on('data', text => {
    stdout += text;
  });
  child.stderr!.setEncoding('utf8').on('data', text => {
    stderr += text;
  });
  const kill = () => {
    try {
      process.kill(-child.pid!, 'SIGKILL');
    } catch {
      // It has ended.
    }
  };
  const timer = clock.after(commandTimeoutMs * 2, kill);
  const ended = new Promise<number>((done, fail) => {
    child.once('error', fail);
    child.once('close', code => {
      timer.cancel();
      done(code ?? 137);
    });
  });
  return { stdout: () => stdout, stderr: () => stderr, ended, kill };
}
