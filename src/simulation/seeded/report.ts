import type { PlayedBrief } from './play-worker.ts';

/** The last lines of a trace that are shown of a run that failed. */
const shownLines = 60;
const shownWidth = 320;

/** What a person needs to know of a run that failed: what broke, what led there, and how to play it again. */
export function failureText(played: PlayedBrief, plant?: string): string {
  const again = `npm run sim -- --seed ${played.seed} --runs 1${plant === undefined ? '' : ` --plant ${plant}`}`;
  const breaks = played.trace.findIndex(line => line.includes('BROKEN'));
  const end = breaks < 0 ? played.trace.length : breaks + 1;
  const tail = played.trace.slice(Math.max(0, end - shownLines), end).map(readable);
  return [
    `Seed ${played.seed} broke ${played.broken.length} time(s):`,
    ...played.broken.slice(0, 8).map(({ invariant, what, atMs }) => `  ${seconds(atMs)} s  ${invariant}: ${what}`),
    ...played.about.map(line => `  ${line}`),
    `  The last of ${played.trace.length} lines, in virtual milliseconds (all of them with --trace):`,
    ...tail.map(line => `    ${line}`),
    `  Play it again: ${again}`,
  ].join('\n');
}

/** One line over all runs, and the faults by kind. */
export function summaryText(played: readonly PlayedBrief[], wallMs: number): string {
  const faults = new Map<string, number>();
  for (const run of played) {
    for (const [kind, count] of Object.entries(run.faults)) faults.set(kind, (faults.get(kind) ?? 0) + count);
  }
  const sum = (of: (run: PlayedBrief) => number) => played.reduce((all, run) => all + of(run), 0);
  const failed = played.filter(({ broken }) => broken.length > 0);
  const hours = sum(({ virtualMs }) => virtualMs) / 3_600_000;
  const all = [...faults.values()].reduce((total, count) => total + count, 0);
  const perMinute = played.length / (wallMs / 60_000);
  return [
    ...[...faults].toSorted((a, b) => b[1] - a[1]).map(([kind, count]) => `${String(count).padStart(8)}  ${kind}`),
    `${played.length} runs, ${failed.length} failed${failed.length > 0 ? ` (seeds ${failed.map(({ seed }) => seed).join(', ')})` : ''}; ` +
      `${hours.toFixed(1)} simulated hours, ${sum(({ acts }) => acts)} acts of people, ${all} faults; ` +
      `${(wallMs / 60_000).toFixed(1)} minutes, ${perMinute.toFixed(0)} runs a minute`,
  ].join('\n');
}

function seconds(ms: number): string {
  return (ms / 1_000).toFixed(3);
}

/** Without what is the same in every line. */
function readable(line: string): string {
  const short = line
    .replaceAll('/apis/nlbports.dev/v1alpha1/', '')
    .replaceAll('/api/v1/namespaces/default/', '')
    .replaceAll('?fieldManager=nlbports', '')
    .replaceAll('&Version=2015-12-01', '')
    .replaceAll('arn%3Aaws%3Aelasticloadbalancing%3Aus-east-1%3A111122223333%3A', '')
    .replaceAll(/"(?:apiVersion|kind|uid|creationTimestamp)":"[^"]*",?/g, '')
    .replaceAll('%2F', '/');
  return short.length > shownWidth ? `${short.slice(0, shownWidth)}...` : short;
}
