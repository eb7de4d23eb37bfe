import { pino } from 'pino';
import type { Log, LogFields } from '../runtime/log.ts';

/** A log of JSON lines on standard error, in pino's form, with the level as a word and the time as RFC 3339. */
export function jsonLog(level: string): Log {
  const logger = pino(
    {
      level,
      base: null,
      messageKey: 'message',
      timestamp: pino.stdTimeFunctions.isoTime,
      formatters: { level: label => ({ level: label }) },
    },
    pino.destination({ dest: 2, sync: true }),
  );
  return wrap(logger);
}

function wrap(logger: pino.Logger): Log {
  return {
    debug: (fields: LogFields, message) => logger.debug(fields, message),
    info: (fields: LogFields, message) => logger.info(fields, message),
    warn: (fields: LogFields, message) => logger.warn(fields, message),
    error: (fields: LogFields, message) => logger.error(fields, message),
    child: fields => wrap(logger.child(fields)),
  };
}
