import { generateKeyPairSync, sign } from 'node:crypto';

/** A certificate that nobody vouches for, and its key, both as PEM. */
export interface SelfSigned {
  cert: string;
  key: string;
}

/** Makes one for `example.com`, valid from 2020 to `notAfter` (a UTCTime such as `400101000000Z`). Node can't. */
export function selfSigned(notAfter = '400101000000Z'): SelfSigned {
  const { privateKey, publicKey } = generateKeyPairSync('ec', { namedCurve: 'prime256v1' });
  const name = sequence(set(sequence(hex('0603550403'), der(0x0c, Buffer.from('example.com')))));
  const algorithm = sequence(hex('06082a8648ce3d040302'));
  const content = sequence(
    hex('020101'),
    algorithm,
    name,
    sequence(der(0x17, Buffer.from('200101000000Z')), der(0x17, Buffer.from(notAfter))),
    name,
    publicKey.export({ type: 'spki', format: 'der' }),
  );
  const signature = Buffer.concat([Buffer.from([0]), sign('sha256', content, privateKey)]);
  const whole = sequence(content, algorithm, der(0x03, signature));
  const lines = whole.toString('base64').match(/.{1,64}/g)!;
  return {
    cert: ['-----BEGIN CERTIFICATE-----', ...lines, '-----END CERTIFICATE-----', ''].join('\n'),
    key: privateKey.export({ type: 'pkcs8', format: 'pem' }) as string,
  };
}

const hex = (text: string) => Buffer.from(text, 'hex');
const sequence = (...parts: Buffer[]) => der(0x30, Buffer.concat(parts));
const set = (...parts: Buffer[]) => der(0x31, Buffer.concat(parts));

/** One value of ASN.1 in its distinguished encoding. */
function der(tag: number, content: Buffer): Buffer {
  const { length } = content;
  const size = length < 128 ? [length] : length < 256 ? [0x81, length] : [0x82, length >> 8, length & 255];
  return Buffer.concat([Buffer.from([tag, ...size]), content]);
}
