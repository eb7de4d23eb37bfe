/** What proves who we are to one API server, and it to us, at one moment: tokens and certificates rotate. */
export interface Credentials {
  /** PEM bundle that the server's certificate must chain to; the system's where it is left out. */
  ca?: string;
  /** Client certificate and its key, PEM. */
  certificate?: string;
  key?: string;
  /** Sent with every request: `authorization`, impersonation. Names in lower case. */
  headers: Readonly<Record<string, string>>;
}

/** Where an API server is and how to be let in. */
export interface ConnectionConfig {
  /** Such as `https://10.0.0.1:443`; a path after it is put before every request's. */
  server: string;
  /** Where these settings were found, in words for a log line. */
  source: string;
  /** Namespace of the context or of the pod; undefined where none is named. */
  namespace: string | undefined;
  insecureSkipTlsVerify: boolean;
  /** Name that the server's certificate must carry, where it is not the host's. */
  tlsServerName: string | undefined;
  /**
   * The credentials of now. Asked before every request, so it keeps what is still good. `rejected` are those that the
   * server just answered 401 to; fresh ones are then got, where there is a way. Throws `ConnectionConfigError`.
   */
  credentials(rejected?: Credentials): Promise<Credentials>;
}

/** Settings that a person has to mend; the message is a sentence that says what is wrong and where. */
export class ConnectionConfigError extends Error {
  override readonly name = 'ConnectionConfigError';
}
