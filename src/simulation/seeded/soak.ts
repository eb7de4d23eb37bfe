import { spawn } from 'node:child_process';
import { readFileSync, writeFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { systemClock } from '../../runtime/clock.ts';
import { randomInt, systemRandom } from '../../runtime/random.ts';
import { bugTable, type FoundBug, findBugs, mostRuns, recordedSeeds } from './find-bugs.ts';
import { plantedBugs } from './planted-bugs.ts';
import { playSeeds } from './play-seeds.ts';
import { failureText, summaryText } from './report.ts';

const root = fileURLToPath(new URL('../../../', import.meta.url));
const page = new URL('../../../docs/simulation.md', import.meta.url);
const [begin, end] = ['<!-- planted bugs: npm run soak -->', '<!-- end of planted bugs -->'];
const churnFiles = 'test/soak/*.soak.ts';

/** What a part of the soak did, in words, and whether it went as it should. */
interface Part {
  did: string;
  ok: boolean;
}

/**
 * `npm run soak -- [--runs K] [--bug NAME] [--no-bugs] [--no-churn]`: K fresh seeds; every planted bug, whose row goes
 * into docs/simulation.md; the churn on a real control plane. `--runs 0`: no seeds; `--bug`: that one alone. Exit code 1
 * where an invariant broke, a bug was not found, or the churn failed. What was run, and what not, is said in the end.
 */
async function main(): Promise<void> {
  const { values } = parseArgs({
    allowNegative: true,
    options: {
      runs: { type: 'string', default: '2000' },
      bug: { type: 'string' },
      bugs: { type: 'boolean', default: true },
      churn: { type: 'boolean', default: true },
    },
  });
  const parts: Part[] = [];
  const alone = values.bug !== undefined;
  const runs = alone ? 0 : Number(values.runs);
  if (!Number.isInteger(runs) || runs < 0) throw new RangeError(`Cannot read --runs "${values.runs}"`);
  parts.push(runs > 0 ? await playFresh(runs) : { did: 'no fresh seeds', ok: true });
  parts.push(values.bugs || alone ? await playBugs(values.bug) : { did: 'no planted bugs', ok: true });
  parts.push(values.churn && !alone ? await playChurn() : { did: `not ${churnFiles}`, ok: true });
  console.log('\nThe soak:');
  for (const { did, ok } of parts) console.log(`  ${ok ? 'ok  ' : 'FAIL'}  ${did}`);
  process.exitCode = parts.every(({ ok }) => ok) ? 0 : 1;
}

async function playFresh(runs: number): Promise<Part> {
  const seed = randomInt(systemRandom(), 1, 1_000_000);
  const clock = systemClock();
  const startMs = clock.monotonicMs();
  console.log(`Seeds ${seed} to ${seed + runs - 1}`);
  const played = await playSeeds({
    seed,
    runs,
    onPlayed: run => {
      if (run.broken.length > 0) console.log(failureText(run));
    },
  });
  const summary = summaryText(played, clock.monotonicMs() - startMs);
  console.log(summary);
  const ok = played.every(({ broken }) => broken.length === 0);
  return { did: `seeds ${seed} to ${seed + runs - 1}: ${summary.split('\n').at(-1)}`, ok };
}

async function playBugs(only: string | undefined): Promise<Part> {
  const table = () => {
    const text = readFileSync(page, 'utf8');
    const [from, to] = [text.indexOf(begin) + begin.length, text.indexOf(end)];
    return { before: text.slice(0, from), rows: text.slice(from, to), after: text.slice(to) };
  };
  const found: FoundBug[] = [];
  await findBugs({
    recorded: recordedSeeds(table().rows),
    only,
    onFound(bug) {
      found.push(bug);
      const { before, rows, after } = table();
      writeFileSync(page, `${before}\n\n${bugTable(rows, [bug])}\n\n${after}`);
      console.log(
        bug.seed === undefined
          ? `${bug.bug.name}: not found within ${mostRuns} runs`
          : `${bug.bug.name}: seed ${bug.seed}, ${bug.invariants.join(', ')}: ${bug.what}`,
      );
    },
  });
  const caught = found.filter(({ seed }) => seed !== undefined).length;
  return {
    did: `planted bugs: ${caught} of ${found.length} found (of ${plantedBugs.length} that there are)`,
    ok: found.length > 0 && caught === found.length,
  };
}

/** Runs the tests that need a real control plane and minutes. */
async function playChurn(): Promise<Part> {
  console.log(`Churn: node --test ${churnFiles}`);
  const args = ['--test', '--test-isolation=none', churnFiles];
  const child = spawn(process.execPath, args, { cwd: root, stdio: 'inherit' });
  const code = await new Promise<number | null>((resolve, reject) => {
    child.once('error', reject);
    child.once('close', resolve);
  });
  return { did: `${churnFiles} on a real control plane`, ok: code === 0 };
}

await main();
