import { readFileSync, writeFileSync } from 'node:fs';
import { matchesLines } from './normalise.ts';
import { playCase } from './run-case.ts';
import { startRealServer } from './servers.ts';
import { formatTranscript, parseTranscript } from './transcript.ts';

// node test/cluster/kubectl/record.ts cases/get.transcript …
// Writes into the files what a real API server prints, where they expect something else; read the difference then.
const server = await startRealServer();
try {
  for (const file of process.argv.slice(2)) {
    const text = readFileSync(file, 'utf8');
    const cases = parseTranscript(text, file);
    const comments = text.slice(0, text.indexOf('== '));
    for (const one of cases) {
      console.log(one.title);
      try {
        await playCase(server, one, (step, actual) => {
          if (!matchesLines(actual, step.expected)) step.expected = actual;
        });
      } catch (error) {
        console.error(error);
      }
    }
    writeFileSync(file, comments + formatTranscript(cases));
  }
} finally {
  await server.stop();
}
