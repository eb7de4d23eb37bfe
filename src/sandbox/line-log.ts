import type { Clock } from '../runtime/clock.ts';
import type { Log, LogFields } from '../runtime/log.ts';

/** A log of one JSON object per line, of level `info` and above. */
export function lineLog(deps: { clock: Clock; write(line: string): void }, fields: LogFields = {}): Log {
  const write = (level: string) => (more: LogFields, message: string) => {
    deps.write(
      `${JSON.stringify({ level, time: new Date(deps.clock.nowMs()).toISOString(), ...fields, ...more, msg: message })}\n`,
    );
  };
  return {
    debug() {},
    info: write('info'),
    warn: write('warn'),
    error: write('error'),
    child: more => lineLog(deps, { ...fields, ...more }),
  };
}
