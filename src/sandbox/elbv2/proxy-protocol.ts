import { isIPv4 } from 'node:net';
import type { Endpoint } from '../network.ts';
import { ipv4Number } from '../network-map.ts';

const signature = Buffer.from('0d0a0d0a000d0a515549540a', 'hex');

/**
 * The header of PROXY protocol version 2 for a TCP connection over IPv4 (D, haproxy's specification, section 2.2);
 * other addresses get the `LOCAL` form that says nothing.
 */
export function proxyProtocolHeader(client: Endpoint, destination: Endpoint): Uint8Array {
  if (!isIPv4(client.host) || !isIPv4(destination.host))
    return Buffer.concat([signature, Buffer.from([0x20, 0x00, 0x00, 0x00])]);
  const header = Buffer.alloc(28);
  signature.copy(header);
  header.writeUInt8(0x21, 12);
  header.writeUInt8(0x11, 13);
  header.writeUInt16BE(12, 14);
  header.writeUInt32BE(ipv4Number(client.host)!, 16);
  header.writeUInt32BE(ipv4Number(destination.host)!, 20);
  header.writeUInt16BE(client.port, 24);
  header.writeUInt16BE(destination.port, 26);
  return header;
}
