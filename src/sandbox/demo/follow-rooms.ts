import type { Clock, Timer } from '../../runtime/clock.ts';
import { type RoomRow, rowKey } from './room-rows.ts';
import type { RoomsView } from './rooms-view.ts';
import type { Teller } from './story-event.ts';

/** Changes that come together are told together, milliseconds. */
const gatherMs = 100;

/** Tells every row of the picture that is new, changed or gone; what is given back ends that. */
export function followRooms(deps: { view: RoomsView; teller: Teller; clock: Clock }): () => void {
  const { view, teller, clock } = deps;
  let told = new Map<string, string>();
  let rowsTold = new Map<string, RoomRow>();
  let timer: Timer | undefined;
  let isOver = false;

  function look(): void {
    timer = undefined;
    const rows = new Map(view.rows().map(row => [rowKey(row), row]));
    const texts = new Map([...rows].map(([key, row]) => [key, JSON.stringify(row)]));
    for (const [key, row] of rowsTold) if (!rows.has(key)) teller.tell({ type: 'room', gone: true, ...row });
    for (const [key, row] of rows) if (told.get(key) !== texts.get(key)) teller.tell({ type: 'room', ...row });
    told = texts;
    rowsTold = rows;
  }

  view.onChange(() => {
    if (!isOver) timer ??= clock.after(gatherMs, look);
  });
  return () => {
    isOver = true;
    timer?.cancel();
  };
}
