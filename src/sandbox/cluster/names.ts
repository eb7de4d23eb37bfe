/** Says what is wrong with a name, in the API server's words; empty where nothing is. */
export type NameCheck = (name: string) => string[];

const label = '[a-z0-9]([-a-z0-9]*[a-z0-9])?';
const labelPattern = new RegExp(`^${label}$`);
const subdomainPattern = new RegExp(`^${label}(\\.${label})*$`);
const label1035Pattern = /^[a-z]([-a-z0-9]*[a-z0-9])?$/;
const qualifiedPattern = /^([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9]$/;

const subdomainMessage =
  "a lowercase RFC 1123 subdomain must consist of lower case alphanumeric characters, '-' or '.', and must start and end with an alphanumeric character (e.g. 'example.com', regex used for validation is '[a-z0-9]([-a-z0-9]*[a-z0-9])?(\\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*')";
const labelMessage =
  "a lowercase RFC 1123 label must consist of lower case alphanumeric characters or '-', and must start and end with an alphanumeric character (e.g. 'my-name',  or '123-abc', regex used for validation is '[a-z0-9]([-a-z0-9]*[a-z0-9])?')";
const label1035Message =
  "a DNS-1035 label must consist of lower case alphanumeric characters or '-', start with an alphabetic character, and end with an alphanumeric character (e.g. 'my-name',  or 'abc-123', regex used for validation is '[a-z]([-a-z0-9]*[a-z0-9])?')";
const qualifiedMessage =
  "name part must consist of alphanumeric characters, '-', '_' or '.', and must start and end with an alphanumeric character (e.g. 'MyName',  or 'my.name',  or '123-abc', regex used for validation is '([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9]')";
const valueMessage =
  "a valid label must be an empty string or consist of alphanumeric characters, '-', '_' or '.', and must start and end with an alphanumeric character (e.g. 'MyValue',  or 'my_value',  or '12345', regex used for validation is '(([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9])?')";

/** The server says characters for names of objects and bytes for parts of labels, and counts bytes in both. */
const atMost = (most: number, name: string, unit = 'characters'): string[] =>
  Buffer.byteLength(name) > most ? [`must be no more than ${most} ${unit}`] : [];

/** RFC 1123 subdomain of at most 253 bytes: names of pods, config maps, secrets, leases and custom resources. */
export const subdomainErrors: NameCheck = name => [
  ...atMost(253, name),
  ...(subdomainPattern.test(name) ? [] : [subdomainMessage]),
];

/** RFC 1123 label of at most 63 bytes: names of namespaces, Services and containers. */
export const labelErrors: NameCheck = name => {
  const errors = atMost(63, name);
  if (labelPattern.test(name)) return errors;
  return [...errors, subdomainPattern.test(name) ? 'must not contain dots' : labelMessage];
};

/** RFC 1035 label of at most 63 bytes: names in definitions of kinds. */
export const label1035Errors: NameCheck = name => [
  ...atMost(63, name, 'bytes'),
  ...(label1035Pattern.test(name) ? [] : [label1035Message]),
];

/** Anything that can be one step of a path: names of Events in the real server's generic check. */
export const pathSegmentErrors: NameCheck = name => {
  if (name === '.' || name === '..') return [`may not be '${name}'`];
  return ['/', '%'].filter(part => name.includes(part)).map(part => `may not contain '${part}'`);
};

/** A qualified name such as `nlbports.dev/ready`: keys of labels and annotations, finalizers, condition types. */
export const qualifiedNameErrors: NameCheck = text => {
  const parts = text.split('/');
  if (parts.length > 2) {
    return [
      `a qualified name must consist of alphanumeric characters, '-', '_' or '.', and must start and end with an alphanumeric character (e.g. 'MyName',  or 'my.name',  or '123-abc', regex used for validation is '([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9]') with an optional DNS subdomain prefix and '/' (e.g. 'example.com/MyName')`,
    ];
  }
  const errors: string[] = [];
  const name = parts.at(-1)!;
  if (parts.length === 2) {
    if (parts[0] === '') errors.push('prefix part must be non-empty');
    else errors.push(...subdomainErrors(parts[0]!).map(message => `prefix part ${message}`));
  }
  if (name === '') errors.push('name part must be non-empty');
  else errors.push(...atMost(63, name, 'bytes').map(message => `name part ${message}`));
  if (!qualifiedPattern.test(name)) errors.push(qualifiedMessage);
  return errors;
};

/** A label's value. */
export const labelValueErrors: NameCheck = value => [
  ...atMost(63, value, 'bytes'),
  ...(value === '' || qualifiedPattern.test(value) ? [] : [valueMessage]),
];
