import { type PlantedBug, plantedBugs } from './planted-bugs.ts';
import { playSeeds } from './play-seeds.ts';

/** How the simulation found a planted bug. */
export interface FoundBug {
  bug: PlantedBug;
  /** The seed whose run broke; undefined where none of those played did. */
  seed: number | undefined;
  /** Of that run, in the order in which they broke. */
  invariants: string[];
  what: string;
}

/** A bug that so many runs do not find is one that the simulation can't see. */
export const mostRuns = 200;

export interface FindBugsOptions {
  /** Seeds that found bugs before, by the bug's name: they are played first. */
  recorded: ReadonlyMap<string, number>;
  onFound: (found: FoundBug) => void;
  /** Name of the one bug to be planted. @default all */
  only?: string | undefined;
}

/** Plays the seed on record with each bug in its turn; where it does not break, or there is none, seeds from 1 on. */
export async function findBugs({ recorded, onFound, only }: FindBugsOptions): Promise<void> {
  for (const bug of plantedBugs.filter(({ name }) => only === undefined || name === only)) {
    const known = recorded.get(bug.name);
    const again = known === undefined ? undefined : await firstBroken(bug, known, 1);
    const first = again ?? (await firstBroken(bug, 1, mostRuns));
    onFound({
      bug,
      seed: first?.seed,
      invariants: [...new Set(first?.broken.map(({ invariant }) => invariant))],
      what: first?.broken[0]?.what ?? '',
    });
  }
}

/** The first run of these seeds that the bug breaks: without the bug it holds. */
async function firstBroken(bug: PlantedBug, seed: number, runs: number) {
  for (let from = seed; from < seed + runs; ) {
    const played = await playSeeds({ seed: from, runs: seed + runs - from, plant: bug.name });
    const first = played.find(({ broken }) => broken.length > 0);
    if (!first) return undefined;
    const [sound] = await playSeeds({ seed: first.seed, runs: 1 });
    if (sound?.broken.length === 0) return first;
    from = first.seed + 1;
  }
  return undefined;
}

/** The seeds of a table of bugs. */
export function recordedSeeds(table: string): Map<string, number> {
  const rows = table.matchAll(/^\| `([a-z-]+)` \|.*\| ([0-9]+) \| [^|]+ \|$/gm);
  return new Map(Array.from(rows, ([, name = '', seed]) => [name, Number(seed)]));
}

/** The table with rows for what was found now; the others are as they were. */
export function bugTable(before: string, found: readonly FoundBug[]): string {
  const rows = plantedBugs.map(bug => {
    const now = found.find(each => each.bug === bug);
    const old = before.split('\n').find(line => line.startsWith(`| \`${bug.name}\` |`));
    if (!now) return old ?? `| \`${bug.name}\` | ${bug.what} | not played | |`;
    const by = now.invariants.join(', ') || 'none';
    return `| \`${bug.name}\` | ${bug.what} | ${now.seed ?? `none of ${mostRuns}`} | ${by} |`;
  });
  return ['| Bug | What was forgotten | Seed | Caught by |', '| --- | --- | --- | --- |', ...rows].join('\n');
}
