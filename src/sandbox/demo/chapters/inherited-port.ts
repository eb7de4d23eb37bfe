import type { Chapter } from '../story.ts';
import type { StorySize } from '../story-size.ts';
import { eachAnswersItself, said, shown } from './answers.ts';

const checks = {
  quarantined: "the ended room's port is quarantined",
  silent: 'nobody answers on the port while it rests',
  waits: 'room-4 waits meanwhile, and is told why',
  afterwards: 'room-4 gets the port only after the quarantine',
  bytes: 'room-4 answers on the port by UDP and TCP',
};

/** A port changes hands, with a rest in between. */
export const inheritedPort = ({ quarantine }: StorySize): Chapter => ({
  title: 'Room 2 ends, room 4 inherits its port, but not at once',
  text: `The quarantine is ${quarantine} here so that you need not wait; a pool has 5 minutes unless it says otherwise.`,
  checks: Object.values(checks),
  async play(stage, check) {
    const { kubelet } = stage.sandbox;
    const port = () => stage.port('game', 30001);
    const before = stage.endpointOf('room-2')!;
    // From the first sight of a claim by room-4, however short.
    let seenAtMs: number | undefined;
    stage.sandbox.view.onChange(() => {
      if (seenAtMs === undefined && port()?.spec.claim?.name === 'room-4') seenAtMs = stage.clock.nowMs();
    });

    await kubelet.finish('default', 'room-2', 'Succeeded');
    stage.note('room-2 has ended: its pod is Succeeded');
    await stage.rooms(['room-4'], 'game');
    const reuseAfter = await stage.wait(
      'the port of room-2 to be quarantined',
      () => (port()?.status?.phase === 'Quarantined' ? port()?.status?.reuseAfter : undefined),
      () => `30001 is ${port()?.status?.phase}`,
    );
    const until = Date.parse(reuseAfter);
    check(checks.quarantined, until > stage.clock.nowMs(), `30001 rests until ${clockTime(until)}`);

    const udp = await stage.ask('UDP', before, 400);
    const tcp = await stage.ask('TCP', before, 400);
    check(checks.silent, !udp.ok && !tcp.ok, `${shown(before)} by UDP ${said(udp)}; by TCP ${said(tcp)}`);

    const state = await stage.wait('room-4 to be told why it waits', () => {
      const now = stage.stateOf('room-4');
      return now.startsWith('PoolFull') || stage.endpointOf('room-4') ? now : undefined;
    });
    check(checks.waits, state.startsWith('PoolFull'), state);

    const [endpoint] = await stage.ready(['room-4']);
    const lateMs = (seenAtMs ?? 0) - until;
    check(
      checks.afterwards,
      endpoint?.port === 30001 && lateMs >= 0,
      `room-4 has ${shown(endpoint!)}, bound ${(lateMs / 1000).toFixed(1)} s after the quarantine`,
    );
    const results = [];
    for (const transport of ['UDP', 'TCP'] as const) {
      results.push(await eachAnswersItself(stage, transport, ['room-4'], [endpoint!]));
    }
    check(
      checks.bytes,
      results.every(({ ok }) => ok),
      results.map(({ detail }) => detail).join('; '),
    );
    await stage.removeRooms(['room-2']);
  },
});

function clockTime(ms: number): string {
  return new Date(ms).toISOString().slice(11, 21);
}
