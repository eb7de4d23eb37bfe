/** `text` in at most `maxBytes` bytes of UTF-8: whole where it fits, else cut between two characters, with `…` at its end. */
export function cutUtf8(text: string, maxBytes: number): string {
  if (Buffer.byteLength(text) <= maxBytes) return text;
  const mark = maxBytes >= 3 ? '…' : '';
  const bytes = Buffer.from(text);
  let end = maxBytes - Buffer.byteLength(mark);
  // A byte of the form 10xxxxxx goes on with a character that began before it.
  while (end > 0 && (bytes[end]! & 0xc0) === 0x80) end -= 1;
  return bytes.toString('utf8', 0, end) + mark;
}
