import { readFileSync, writeFileSync } from 'node:fs';
import { parseArgs } from 'node:util';
import { systemClock } from '../../runtime/clock.ts';
import { randomInt, systemRandom } from '../../runtime/random.ts';
import { bugTable, findBugs, mostRuns } from './find-bugs.ts';
import { playSeeds } from './play-seeds.ts';
import { failureText, summaryText } from './report.ts';

const page = new URL('../../../docs/simulation.md', import.meta.url);
const [begin, end] = ['<!-- planted bugs: npm run soak -->', '<!-- end of planted bugs -->'];

/**
 * `npm run soak -- [--runs K] [--bug NAME]`: K fresh seeds, then every planted bug, whose table goes into
 * docs/simulation.md. Exit code 1 where an invariant broke, or a bug was not found. `--runs 0`: the bugs alone.
 */
async function main(): Promise<void> {
  const { values } = parseArgs({ options: { runs: { type: 'string', default: '2000' }, bug: { type: 'string' } } });
  const runs = Number(values.runs);
  let failed = false;
  if (runs > 0) {
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
    console.log(summaryText(played, clock.monotonicMs() - startMs));
    failed = played.some(({ broken }) => broken.length > 0);
  }
  const found = await findBugs(({ bug, seed, invariants, what }) => {
    console.log(
      seed === undefined
        ? `${bug.name}: not found within ${mostRuns} runs`
        : `${bug.name}: seed ${seed}, ${invariants.join(', ')}: ${what}`,
    );
  }, values.bug);
  if (values.bug === undefined) {
    const text = readFileSync(page, 'utf8');
    const [from, to] = [text.indexOf(begin) + begin.length, text.indexOf(end)];
    writeFileSync(page, `${text.slice(0, from)}\n\n${bugTable(found)}\n\n${text.slice(to)}`);
  }
  process.exitCode = failed || found.some(({ seed }) => seed === undefined) ? 1 : 0;
}

await main();
