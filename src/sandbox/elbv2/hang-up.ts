import type { Clock } from '../../runtime/clock.ts';
import type { TcpConnection } from '../network.ts';

// Servers close within milliseconds of the client; one that does not is not worth a socket.
const patienceMs = 1000;

/**
 * Ends a connection in order, because small servers take a reset for a crash of their own, and by force where the peer
 * does not follow. The answer is to be called when the connection has closed.
 */
export function hangUp(clock: Clock, connection: TcpConnection): () => void {
  connection.end();
  const timer = clock.after(patienceMs, () => connection.reset());
  return () => timer.cancel();
}
