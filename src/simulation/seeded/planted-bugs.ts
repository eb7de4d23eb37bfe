/** One text of a source file in place of another. */
export interface Edit {
  /** Below `src`. */
  file: string;
  /** It must be there exactly once. */
  find: string;
  replace: string;
}

/** A mistake that somebody could make, as edits of the sources. The simulation must find it. */
export interface PlantedBug {
  name: string;
  /** What was forgotten, in words. */
  what: string;
  edits: readonly Edit[];
}

/** The bugs that the simulation is tested with: one per invariant, and one per write that can be lost. */
export const plantedBugs: readonly PlantedBug[] = [];

/** The bug of this name; throws where there is none. */
export function findBug(name: string): PlantedBug {
  const found = plantedBugs.find(bug => bug.name === name);
  if (found) return found;
  throw new RangeError(`Cannot plant "${name}": known are ${plantedBugs.map(bug => bug.name).join(', ')}`);
}
