/** What an answer is made of: absent fields are left out, lists become elements `<member>`, or `<item>` in EC2. */
export type XmlValue =
  | string
  | number
  | boolean
  | undefined
  | readonly XmlValue[]
  | { readonly [name: string]: XmlValue };

/** An answer's fields by name. */
export type XmlObject = { readonly [name: string]: XmlValue };

const namespace = 'http://elasticloadbalancing.amazonaws.com/doc/2015-12-01/';

/** The body of an answer that succeeded; `result` may have no field, and its element is there all the same. */
export function successXml(action: string, result: XmlObject, requestId: string): string {
  return (
    `<${action}Response xmlns="${namespace}"><${action}Result>${fieldsXml(result, 'member')}</${action}Result>` +
    `<ResponseMetadata><RequestId>${requestId}</RequestId></ResponseMetadata></${action}Response>`
  );
}

/** The body of an answer that says no. `Sender` is to blame below status 500. */
export function errorXml(error: { code: string; message: string; status: number }, requestId: string): string {
  const type = error.status < 500 ? 'Sender' : 'Receiver';
  return (
    `<ErrorResponse xmlns="${namespace}"><Error><Type>${type}</Type><Code>${escapeXml(error.code)}</Code>` +
    `<Message>${escapeXml(error.message)}</Message></Error><RequestId>${requestId}</RequestId></ErrorResponse>`
  );
}

/** Fields as elements; `listElement` is the name of each member of a list. */
export function fieldsXml(value: XmlObject, listElement: string): string {
  let text = '';
  for (const name in value) {
    const field = value[name];
    if (field !== undefined) text += `<${name}>${content(field, listElement)}</${name}>`;
  }
  return text;
}

function content(value: XmlValue, listElement: string): string {
  if (typeof value === 'string') return escapeXml(value);
  if (Array.isArray(value)) {
    let text = '';
    for (const member of value as readonly XmlValue[])
      text += `<${listElement}>${content(member, listElement)}</${listElement}>`;
    return text;
  }
  if (typeof value === 'object') return fieldsXml(value as XmlObject, listElement);
  return String(value);
}

const special = /[&<>"'\r]/;
const names: Record<string, string> = {
  '&': '&amp;',
  '<': '&lt;',
  '>': '&gt;',
  '"': '&quot;',
  "'": '&apos;',
  '\r': '&#xD;',
};

/** Text as the content of an element. */
export function escapeXml(text: string): string {
  // XML 1.0 has no way to write the other control characters at all.
  // biome-ignore lint/suspicious/noControlCharactersInRegex: they are what is looked for
  const legal = text.replace(/[\u0000-\u0008\u000b\u000c\u000e-\u001f\ufffe\uffff]/g, '\ufffd');
  return special.test(legal) ? legal.replace(/[&<>"'\r]/g, character => names[character]!) : legal;
}
