import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { systemClock } from '../../src/runtime/clock.ts';
import { seededRandom } from '../../src/runtime/random.ts';
import { openAwsDoor } from './aws-door.ts';
import { fuzzDoor } from './fuzz-door.ts';
import { openKubernetesDoor } from './kubernetes-door.ts';

const durationMs = 2_500;
// A fixed seed, so that a run that fails can be repeated; long runs take others.
const seed = 20_261_122;

describe('a front door under broken requests', { timeout: 120_000 }, () => {
  for (const [name, open] of Object.entries({ aws: openAwsDoor, kubernetes: openKubernetesDoor })) {
    test(`${name}: answers, or hangs up, and goes on`, async () => {
      const clock = systemClock();
      const random = seededRandom(seed);
      const door = await open({ clock, random });
      const { requests, statuses, findings } = await fuzzDoor({ clock, random }, door, durationMs);
      await door.close();
      assert.deepEqual(findings, []);
      assert.ok(requests > 20 && statuses['200'] !== undefined, `nothing was tried: ${JSON.stringify(statuses)}`);
    });
  }
});
