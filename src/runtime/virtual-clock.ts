import { setImmediate as nextTurn } from 'node:timers/promises';
import type { Clock, Timer } from './clock.ts';

/** A clock that stands still until it is moved; timers fire in order of their time, then of their making. */
export interface VirtualClock extends Clock {
  /** Timers that wait. */
  readonly pending: number;
  /** Time of the next timer, in milliseconds since 1970; undefined where none waits. */
  nextAtMs(): number | undefined;
  /** Lets everything that is ready run, then moves through every timer up to `durationMs` from now. */
  advance(durationMs: number): Promise<void>;
  /** Advances timer by timer until `done()` is true; false if `limitMs` of virtual time passed first. */
  advanceUntil(done: () => boolean, limitMs: number): Promise<boolean>;
  /** Lets all promise chains that are ready run to where they wait again, without moving time. */
  settle(): Promise<void>;
}

interface Entry {
  atMs: number;
  sequence: number;
  run: () => void;
}

/** Makes a virtual clock that begins at `startMs` (milliseconds since 1970). */
export function virtualClock(startMs = Date.UTC(2026, 0, 1)): VirtualClock {
  let nowMs = startMs;
  let sequence = 0;
  const heap: Entry[] = [];

  const before = (a: Entry, b: Entry) => a.atMs < b.atMs || (a.atMs === b.atMs && a.sequence < b.sequence);

  function push(entry: Entry): void {
    let index = heap.push(entry) - 1;
    while (index > 0) {
      const parent = (index - 1) >> 1;
      if (!before(heap[index]!, heap[parent]!)) break;
      [heap[index], heap[parent]] = [heap[parent]!, heap[index]!];
      index = parent;
    }
  }

  function pop(): Entry {
    const first = heap[0]!;
    const last = heap.pop()!;
    if (heap.length > 0) {
      heap[0] = last;
      let index = 0;
      for (;;) {
        const left = index * 2 + 1;
        const right = left + 1;
        let least = index;
        if (left < heap.length && before(heap[left]!, heap[least]!)) least = left;
        if (right < heap.length && before(heap[right]!, heap[least]!)) least = right;
        if (least === index) break;
        [heap[index], heap[least]] = [heap[least]!, heap[index]!];
        index = least;
      }
    }
    return first;
  }

  const cancelled = new Set<Entry>();
  const dropCancelled = () => {
    while (heap.length > 0 && cancelled.has(heap[0]!)) cancelled.delete(pop());
  };

  // Promise chains without real I/O drain wholly before the next turn; a second turn serves chains that end in one.
  const settle = async () => {
    await nextTurn();
    await nextTurn();
  };

  async function fireNext(): Promise<void> {
    const entry = pop();
    nowMs = Math.max(nowMs, entry.atMs);
    entry.run();
    await settle();
  }

  const clock: VirtualClock = {
    get pending() {
      return heap.length - cancelled.size;
    },
    nowMs: () => nowMs,
    monotonicMs: () => nowMs - startMs,
    after(delayMs, run): Timer {
      // Whole milliseconds: at today's dates a smaller step would be lost in rounding, and time would stand still.
      const entry = { atMs: nowMs + Math.max(0, Math.ceil(delayMs)), sequence: sequence++, run };
      push(entry);
      let over = false;
      const original = entry.run;
      entry.run = () => {
        over = true;
        original();
      };
      return {
        cancel: () => {
          if (!over) cancelled.add(entry);
          over = true;
        },
      };
    },
    nextAtMs() {
      dropCancelled();
      return heap[0]?.atMs;
    },
    settle,
    async advance(durationMs) {
      const endMs = nowMs + durationMs;
      await settle();
      for (;;) {
        const nextMs = clock.nextAtMs();
        if (nextMs === undefined || nextMs > endMs) break;
        await fireNext();
      }
      nowMs = Math.max(nowMs, endMs);
    },
    async advanceUntil(done, limitMs) {
      const endMs = nowMs + limitMs;
      await settle();
      while (!done()) {
        const nextMs = clock.nextAtMs();
        if (nextMs === undefined || nextMs > endMs) return false;
        await fireNext();
      }
      return true;
    },
  };
  return clock;
}
