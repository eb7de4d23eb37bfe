const unitMs = { ms: 1, s: 1000, m: 60_000, h: 3_600_000 } as const;

/** What a duration looks like in a pool: one or more numbers with units, such as `30s`, `5m` or `1h30m`. */
export const durationPattern = '^([0-9]+(ms|s|m|h))+$';

/**
 * Milliseconds of a duration such as `30s` or `1h30m`.
 * @throws RangeError where the text is none.
 */
export function parseDurationMs(text: string): number {
  if (!new RegExp(durationPattern).test(text)) {
    throw new RangeError(`Cannot read a duration: "${text}", wanted a form such as 30s, 5m or 1h30m`);
  }
  let totalMs = 0;
  for (const [, amount, unit] of text.matchAll(/([0-9]+)(ms|s|m|h)/g)) {
    totalMs += Number(amount) * unitMs[unit as keyof typeof unitMs];
  }
  return totalMs;
}

/** The shortest text for a number of milliseconds, such as `5m` or `1h30m`. */
export function formatDuration(durationMs: number): string {
  let restMs = Math.round(durationMs);
  let text = '';
  for (const unit of ['h', 'm', 's', 'ms'] as const) {
    const amount = Math.floor(restMs / unitMs[unit]);
    restMs -= amount * unitMs[unit];
    if (amount > 0) text += `${amount}${unit}`;
  }
  return text || '0s';
}
