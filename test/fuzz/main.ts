import { parseArgs } from 'node:util';
import { systemClock } from '../../src/runtime/clock.ts';
import { seededRandom } from '../../src/runtime/random.ts';
import { openAwsDoor } from './aws-door.ts';
import { fuzzDoor } from './fuzz-door.ts';
import { openKubernetesDoor } from './kubernetes-door.ts';

/** `npm run fuzz -- --seconds 600 --seed 7 --door aws`: both doors, one after the other, where none is named. */
const { values } = parseArgs({
  options: {
    seconds: { type: 'string', default: '60' },
    seed: { type: 'string', default: String(systemClock().nowMs() % 1_000_000) },
    door: { type: 'string' },
  },
});
const clock = systemClock();
const opens = { aws: openAwsDoor, kubernetes: openKubernetesDoor };
for (const [name, open] of Object.entries(opens)) {
  if (values.door !== undefined && values.door !== name) continue;
  const random = seededRandom(Number(values.seed));
  const door = await open({ clock, random });
  const { requests, statuses, findings } = await fuzzDoor({ clock, random }, door, Number(values.seconds) * 1_000);
  await door.close();
  const memory = Math.round(process.memoryUsage().rss / 2 ** 20);
  console.log(`${name}, seed ${values.seed}: ${requests} requests ${JSON.stringify(statuses)}, ${memory} MB`);
  for (const finding of findings) console.log(`FOUND ${finding}`);
  if (findings.length > 0) process.exitCode = 1;
}
