import { connect } from 'node:net';
import type { Clock } from '../../src/runtime/clock.ts';
import { sleep } from '../../src/runtime/clock.ts';
import { type Random, randomInt } from '../../src/runtime/random.ts';
import { happens, pick } from './chance.ts';
import type { FrontDoor, FuzzRequest } from './front-door.ts';

/** What came out of it. */
export interface FuzzReport {
  readonly requests: number;
  /** Answers by status; `none` where the connection ended without one. */
  readonly statuses: Record<string, number>;
  /** What must not happen, each with the request that did it. */
  readonly findings: string[];
}

// A machine that is busy may be slow; an answer that takes this long is a hang.
const hangMs = 20_000;
const lanes = 4;
const enoughFindings = 10;

/**
 * Throws broken requests at a server for `durationMs`, a few at a time. A finding is: a 5xx that is wrong, a whole
 * request without an answer, a failure in the server's log, a warning of Node, a good request that is no longer answered, or what is left
 * over in the end.
 */
export async function fuzzDoor(
  deps: { clock: Clock; random: Random },
  door: FrontDoor,
  durationMs: number,
): Promise<FuzzReport> {
  const { clock, random } = deps;
  const statuses: Record<string, number> = {};
  const findings: string[] = [];
  let requests = 0;
  let failuresSeen = 0;
  // Node warns where a program asks for nonsense, as a timer in the past.
  const onWarning = (warning: Error) => findings.push(`a warning: ${warning.stack}`);
  process.on('warning', onWarning);
  const endMs = clock.monotonicMs() + durationMs;

  async function lane(): Promise<void> {
    while (clock.monotonicMs() < endMs && findings.length < enoughFindings) {
      const request = door.request(random);
      const { bytes, whole } = bytesOf(random, request);
      const cutMs = whole && !request.endless ? undefined : randomInt(random, 0, 40);
      const { status, body, ended } = await exchange(clock, door.port, bytes, cutMs);
      requests++;
      statuses[status ?? 'none'] = (statuses[status ?? 'none'] ?? 0) + 1;
      const shown = () => JSON.stringify(bytes.toString('latin1').slice(0, 2_000));
      if (status !== undefined && status >= 500 && !door.isRight(status, body))
        findings.push(`${status} ${body.slice(0, 300)}: ${shown()}`);
      if (cutMs === undefined && !ended) findings.push(`no end of the answer: ${shown()}`);
      if (cutMs === undefined && ended && status === undefined) findings.push(`no answer: ${shown()}`);
      if (door.failures.length > failuresSeen) {
        findings.push(`${door.failures.slice(failuresSeen).join('\n')}: ${shown()}`);
        failuresSeen = door.failures.length;
      }
      door.learn(body);
    }
  }

  await Promise.all(Array.from({ length: lanes }, lane));
  const answer = await exchange(clock, door.port, plainBytes(door.healthy()), undefined);
  if (answer.status !== 200) findings.push(`a good request is answered ${answer.status}: ${answer.body.slice(0, 300)}`);
  // Servers notice a client that went away a little later.
  for (let tries = 0; tries < 50 && door.leftOver() !== undefined; tries++) await sleep(clock, 100);
  const left = door.leftOver();
  process.off('warning', onWarning);
  if (left !== undefined) findings.push(`left over: ${left}`);
  return { requests, statuses, findings };
}

function plainBytes(request: FuzzRequest): Buffer {
  const body = Buffer.from(request.body);
  const head = [`${request.method} ${request.path} HTTP/1.1`, 'host: localhost', 'connection: close'];
  for (const [name, value] of Object.entries(request.headers)) head.push(`${name}: ${value}`);
  if (body.length > 0 || request.method !== 'GET') head.push(`content-length: ${body.length}`);
  return Buffer.concat([Buffer.from(`${head.join('\r\n')}\r\n\r\n`, 'latin1'), body]);
}

/** The request as bytes: mostly whole, at times broken so that nobody owes it an answer. */
function bytesOf(random: Random, request: FuzzRequest): { bytes: Buffer; whole: boolean } {
  const bytes = plainBytes(request);
  if (!happens(random, 0.15)) return { bytes, whole: true };
  const text = bytes.toString('latin1');
  const broken = pick(random, [
    () => text.slice(0, randomInt(random, 0, text.length)),
    () => text.replace(/content-length: \d+/, `content-length: ${pick(random, ['-1', '5', '99999999', 'x', '1, 2'])}`),
    () => text.replace('connection: close', 'transfer-encoding: chunked\r\nconnection: close'),
    () => text.replace('\r\n\r\n', `\r\nx: ${'y'.repeat(randomInt(random, 1, 30_000))}\r\n\r\n`),
    () => text.replace('HTTP/1.1', pick(random, ['HTTP/9.9', 'HTTP/1.0', '', 'x'])),
    () => text.replace('connection: close', 'connection: upgrade\r\nupgrade: websocket'),
    () => text.replace('connection: close', 'expect: 100-continue'),
    () => text.replace(/^\w+/, pick(random, ['', 'BREW', 'CONNECT', 'OPTIONS', 'TRACE', 'HEAD', 'é'])),
    () => text.replace(/ \S+ /, ' http://[::1/ '),
    () => text + text,
    () => flipped(random, text),
  ])();
  return { bytes: Buffer.from(broken, 'latin1'), whole: false };
}

function flipped(random: Random, text: string): string {
  const bytes = Buffer.from(text, 'latin1');
  for (let n = randomInt(random, 1, 8); n > 0; n--)
    bytes[randomInt(random, 0, bytes.length - 1)] = randomInt(random, 0, 255);
  return bytes.toString('latin1');
}

/** Sends bytes and reads until the server closes, or until it is cut off after `cutMs`. */
function exchange(
  clock: Clock,
  port: number,
  bytes: Buffer,
  cutMs: number | undefined,
): Promise<{ status: number | undefined; body: string; ended: boolean }> {
  return new Promise(resolve => {
    const socket = connect(port, '127.0.0.1');
    const chunks: Buffer[] = [];
    let ended = false;
    const timer = clock.after(cutMs ?? hangMs, () => socket.resetAndDestroy());
    socket.on('data', chunk => chunks.push(chunk));
    socket.on('end', () => {
      ended = true;
    });
    // A server that refuses a body may well reset the connection: what it said before counts.
    socket.on('error', (error: NodeJS.ErrnoException) => {
      ended ||= error.code === 'ECONNRESET' || error.code === 'EPIPE';
    });
    socket.on('close', () => {
      timer.cancel();
      const text = Buffer.concat(chunks).toString('utf8');
      const status = /^HTTP\/1\.1 (\d{3}) /.exec(text)?.[1];
      const start = text.indexOf('\r\n\r\n');
      resolve({
        status: status === undefined ? undefined : Number(status),
        body: start < 0 ? '' : text.slice(start + 4),
        ended,
      });
    });
    socket.write(bytes);
  });
}
