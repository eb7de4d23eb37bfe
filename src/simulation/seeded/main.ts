import { parseArgs } from 'node:util';
import { systemClock } from '../../runtime/clock.ts';
import { randomInt, systemRandom } from '../../runtime/random.ts';
import { playSeeds } from './play-seeds.ts';
import { failureText, summaryText } from './report.ts';

/** A run takes about two seconds of a processor; so often the rest is told of. */
const tellEveryMs = 20_000;

/** `npm run sim -- [--seed N] [--runs K] [--plant BUG] [--workers W] [--trace]`; exit code 1 where an invariant broke. */
async function main(): Promise<void> {
  const { values } = parseArgs({
    options: {
      seed: { type: 'string' },
      runs: { type: 'string', default: '1' },
      plant: { type: 'string' },
      workers: { type: 'string' },
      trace: { type: 'boolean', default: false },
    },
  });
  const seed = number('seed', values.seed) ?? randomInt(systemRandom(), 1, 1_000_000);
  const runs = number('runs', values.runs) ?? 1;
  const workers = number('workers', values.workers);
  const clock = systemClock();
  const startMs = clock.monotonicMs();
  console.log(`Seeds ${seed} to ${seed + runs - 1}${values.plant === undefined ? '' : `, with ${values.plant}`}`);
  let toldMs = startMs;
  let done = 0;
  const played = await playSeeds({
    seed,
    runs,
    plant: values.plant,
    ...(workers === undefined ? {} : { workers }),
    onPlayed(run) {
      done += 1;
      if (run.broken.length > 0) {
        if (values.trace) console.log(run.trace.join('\n'));
        console.log(failureText(run, values.plant));
      }
      if (clock.monotonicMs() - toldMs < tellEveryMs) return;
      toldMs = clock.monotonicMs();
      console.log(`${done} of ${runs}`);
    },
  });
  console.log(summaryText(played, clock.monotonicMs() - startMs));
  process.exitCode = played.some(({ broken }) => broken.length > 0) ? 1 : 0;
}

function number(name: string, text: string | undefined): number | undefined {
  if (text === undefined) return undefined;
  if (!/^[1-9][0-9]{0,8}$/.test(text)) throw new RangeError(`Cannot read --${name} "${text}": a whole number wanted`);
  return Number(text);
}

await main();
