import type { Log } from '../../src/runtime/log.ts';

/** A log whose errors are kept as text: a simulator writes one where it failed in a way that it did not foresee. */
export function recordingLog(): { log: Log; failures: string[] } {
  const failures: string[] = [];
  const log: Log = {
    debug() {},
    info() {},
    warn() {},
    error(fields, message) {
      const { error } = fields;
      failures.push(`${message} ${error instanceof Error ? error.stack : JSON.stringify(fields)}`);
    },
    child: () => log,
  };
  return { log, failures };
}
