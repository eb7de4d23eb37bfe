import type { Clock } from '../../runtime/clock.ts';
import type { Stage } from './stage.ts';
import type { Check, Teller } from './story-event.ts';

/** One part of the story. */
export interface Chapter {
  title: string;
  /** What happens, for people. */
  text: string;
  /** Every check that it makes, in order. */
  checks: readonly string[];
  /** Plays it, telling the outcome of each check. What is thrown fails the next check; those after it are not made. */
  play(stage: Stage, check: MakeCheck): Promise<void>;
}

/** Says how a check came out. */
export type MakeCheck = (name: string, ok: boolean, detail: string) => void;

/** How the story ended. */
export interface Outcome {
  ok: boolean;
  checks: Check[];
}

/**
 * Plays the chapters in order. After one with a failed check the others are not played, as they build on it: their
 * checks fail, too.
 * @throws the signal's reason, where the sandbox is ended meanwhile.
 */
export async function tellStory(
  deps: { stage: Stage; teller: Teller; clock: Clock; signal: AbortSignal },
  chapters: readonly Chapter[],
): Promise<Outcome> {
  const { stage, teller, clock, signal } = deps;
  const startMs = clock.monotonicMs();
  const checks: Check[] = [];
  const add = (check: Check) => {
    if (checks.some(({ name }) => name === check.name)) throw new Error(`The check "${check.name}" was made twice.`);
    checks.push(check);
    teller.tell({ type: 'check', ...check });
  };

  for (const [index, chapter] of chapters.entries()) {
    if (checks.some(({ ok }) => !ok)) {
      for (const name of chapter.checks) add(notMade(name));
      continue;
    }
    const { title, text } = chapter;
    teller.tell({ type: 'chapter', number: index + 1, of: chapters.length, title, text });
    let reason = 'The chapter ended without it';
    try {
      await chapter.play(stage, (name, ok, detail) => {
        if (!chapter.checks.includes(name))
          throw new Error(`The chapter "${title}" does not list the check "${name}".`);
        add({ name, ok, detail });
      });
    } catch (error) {
      signal.throwIfAborted();
      reason = error instanceof Error ? error.message : String(error);
    }
    const missing = chapter.checks.filter(name => !checks.some(made => made.name === name));
    for (const [at, name] of missing.entries()) add(at === 0 ? { name, ok: false, detail: reason } : notMade(name));
    teller.tell({ type: 'picture', rooms: stage.sandbox.view.rows() });
  }

  const failed = checks.filter(({ ok }) => !ok).map(({ name }) => name);
  const seconds = Math.round((clock.monotonicMs() - startMs) / 100) / 10;
  const unmade = checks.filter(check => check.notMade).length;
  teller.tell({ type: 'summary', ok: failed.length === 0, checks: checks.length, failed, notMade: unmade, seconds });
  return { ok: failed.length === 0, checks };
}

function notMade(name: string): Check {
  return { name, ok: false, detail: 'Not made, as an earlier check failed', notMade: true };
}
