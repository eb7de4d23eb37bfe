import type { Closable } from '../../network.ts';
import { roomPort } from '../demo-objects.ts';
import type { Stage } from '../stage.ts';
import type { Chapter } from '../story.ts';
import { eachAnswersItself, shown } from './answers.ts';

const checks = {
  same: 'room-3 keeps its port when its IP changes',
  bytes: 'room-3 answers from its new address by UDP and TCP',
  old: 'the old address gets no more bytes',
};

/** How many flows are sent through the port while someone listens at the old address. */
const flows = 20;

/** A pod's address changes under it. */
export const movedRoom: Chapter = {
  title: "Room 3's IP changes",
  text: 'The players keep host and port. A stranger takes the old address at once, as other pods do, and listens for what still arrives.',
  checks: Object.values(checks),
  async play(stage, check) {
    const { sandbox } = stage;
    const { kubelet, view } = sandbox;
    const before = stage.endpointOf('room-3')!;
    const oldIp = kubelet.addressOf('default', 'room-3')!;
    const newIp = await kubelet.moveAddress('default', 'room-3');
    stage.note(`room-3 moved from ${oldIp} to ${newIp}`);
    const row = () => view.rows().find(({ room }) => room === 'room-3');
    await stage.wait(
      'the port to follow room-3',
      () => (row()?.target === `${newIp}:${roomPort}` ? true : undefined),
      () => `its target is ${row()?.target}`,
    );
    const [after] = await stage.ready(['room-3']);
    check(checks.same, shown(after!) === shown(before), `room-3 has ${shown(after!)}, target ${newIp}:${roomPort}`);

    const lagMs = sandbox.settings['deregistration-delay'].maxMs;
    await stage.pause('AWS sends new flows to a deregistered address for a while, which is waited for', lagMs);
    const stranger = await listenAsStranger(stage, oldIp);
    try {
      const many = Array.from({ length: flows }, () => after!);
      const names = many.map(() => 'room-3');
      const results = [];
      for (const transport of ['UDP', 'TCP'] as const) {
        results.push(await eachAnswersItself(stage, transport, names, many));
      }
      const detail = results.every(({ ok }) => ok)
        ? `${flows} flows each by UDP and TCP, all answered "room-3"`
        : results.map(({ detail }) => detail).join('; ');
      check(
        checks.bytes,
        results.every(({ ok }) => ok),
        detail,
      );
      check(checks.old, stranger.heard() === 0, `a stranger at ${oldIp}:${roomPort} heard ${stranger.heard()} bytes`);
    } finally {
      await stranger.close();
    }
  },
};

async function listenAsStranger(stage: Stage, ip: string) {
  const { network, sandbox } = stage;
  const at = { host: sandbox.block.hostFor(ip), port: roomPort };
  let heard = 0;
  const hear = (bytes: Uint8Array) => {
    heard += bytes.length;
  };
  const open: Closable[] = [
    await network.listenTcp(at, connection =>
      connection.attach({ data: hear, ended: () => connection.end(), closed: () => {}, drained: () => {} }),
    ),
    await network.bindUdp(at, hear),
  ];
  return {
    heard: () => heard,
    close: async () => {
      await Promise.all(open.map(item => item.close()));
    },
  };
}
