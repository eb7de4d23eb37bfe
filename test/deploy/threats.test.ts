import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { join } from 'node:path';
import { test } from 'node:test';

const jsonLog = join(import.meta.dirname, '..', '..', 'src', 'operator', 'json-log.ts');

test('text of users can neither end a log line nor steer the terminal that shows it', () => {
  const evil = 'room\n{"level":"info","message":"Leading"}\r\u001b[2J\u0000end';
  const script = `
    import { jsonLog } from ${JSON.stringify(jsonLog)};
    const log = jsonLog('info').child({ pool: process.argv[1] });
    log.warn({ pod: process.argv[1], error: new Error(process.argv[1]).message }, process.argv[1]);
  `;
  // A null byte can't be an argument.
  const argument = evil.replace('\u0000', '');
  const command = ['--input-type=module', '--eval', `${script}`, argument];
  const said = execFileSync('sh', ['-c', 'exec "$0" "$@" 2>&1', process.execPath, ...command], { encoding: 'utf8' });
  const lines = said.trimEnd().split('\n');
  assert.equal(lines.length, 1, said);
  // biome-ignore lint/suspicious/noControlCharactersInRegex: that is what is looked for
  assert.doesNotMatch(lines[0] ?? '', /[\u0000-\u001f]/);
  const { level, message, pod, pool } = JSON.parse(lines[0] ?? '');
  assert.deepEqual([level, message, pod, pool], ['warn', argument, argument, argument]);
});
