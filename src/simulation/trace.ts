import { createHash } from 'node:crypto';
import type { Clock } from '../runtime/clock.ts';

/** Everything that changed the world, in order and with its virtual time: two runs of one seed have the same. */
export interface Trace {
  readonly lines: readonly string[];
  add(line: string): void;
  /** SHA-256 over all lines so far. */
  hash(): string;
}

/** Makes an empty trace; times are milliseconds since it was made. */
export function createTrace(clock: Clock): Trace {
  const startMs = clock.monotonicMs();
  const lines: string[] = [];
  return {
    lines,
    add(line) {
      lines.push(`${(clock.monotonicMs() - startMs).toFixed(3).padStart(12)} ${line}`);
    },
    hash: () => createHash('sha256').update(lines.join('\n')).digest('hex'),
  };
}
