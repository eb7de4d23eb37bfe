import type { RoomRow } from './room-rows.ts';

/** One thing that was checked by real bytes or by what the cluster or AWS says. */
export interface Check {
  /** A short sentence that stays the same from run to run. */
  name: string;
  ok: boolean;
  /** What was seen. */
  detail: string;
  /** Set where it was not made, because an earlier one failed. */
  notMade?: true;
}

/** How clients reach the sandbox. */
export interface Ways {
  kubernetes: { url: string; kubeconfig: string };
  aws: { endpoint: string; region: string };
  /** The operator's probes and metrics, where they were asked for. */
  operator?: { url: string };
}

/** What the sandbox tells, in the order in which it happens; with `--json` each is a line. docs/sandbox.md lists them. */
export type StoryEvent =
  | ({ type: 'ready'; profile: string; pid: number } & Ways)
  | { type: 'chapter'; number: number; of: number; title: string; text: string }
  | { type: 'note'; text: string }
  /** What is being waited for; replaces the one before. */
  | { type: 'progress'; text: string }
  | ({ type: 'check' } & Check)
  /** A row of the picture is new or has changed. */
  | ({ type: 'room'; gone?: true } & RoomRow)
  /** All rows, at the end of a chapter. */
  | { type: 'picture'; rooms: RoomRow[] }
  /** `failed`: names of the checks that failed or were not made. */
  | { type: 'summary'; ok: boolean; checks: number; failed: string[]; notMade: number; seconds: number }
  /** The story is over, and the sandbox stays. `example`: host:port of a room, where one plays. */
  | ({ type: 'staying'; pools: string[]; example: string | null } & Ways);

/** Tells people or machines what happens. */
export interface Teller {
  tell(event: StoryEvent): void;
  /** Leaves the terminal as it was found. */
  close(): void;
}
