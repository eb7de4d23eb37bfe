import type { Clock } from '../../runtime/clock.ts';
import { eventLines } from './event-lines.ts';
import type { Paint } from './paint.ts';
import type { StoryEvent, Teller } from './story-event.ts';

/** Silence after which a line says what is waited for, milliseconds; and the same thing again. */
const progressMs = 2_000;
const repeatMs = 15_000;

/** For logs and pipes: lines that stay. After the story, a line for each room that changes. */
export function plainTeller(deps: { write(text: string): void; clock: Clock; paint: Paint }): Teller {
  const { write, clock, paint } = deps;
  let quietSinceMs = clock.monotonicMs();
  let isStaying = false;
  let waitedFor = '';
  const print = (lines: string[]) => {
    if (lines.length === 0) return;
    write(`${lines.join('\n')}\n`);
    quietSinceMs = clock.monotonicMs();
  };
  return {
    tell(event: StoryEvent) {
      if (event.type === 'staying') isStaying = true;
      if (event.type === 'progress') {
        const limitMs = event.text === waitedFor ? repeatMs : progressMs;
        if (clock.monotonicMs() - quietSinceMs < limitMs) return;
        waitedFor = event.text;
        print([paint.quiet(`  ...    ${event.text}`)]);
      } else if (event.type === 'room') {
        if (isStaying) print([roomLine(event)]);
      } else print(eventLines(event, paint));
    },
    close() {},
  };
}

function roomLine(event: Extract<StoryEvent, { type: 'room' }>): string {
  const name = event.room ?? `${event.loadBalancer}:${event.port}`;
  if (event.gone) return `${name}: gone`;
  const path = [event.endpoint, event.targetGroup, event.target].filter(part => part !== null).join(' -> ');
  return `${name}: ${event.state}${path === '' ? '' : ` ${path}`}${event.state === 'Healthy' ? '' : ` (${event.message})`}`;
}
