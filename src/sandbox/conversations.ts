import type { Conversation, ConversationNetwork } from '../runtime/conversation.ts';
import type { Network } from './network.ts';

/** Longest wait for a connection; who talks gives up before. */
const dialTimeoutMs = 10_000;

/** A client on a network of the sandbox; `from` is its own address, `addressesOf` its name server. */
export function networkConversations(
  network: Network,
  { from, addressesOf }: { from: string } & Pick<ConversationNetwork, 'addressesOf'>,
): ConversationNetwork {
  return {
    addressesOf,
    converse(protocol, to, bytes, listening): Conversation {
      let end: (() => void) | undefined;
      let open = true;
      /** Keeps how to end it, or does so where it was closed meanwhile. */
      const began = (how: () => void) => {
        end = how;
        if (!open) how();
      };
      const closed = () => {
        if (open) listening.closed();
        open = false;
      };
      const data = (heard: Uint8Array) => {
        if (open) listening.data(heard);
      };
      if (protocol === 'UDP') {
        network.bindUdp({ host: from, port: 0 }, data).then(socket => {
          began(() => void socket.close());
          socket.send(bytes, to);
        }, closed);
      } else {
        network.dialTcp(to, { timeoutMs: dialTimeoutMs, from }).then(connection => {
          began(() => connection.reset());
          connection.attach({ data, ended: closed, closed, drained() {} });
          connection.write(bytes);
        }, closed);
      }
      return {
        close() {
          open = false;
          end?.();
        },
      };
    },
  };
}
