/**
 * A wall time (milliseconds since 1970) as `metav1.MicroTime` reads it: RFC 3339 with exactly six fractional digits,
 * which Leases and Events want.
 */
export function microTime(atMs: number): string {
  const wholeMs = Math.floor(atMs);
  const micros = Math.floor((atMs - wholeMs) * 1000);
  return new Date(wholeMs).toISOString().replace('Z', `${String(micros).padStart(3, '0')}Z`);
}
