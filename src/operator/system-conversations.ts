import { createSocket } from 'node:dgram';
import { resolve4 } from 'node:dns/promises';
import { connect } from 'node:net';
import type { Conversation, ConversationNetwork, Listening } from '../runtime/conversation.ts';

/** The machine's own sockets, and the name servers that it asks. */
export function systemConversations(): ConversationNetwork {
  return {
    addressesOf: host => resolve4(host).catch(() => []),
    converse: (protocol, to, bytes, listening) => (protocol === 'UDP' ? overUdp : overTcp)(to, bytes, listening),
  };
}

interface At {
  host: string;
  port: number;
}

function overUdp({ host, port }: At, bytes: Uint8Array, listening: Listening): Conversation {
  const socket = createSocket('udp4');
  let open = true;
  const close = () => {
    if (open) socket.close();
    open = false;
  };
  const failed = () => {
    if (!open) return;
    close();
    listening.closed();
  };
  socket.on('error', failed);
  // Connected: answers of others are not heard, and an ICMP refusal is.
  socket.connect(port, host, () => {
    if (open) socket.send(bytes, error => (error ? failed() : undefined));
  });
  socket.on('message', heard => (open ? listening.data(heard) : undefined));
  return { close };
}

function overTcp({ host, port }: At, bytes: Uint8Array, listening: Listening): Conversation {
  let open = true;
  const socket = connect({ host, port, noDelay: true }, () => socket.write(bytes));
  socket.on('error', () => {});
  socket.on('data', heard => (open ? listening.data(heard) : undefined));
  socket.on('close', () => {
    if (open) listening.closed();
    open = false;
  });
  return {
    close() {
      open = false;
      socket.destroy();
    },
  };
}
