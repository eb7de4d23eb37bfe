import { KubeError, notServed } from './kube-error.ts';

interface StatusBody {
  kind?: unknown;
  code?: unknown;
  reason?: unknown;
  message?: unknown;
  details?: { retryAfterSeconds?: unknown; name?: unknown };
}

/**
 * Reasons of `metav1.StatusReason`, and `notServed` for 404, for answers that carry no Status, as those of flow control
 * and of proxies.
 */
const reasons: Record<number, string> = {
  400: 'BadRequest',
  401: 'Unauthorized',
  403: 'Forbidden',
  404: notServed,
  405: 'MethodNotAllowed',
  409: 'Conflict',
  410: 'Expired',
  413: 'RequestEntityTooLarge',
  415: 'UnsupportedMediaType',
  422: 'Invalid',
  429: 'TooManyRequests',
  500: 'InternalError',
  503: 'ServiceUnavailable',
  504: 'Timeout',
};

/** Longest piece of an answer that is no Status which an error's message repeats. */
const EXCERPT_CHARS = 300;

/** The error that an answer other than 2xx stands for. */
export function answerError(status: number, headers: Record<string, string>, body: string): KubeError {
  let parsed: unknown;
  try {
    parsed = JSON.parse(body);
  } catch {
    parsed = undefined;
  }
  const fromHeader = retryAfterMs(headers['retry-after']);
  if (isStatus(parsed)) return statusError(parsed, status, fromHeader);
  const said = body.trim().slice(0, EXCERPT_CHARS);
  return new KubeError(status, reasons[status] ?? 'Unknown', said || `The API server answered ${status}.`, fromHeader);
}

/** The error that a Status object says, as an answer's body or as the object of a watch's ERROR event. */
export function statusError(status: StatusBody, httpStatus = 500, retryMs?: number): KubeError {
  const code = typeof status.code === 'number' && status.code >= 300 ? status.code : httpStatus;
  const said = typeof status.reason === 'string' && status.reason ? status.reason : (reasons[code] ?? 'Unknown');
  // A missing object is named in the details; with none named it is the path that leads nowhere.
  const reason = code === 404 && status.details && status.details.name === undefined ? notServed : said;
  const message =
    typeof status.message === 'string' && status.message ? status.message : `The API server answered ${code}.`;
  const seconds = status.details?.retryAfterSeconds;
  const asked = typeof seconds === 'number' && seconds > 0 ? seconds * 1000 : undefined;
  return new KubeError(code, reason, message, asked ?? retryMs);
}

export function isStatus(value: unknown): value is StatusBody {
  return typeof value === 'object' && value !== null && (value as StatusBody).kind === 'Status';
}

/** Kubernetes gives whole seconds; the header's other form, a date, is not used by it. */
function retryAfterMs(header: string | undefined): number | undefined {
  if (header === undefined || !/^\d{1,6}$/.test(header.trim())) return undefined;
  return Number(header) * 1000;
}
