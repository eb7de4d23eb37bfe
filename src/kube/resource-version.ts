/**
 * Compares two resourceVersions of one kind as Kubernetes (1.35 on) says they may be: as whole numbers of any length.
 * Negative where `a` is the older, 0 where they are equal or one of them is no such number.
 */
export function compareResourceVersions(a: string | undefined, b: string | undefined): number {
  if (a === b || !isNumeric(a) || !isNumeric(b)) return 0;
  if (a.length !== b.length) return a.length - b.length;
  return a < b ? -1 : 1;
}

const isNumeric = (version: string | undefined): version is string =>
  version !== undefined && /^[1-9]\d*$/.test(version);
