import type { Clock, Timer } from '../../runtime/clock.ts';
import { eventLines } from './event-lines.ts';
import { fit, type Paint } from './paint.ts';
import { pictureLines } from './picture.ts';
import { byPlace, type RoomRow, rowKey } from './room-rows.ts';
import type { StoryEvent, Teller } from './story-event.ts';

/** A terminal, as far as it is used. */
export interface Terminal {
  write(text: string): void;
  size(): { columns: number; rows: number };
}

/** Between two looks at what has changed, milliseconds: fast enough to seem live. */
const frameMs = 100;

const spinner = ['|', '/', '-', '\\'];
const clearLine = '\u001b[2K';
const hideCursor = '\u001b[?25l';
const showCursor = '\u001b[?25h';

/**
 * For people at a terminal: what happened scrolls by as in a log; below it the rooms as they are now, and what is being
 * waited for.
 */
export function liveTeller(deps: { terminal: Terminal; clock: Clock; paint: Paint }): Teller {
  const { terminal, clock, paint } = deps;
  const rows = new Map<string, RoomRow>();
  const startMs = clock.monotonicMs();
  let progress = '';
  let isStaying = false;
  let frame = 0;
  let drawn: string[] = [];
  let timer: Timer = clock.after(frameMs, tick);
  terminal.write(hideCursor);

  function tick(): void {
    frame++;
    redraw([]);
    timer = clock.after(frameMs, tick);
  }

  /** What is below the log now. */
  function footer(): string[] {
    const { columns, rows: height } = terminal.size();
    const picture = pictureLines([...rows.values()].sort(byPlace), paint);
    const seconds = Math.floor((clock.monotonicMs() - startMs) / 1000);
    const status = isStaying
      ? paint.quiet('  Ctrl-C ends it.')
      : `  ${spinner[frame % spinner.length]} ${seconds} s ${paint.quiet(progress)}`;
    // One line is left for the cursor; a line that wraps could not be counted.
    return ['', ...picture.slice(0, Math.max(0, height - 4)), status].map(line => fit(line, columns - 1));
  }

  function redraw(above: string[]): void {
    const below = footer();
    if (above.length === 0 && below.join('\n') === drawn.join('\n')) return;
    const erase = drawn.length > 0 ? `${`\u001b[1A${clearLine}`.repeat(drawn.length)}\r` : '';
    terminal.write(`${erase}${[...above, ...below].map(line => `${line}\n`).join('')}`);
    drawn = below;
  }

  return {
    tell(event: StoryEvent) {
      switch (event.type) {
        case 'room':
          if (event.gone) rows.delete(rowKey(event));
          else rows.set(rowKey(event), event);
          return;
        case 'progress':
          progress = event.text;
          return;
        // The live picture is there already.
        case 'picture':
          return;
        case 'staying':
          isStaying = true;
      }
      progress = '';
      redraw(eventLines(event, paint));
    },
    close() {
      timer.cancel();
      terminal.write(showCursor);
    },
  };
}
