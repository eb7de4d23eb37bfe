import type { Clock } from '../../runtime/clock.ts';
import type { StoryEvent, Teller } from './story-event.ts';

/** Between two lines that say what is waited for, milliseconds. */
const progressMs = 1_000;

/** For machines: each event as a JSON object on a line. */
export function jsonTeller(deps: { write(text: string): void; clock: Clock }): Teller {
  let progressAtMs = Number.NEGATIVE_INFINITY;
  return {
    tell(event: StoryEvent) {
      if (event.type === 'progress') {
        const nowMs = deps.clock.monotonicMs();
        if (nowMs - progressAtMs < progressMs) return;
        progressAtMs = nowMs;
      }
      deps.write(`${JSON.stringify(event)}\n`);
    },
    close() {},
  };
}
