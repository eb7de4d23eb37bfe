import { systemClock } from '../../runtime/clock.ts';
import type { Log } from '../../runtime/log.ts';
import { type Random, seededRandom, systemRandom } from '../../runtime/random.ts';
import { lineLog } from '../../sandbox/line-log.ts';

// The process has to be gone 2 s after a signal; what is still open by then is left to the system.
const closeLimitMs = 1500;

/** Ends the process soon, whatever is still open. */
export function exitSoon(exitCode: number): void {
  systemClock({ unref: true }).after(closeLimitMs, () => process.exit(exitCode));
}

/** Ends the process with a sentence on standard error. */
export function fail(message: string, exitCode = 2): never {
  process.stderr.write(`${message}\n`);
  process.exit(exitCode);
}

/** Resolves when the signal is aborted. */
export function aborted(signal: AbortSignal): Promise<void> {
  return new Promise(resolve => {
    if (signal.aborted) return resolve();
    signal.addEventListener('abort', () => resolve(), { once: true });
  });
}

/** The one line by which a simulator alone says that it can be used. */
export function printReady(isJson: boolean | undefined, ready: object, text: string): void {
  process.stdout.write(isJson ? `${JSON.stringify(ready)}\n` : `${text}\n`);
}

/** Where chance comes from: the seed, if one was given. */
export function randomOf({ seed }: { seed?: number }): Random {
  return seed === undefined ? systemRandom() : seededRandom(seed);
}

/** A log of JSON lines on standard error. */
export function stderrLog(): Log {
  return lineLog({ clock: systemClock(), write: line => process.stderr.write(line) });
}
