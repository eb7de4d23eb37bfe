import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import { runCase } from './kubectl/run-case.ts';
import { type KubectlServer, startRealServer, startSimulatedServer } from './kubectl/servers.ts';
import { parseTranscript } from './kubectl/transcript.ts';

const folder = join(import.meta.dirname, 'kubectl', 'cases');
const cases = readdirSync(folder)
  .filter(name => name.endsWith('.transcript'))
  .toSorted()
  .flatMap(name => parseTranscript(readFileSync(join(folder, name), 'utf8'), name));

const starts = { simulated: startSimulatedServer, real: startRealServer };
const passed: Record<string, number> = {};

for (const [name, start] of Object.entries(starts)) {
  // Most of a case is a kubectl that waits; a few at a time keep two cores busy.
  describe(`kubectl on the ${name} API server`, { concurrency: 3 }, () => {
    let server: KubectlServer;
    before(async () => {
      server = await start();
    });
    after(async () => {
      console.log(`kubectl, ${name} API server: ${passed[name] ?? 0} of ${cases.length} cases passed`);
      await server?.stop();
    });
    for (const one of cases) {
      test(`${name}: ${one.title}`, async () => {
        await runCase(server, one);
        passed[name] = (passed[name] ?? 0) + 1;
      });
    }
  });
}
