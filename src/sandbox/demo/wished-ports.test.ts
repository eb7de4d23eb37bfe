import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import type { Pod } from '../../kube/objects.ts';
import { servingWishedPorts } from './wished-ports.ts';

async function portsOf(annotation: string | undefined): Promise<unknown> {
  let started: Pod | undefined;
  const start = servingWishedPorts(async pod => {
    started = pod;
    return { stop: async () => {} };
  });
  await start(
    {
      metadata: { name: 'room', annotations: annotation === undefined ? {} : { 'nlbports.dev/ports': annotation } },
      spec: { containers: [{ name: 'room', ports: [{ containerPort: 80 }] }] },
    },
    '10.0.1.5',
  );
  return started?.spec.containers[0]?.ports;
}

describe('servingWishedPorts()', () => {
  it('adds the ports of the annotation to those of the containers', async () => {
    assert.deepEqual(await portsOf('game=7777/UDP,chat=7778/TCP'), [
      { containerPort: 80 },
      { containerPort: 7777, protocol: 'UDP' },
      { containerPort: 7778, protocol: 'TCP' },
    ]);
  });

  it('leaves a pod as it is whose annotation is missing or can not be read', async () => {
    assert.deepEqual(await portsOf(undefined), [{ containerPort: 80 }]);
    assert.deepEqual(await portsOf('7777'), [{ containerPort: 80 }]);
  });
});
