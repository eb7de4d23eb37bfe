import { type PlantedBug, plantedBugs } from './planted-bugs.ts';
import { playSeeds } from './play-seeds.ts';

/** How the simulation found a planted bug. */
export interface FoundBug {
  bug: PlantedBug;
  /** The first seed whose run broke; undefined where none of those played did. */
  seed: number | undefined;
  /** Of that run, in the order in which they broke. */
  invariants: string[];
  what: string;
}

/** A bug that so many runs do not find is one that the simulation can't see. */
export const mostRuns = 200;

/** Plays seeds from 1 on with each bug in its turn, until one breaks. */
export async function findBugs(onFound: (found: FoundBug) => void, only?: string): Promise<FoundBug[]> {
  const all: FoundBug[] = [];
  for (const bug of plantedBugs.filter(({ name }) => only === undefined || name === only)) {
    const played = await playSeeds({ seed: 1, runs: mostRuns, plant: bug.name });
    const first = played.find(({ broken }) => broken.length > 0);
    const found: FoundBug = {
      bug,
      seed: first?.seed,
      invariants: [...new Set(first?.broken.map(({ invariant }) => invariant))],
      what: first?.broken[0]?.what ?? '',
    };
    all.push(found);
    onFound(found);
  }
  return all;
}

/** The table of docs/simulation.md. */
export function bugTable(found: readonly FoundBug[]): string {
  const rows = found.map(
    ({ bug, seed, invariants }) =>
      `| \`${bug.name}\` | ${bug.what} | ${seed ?? `not within ${mostRuns}`} | ${invariants.join(', ') || 'none'} |`,
  );
  return ['| Bug | What was forgotten | Runs needed | Caught by |', '| --- | --- | --- | --- |', ...rows].join('\n');
}
