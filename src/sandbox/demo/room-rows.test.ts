import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import type { NLBPort } from '../../api/port.ts';
import type { Pod } from '../../kube/objects.ts';
import { roomRows } from './room-rows.ts';

const arn = 'arn:aws:elasticloadbalancing:us-east-1:111122223333:loadbalancer/net/game-1/50dc6c495c0c9188';
const groupArn = 'arn:aws:elasticloadbalancing:us-east-1:111122223333:targetgroup/nlbp-1-2/73e2d6bc24d8a067';

const pod = (name: string, reason: string, extra: Partial<Pod['status']> = {}): Pod => ({
  metadata: { name, namespace: 'default', uid: `uid-${name}`, labels: { 'nlbports.dev/pool': 'game' } },
  spec: { containers: [] },
  status: {
    phase: 'Running',
    conditions: [{ type: 'nlbports.dev/ready', status: 'False', reason, message: `is ${reason}` }],
    ...extra,
  },
});

const port = (number: number, claim?: { name: string; releasedAt?: string }, status: object = {}): NLBPort =>
  ({
    metadata: { name: `nlb-1-${number}` },
    spec: {
      pool: 'game',
      loadBalancer: { arn },
      port: number,
      ...(claim ? { claim: { kind: 'Pod', namespace: 'default', uid: `uid-${claim.name}`, ...claim } } : {}),
    },
    status: { targetGroupArn: groupArn, endpoint: `127.64.0.1:${number}`, ...status },
  }) as unknown as NLBPort;

describe('roomRows()', () => {
  it('joins pod, port, target group and target', () => {
    const targets = [{ ip: '10.0.1.5', port: 7777, state: 'Registered', since: '' }];
    assert.deepEqual(
      roomRows([pod('room-1', 'Healthy')], [port(30000, { name: 'room-1' }, { targets }), port(30001)]),
      [
        {
          room: 'room-1',
          pool: 'game',
          loadBalancer: 'game-1',
          port: 30000,
          endpoint: null,
          targetGroup: 'nlbp-1-2',
          target: '10.0.1.5:7777',
          state: 'Healthy',
          message: 'is Healthy',
        },
      ],
    );
  });

  it('shows who waits last, and ports that rest by their number', () => {
    const rows = roomRows(
      [pod('waits', 'PoolFull'), pod('room-1', 'Healthy')],
      [
        port(30001, { name: 'gone', releasedAt: 'then' }, { phase: 'Quarantined', reuseAfter: 'later' }),
        port(30000, { name: 'room-1' }),
      ],
    );
    assert.deepEqual(
      rows.map(({ room, port, state, message }) => [room, port, state, message]),
      [
        ['room-1', 30000, 'Healthy', 'is Healthy'],
        [null, 30001, 'Quarantined', 'Nobody may have it before later'],
        ['waits', null, 'PoolFull', 'is PoolFull'],
      ],
    );
  });

  it('leaves out pods that have ended and given their port up', () => {
    assert.deepEqual(roomRows([pod('over', 'Released', { phase: 'Succeeded' })], []), []);
  });
});
