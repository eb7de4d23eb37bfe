import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import { portObjectName } from '../api/names.ts';
import { type NLBPort, nlbPorts } from '../api/port.ts';
import type { KubeClient } from '../kube/client.ts';
import { KubeError } from '../kube/kube-error.ts';

/** An API server that has the NLBPorts' definition; `close` ends what `open` began. */
export interface ClaimTransitionsTarget {
  client: KubeClient;
  close(): Promise<void>;
}

const arn = 'arn:aws:elasticloadbalancing:us-east-1:111122223333:loadbalancer/net/claims/00000000c1a1a500';
const [then, later] = ['2026-01-01T00:00:00Z', '2026-01-01T00:01:00Z'];
const targets = [{ ip: '10.0.0.1', port: 7777 }];

const claim = { kind: 'Pod', namespace: 'default', name: 'room', uid: 'u-1', portName: 'default', exposed: false };
const exposed = { ...claim, exposed: true };
const released = { ...exposed, releasedAt: then };
const gone = { ...released, goneAt: later };
const [namesake, other] = [{ uid: 'u-2' }, { name: 'other', uid: 'u-3' }];
/** In a merge patch, null takes a field away. */
const held = { releasedAt: null, goneAt: null };

/** From which claim, by which merge patch of the spec, and whether that is refused with this message. */
const cases: [title: string, from: object | null, patch: object, refusal?: string][] = [
  ['a free port can be bound', null, { claim }],
  ['a free port can not be bound as released', null, { claim: released }, 'a new claim can not be released already'],
  ['a port that is to go can not be bound', null, { retire: true, claim }, 'can not be claimed'],
  ['a claim that was never exposed can be removed', claim, { claim: null }],
  ['a claim can be exposed, with targets', claim, { claim: { exposed: true }, targets }],
  ['an exposed claim can not be removed', exposed, { claim: null }, 'must be released before it is removed'],
  ['exposed can not be unset', exposed, { claim: { exposed: false } }, 'exposed can not be unset'],
  ['a claim can be released', exposed, { claim: { releasedAt: then }, targets: [] }],
  ['a claim can be released and gone at once', exposed, { claim: { releasedAt: then, goneAt: then } }],
  ['a claim that is held can not be gone', exposed, { claim: { goneAt: then } }, 'goneAt needs a claim'],
  ['a claim that is held passes to nobody', exposed, { claim: other }, 'can not be claimed by another'],
  ['nor to a namesake', exposed, { claim: namesake }, 'only a released claim can be taken over'],
  ['a released claim can be gone', released, { claim: { goneAt: later } }],
  ['a released claim can be removed', released, { claim: null }],
  ['a released claim passes to a namesake', released, { claim: { ...namesake, ...held } }],
  ['and its targets may come with it', released, { claim: { ...namesake, ...held }, targets }],
  ['it passes to nobody else', released, { claim: { ...other, ...held } }, 'can not be claimed by another'],
  ['nor stays released then', released, { claim: namesake }, 'only a released claim can be taken over'],
  ['the time of the release stays', released, { claim: { releasedAt: later } }, 'can only be taken over or removed'],
  ['a released claim has no targets', released, { targets }, 'targets need a claim that is not released'],
  ['a claim that is gone passes to a namesake', gone, { claim: { ...namesake, ...held } }],
  ['and is gone no longer then', gone, { claim: { ...namesake, releasedAt: null } }, 'goneAt needs a claim'],
  ['a claim that is gone can be removed', gone, { claim: null }],
  ['goneAt is set once', gone, { claim: { goneAt: then } }, 'goneAt can only be set once'],
  ['and not unset', gone, { claim: { goneAt: null } }, 'goneAt can only be set once'],
  ['a claimant that comes back has its port again', gone, { claim: held }],
];

/** Registers the cases of what a claim may become, true on a real API server as on the simulated one. */
export function claimTransitions(title: string, open: () => Promise<ClaimTransitionsTarget>): void {
  describe(`the life of a claim: ${title}`, () => {
    let target: ClaimTransitionsTarget;
    before(async () => {
      target = await open();
    });
    after(() => target?.close());

    for (const [at, [what, from, spec, refusal]] of cases.entries()) {
      test(what, async () => {
        const { client } = target;
        const [port, name] = [at + 1, portObjectName(arn, at + 1)];
        const base = { pool: 'claims', loadBalancer: { arn }, port, protocol: 'UDP' };
        const made = { metadata: { name }, spec: { ...base, ...(from ? { claim: from } : {}) } };
        await client.create(nlbPorts, made as unknown as NLBPort);
        try {
          const patched = client.patch(nlbPorts, { name }, { type: 'merge', body: { spec } });
          if (refusal === undefined) await patched;
          else {
            await assert.rejects(patched, (error: unknown) => {
              assert.ok(error instanceof KubeError);
              assert.ok(error.message.includes(refusal), error.message);
              return true;
            });
          }
        } finally {
          await client.delete(nlbPorts, { name });
        }
      });
    }
  });
}
