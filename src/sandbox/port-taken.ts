import { CodedException, codedError } from '../api/errors.ts';
import { networkErrorCode } from './network.ts';

/** The error of a loopback port that can't be had, naming the flag by which another one is chosen. */
export function portTaken(error: unknown, port: number, flag: string): CodedException {
  const detail = `Cannot listen on 127.0.0.1:${port}: ${networkErrorCode(error)}. Choose another ${flag}, 0 for any free one`;
  return new CodedException(codedError('PortInUse', detail));
}
