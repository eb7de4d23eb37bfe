import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { sleep, systemClock } from '../../src/runtime/clock.ts';
import { readManifests } from './manifests.ts';
import { allFiles } from './sources.ts';

test('the example that waits for its address says it once the file has it, and not before', async () => {
  const [pod] = readManifests(allFiles().get('examples/pod-mode/own-address.yaml') ?? '');
  const spec = pod?.spec as { containers: { command: string[] }[] } | undefined;
  const [shell = '', flag = '', script = ''] = spec?.containers[0]?.command ?? [];
  const folder = mkdtempSync(join(tmpdir(), 'nlbports-own-address-'));
  // As the kubelet has it before the endpoint is published.
  writeFileSync(join(folder, 'endpoint'), '');
  const room = spawn(shell, [flag, script.replaceAll('/etc/nlbports', folder).replace('exec sleep infinity', '')]);
  try {
    let said = '';
    room.stdout.on('data', data => {
      said += data;
    });
    await sleep(systemClock(), 300);
    assert.equal(said, '');
    writeFileSync(join(folder, 'endpoint'), 'game.example.com:30000');
    await new Promise(done => room.once('close', done));
    assert.equal(said, 'Players join at game.example.com:30000\n');
  } finally {
    room.kill();
    rmSync(folder, { recursive: true });
  }
});
