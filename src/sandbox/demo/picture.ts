import type { Paint } from './paint.ts';
import type { RoomRow } from './room-rows.ts';

/** More rooms than this are shown as one bar for each load balancer, with those that need a word of their own below. */
const mostRows = 12;
/** Of those, so many. */
const mostExtra = 4;

/** The picture as lines of text: Pod -> NLB port -> target group -> pod IP:port. */
export function pictureLines(rows: readonly RoomRow[], paint: Paint): string[] {
  if (rows.length === 0) return [];
  if (rows.length <= mostRows) return table(rows, paint);
  const byBalancer = Map.groupBy(
    rows.filter(({ port }) => port !== null),
    ({ loadBalancer }) => loadBalancer ?? '',
  );
  const bars = [...byBalancer].map(([name, own]) => bar(name, own, paint));
  const waiting = rows.filter(({ port }) => port === null);
  const few = waiting
    .slice(0, mostExtra)
    .map(row => `  ${row.room} waits: ${paint.warm(row.state)} ${paint.quiet(row.message)}`);
  const more = waiting.length > few.length ? [`  ${waiting.length - few.length} more wait`] : [];
  return [...bars, ...few, ...more];
}

const arrow = '->';

function table(rows: readonly RoomRow[], paint: Paint): string[] {
  const cells = rows.map(row => [
    row.room ?? '(nobody)',
    row.port === null ? '-' : `${row.loadBalancer}:${row.port}`,
    row.targetGroup ?? '-',
    row.target ?? '-',
  ]);
  const head = ['POD', 'NLB PORT', 'TARGET GROUP', 'POD IP:PORT'];
  const widths = head.map((title, column) => Math.max(title.length, ...cells.map(row => row[column]!.length)));
  const line = (texts: string[], between: string) =>
    texts.map((text, column) => text.padEnd(widths[column]!)).join(between);
  return [
    paint.quiet(`  ${line(head, '    ')}  STATE`),
    ...rows.map((row, index) => `  ${line(cells[index]!, ` ${arrow} `)}  ${stateText(row, paint)}`),
  ];
}

function stateText(row: RoomRow, paint: Paint): string {
  if (row.state === 'Healthy') return paint.good(row.state);
  const isWaiting = row.room === null || row.state === 'PoolFull';
  return `${paint.warm(row.state)}${isWaiting ? ` ${paint.quiet(row.message)}` : ''}`;
}

function bar(name: string, rows: readonly RoomRow[], paint: Paint): string {
  const numbers = rows.map(({ port }) => port ?? 0);
  const marks = rows.map(row =>
    row.state === 'Healthy' ? paint.good('#') : row.room === null ? paint.quiet('.') : paint.warm('+'),
  );
  const healthy = rows.filter(({ state }) => state === 'Healthy').length;
  const range = `${name}:${Math.min(...numbers)}-${Math.max(...numbers)}`;
  return `  ${range} ${marks.join('')} ${healthy} of ${rows.length} healthy`;
}
