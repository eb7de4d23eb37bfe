/** One exchange over a socket of its own. */
export interface Conversation {
  /** Ends it at once, whatever its state; no word is heard after that. */
  close(): void;
}

/** What is heard in a conversation. */
export interface Listening {
  data(bytes: Uint8Array): void;
  /** Nothing more will come: refused, reset, or ended by the other side. UDP mostly keeps silent instead. */
  closed(): void;
}

/** A client's sockets, and how names become addresses: handed in, so that a simulation needs neither. */
export interface ConversationNetwork {
  /** The IPv4 addresses of a name, in any order; empty where it has none, or nobody knows. */
  addressesOf(host: string): Promise<string[]>;
  /** Sends these bytes, over TCP once a connection is there, and tells what comes back. */
  converse(
    protocol: 'TCP' | 'UDP',
    to: { host: string; port: number },
    bytes: Uint8Array,
    listening: Listening,
  ): Conversation;
}
