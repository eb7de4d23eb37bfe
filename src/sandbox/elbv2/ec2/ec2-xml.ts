import { escapeXml, fieldsXml, type XmlObject } from '../xml.ts';

const namespace = 'http://ec2.amazonaws.com/doc/2016-11-15/';

/** The body of an answer of EC2: no result element, and lists of `<item>`. */
export function ec2SuccessXml(action: string, result: XmlObject, requestId: string): string {
  return (
    `<${action}Response xmlns="${namespace}"><requestId>${requestId}</requestId>` +
    `${fieldsXml(result, 'item')}</${action}Response>`
  );
}

/** The body of an answer of EC2 that says no (EC2 API reference, "Error codes", D). */
export function ec2ErrorXml(error: { code: string; message: string }, requestId: string): string {
  return (
    `<Response><Errors><Error><Code>${escapeXml(error.code)}</Code><Message>${escapeXml(error.message)}</Message>` +
    `</Error></Errors><RequestID>${requestId}</RequestID></Response>`
  );
}
