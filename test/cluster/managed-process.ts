import { spawn } from 'node:child_process';
import { closeSync, openSync, readFileSync } from 'node:fs';
import { sleep, systemClock } from '../../src/runtime/clock.ts';

/** How a process ended: by `code`, or by `signal`. */
export interface ProcessEnd {
  code: number | null;
  signal: NodeJS.Signals | null;
}

/** A program that a test started; it never outlives the test's process, however that ends. */
export interface ManagedProcess {
  name: string;
  pid: number;
  /** Both its output streams, appended as written. */
  logFile: string;
  ended: Promise<ProcessEnd>;
  isRunning(): boolean;
  log(): string;
  /** Sends a signal; `SIGSTOP` and `SIGCONT` freeze and thaw it. No error when it has ended. */
  signal(signal: NodeJS.Signals): void;
  /** Asks with SIGTERM, insists with SIGKILL after `graceMs` (0: SIGKILL at once), and resolves when it is gone. */
  stop(graceMs?: number): Promise<ProcessEnd>;
}

export interface ProcessOptions {
  /** What error messages call it. */
  name: string;
  command: string;
  args: string[];
  logFile: string;
  /** The whole environment; the test's own unless given. */
  env?: NodeJS.ProcessEnv;
  cwd?: string;
}

const clock = systemClock();

/**
 * Starts a program with its output in a file, so that nothing it said is lost when it is killed.
 *
 * @throws Error when the program cannot be started at all.
 */
export async function startProcess(options: ProcessOptions): Promise<ManagedProcess> {
  const log = openSync(options.logFile, 'a');
  const child = spawn(options.command, options.args, {
    ...(options.cwd === undefined ? {} : { cwd: options.cwd }),
    env: options.env ?? process.env,
    stdio: ['ignore', log, log],
  });
  closeSync(log);
  const ended = new Promise<ProcessEnd>(done => child.once('exit', (code, signal) => done({ code, signal })));
  await new Promise<void>((done, fail) => {
    child.once('spawn', done);
    child.once('error', error => fail(new Error(`Cannot start ${options.name}: ${error.message}.`)));
  });
  const pid = child.pid!;
  const release = guard(pid);
  let running = true;
  ended.then(() => {
    running = false;
    release();
  });
  const signal = (name: NodeJS.Signals) => {
    if (running) child.kill(name);
  };
  return {
    name: options.name,
    pid,
    logFile: options.logFile,
    ended,
    isRunning: () => running,
    log: () => readFileSync(options.logFile, 'utf8'),
    signal,
    async stop(graceMs = 5_000) {
      if (graceMs > 0) {
        signal('SIGCONT');
        signal('SIGTERM');
        const waited = new AbortController();
        await Promise.race([ended.then(() => waited.abort()), sleep(clock, graceMs, waited.signal)]);
      }
      signal('SIGKILL');
      return await ended;
    },
  };
}

/** The last lines of a process's log, for an error message. */
export function logTail(process: ManagedProcess, lines = 15): string {
  return process.log().trimEnd().split('\n').slice(-lines).join('\n');
}

/**
 * Removes a folder when this process ends without having called what is returned, which removes nothing.
 */
export function guardFolder(folder: string): () => void {
  // The processes that write into it are killed in the same moment: give them one to be gone.
  return startGuard('sleep 1; rm -rf -- "$1"', folder);
}

function guard(pid: number): () => void {
  return startGuard('kill -9 "$1"', String(pid));
}

/**
 * A small shell that waits for our end of its pipe to close. The kernel closes it even if we crash or are killed,
 * which no exit handler of ours would live to see.
 */
function startGuard(action: string, argument: string): () => void {
  const script = `trap '' INT TERM HUP; read -r word; [ "$word" = done ] || { ${action}; }`;
  const shell = spawn('/bin/sh', ['-c', script, 'guard', argument], {
    stdio: ['pipe', 'ignore', 'ignore'],
    detached: true,
  });
  shell.unref();
  const pipe = shell.stdin!;
  (pipe as unknown as { unref(): void }).unref();
  pipe.on('error', () => {});
  return () => {
    pipe.end('done\n');
  };
}
