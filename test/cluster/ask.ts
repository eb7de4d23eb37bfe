import { createSocket } from 'node:dgram';
import { connect } from 'node:net';
import { systemClock } from '../../src/runtime/clock.ts';
import { eventually } from './eventually.ts';

/** Where a client sends to. */
export interface Address {
  /** An IPv4 address. */
  host: string;
  port: number;
}

const clock = systemClock();

/**
 * Sends one datagram from a new socket, so as a new flow, and resolves with the answer.
 *
 * @throws Error when none came within `timeoutMs`, or the kernel reports the port closed.
 */
export function askUdp(address: Address, text = 'hello', timeoutMs = 1_000): Promise<string> {
  return new Promise((done, fail) => {
    const socket = createSocket('udp4');
    const finish = (act: () => void) => {
      timer.cancel();
      socket.close();
      act();
    };
    const timer = clock.after(timeoutMs, () =>
      finish(() => fail(new Error(`UDP ${address.host}:${address.port} gave no answer in ${timeoutMs} ms.`))),
    );
    socket.once('message', message => finish(() => done(message.toString())));
    socket.once('error', error => finish(() => fail(error)));
    // Connected, so that an ICMP "port unreachable" comes back as an error and not as silence.
    socket.connect(address.port, address.host, () => socket.send(text));
  });
}

/**
 * Opens a connection, sends `text` and resolves with the first piece of the answer.
 *
 * @throws Error when refused, closed without an answer, or silent for `timeoutMs`.
 */
export function askTcp(address: Address, text = 'hello', timeoutMs = 10_000): Promise<string> {
  return new Promise((done, fail) => {
    const socket = connect({ host: address.host, port: address.port });
    const where = `TCP ${address.host}:${address.port}`;
    const finish = (act: () => void) => {
      timer.cancel();
      socket.destroy();
      act();
    };
    const timer = clock.after(timeoutMs, () =>
      finish(() => fail(new Error(`${where} gave no answer in ${timeoutMs} ms.`))),
    );
    socket.once('connect', () => socket.write(text));
    socket.once('data', data => finish(() => done(data.toString())));
    socket.once('error', error => finish(() => fail(error)));
    socket.once('end', () => finish(() => fail(new Error(`${where} closed without an answer.`))));
  });
}

/** Asks again and again, each time as a new flow, until the answer is `expected` or `timeoutMs` are over. */
export async function askUntil(
  protocol: 'UDP' | 'TCP',
  address: Address,
  expected: string,
  timeoutMs = 10_000,
): Promise<void> {
  const ask = protocol === 'UDP' ? askUdp : askTcp;
  await eventually(async () => {
    const answer = await ask(address, 'hello', Math.min(timeoutMs, 500));
    if (answer !== expected) throw new Error(`"${answer}" answered, "${expected}" wanted.`);
  }, timeoutMs);
}
