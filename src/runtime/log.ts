/** Fields of one log line, by name: `pod`, `port`, `pool`, `loadBalancer`, `awsRequestId` and the like. */
export type LogFields = Record<string, unknown>;

/** What the product's modules log through; the operator's process writes JSON lines with it. */
export interface Log {
  debug(fields: LogFields, message: string): void;
  info(fields: LogFields, message: string): void;
  warn(fields: LogFields, message: string): void;
  error(fields: LogFields, message: string): void;
  /** The same log with `fields` on every line. */
  child(fields: LogFields): Log;
}

/** A log that keeps nothing. */
export function silentLog(): Log {
  const log: Log = { debug() {}, info() {}, warn() {}, error() {}, child: () => log };
  return log;
}
