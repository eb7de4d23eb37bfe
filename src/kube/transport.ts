/** One HTTP request to the Kubernetes API, before any connection or credential is chosen. */
export interface KubeRequest {
  method: 'GET' | 'POST' | 'PUT' | 'PATCH' | 'DELETE';
  /** Path with its query, such as `/api/v1/pods?limit=500`. */
  path: string;
  headers?: Record<string, string>;
  body?: string;
  /** Aborting it ends the request, or the body's stream where that has begun. */
  signal?: AbortSignal;
  /** True for a watch: it gets a connection apart from the requests' and may be silent for long. */
  stream?: boolean;
}

/** An answer: the status at once, the body as it arrives. */
export interface KubeResponse {
  status: number;
  headers: Record<string, string>;
  body: AsyncIterable<Uint8Array>;
}

/**
 * What carries requests: sockets to an API server, or a call into the simulated one. It rejects when no answer came,
 * which says nothing about whether the request was carried out.
 */
export interface KubeTransport {
  request(request: KubeRequest): Promise<KubeResponse>;
  close(): Promise<void>;
}
