import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { stringify } from 'yaml';
import { type Archive, krewManifest, platforms } from './plugin/archives.ts';
import { makeArchive } from './plugin/make-archive.ts';
import { version } from './version.ts';

/**
 * `npm run plugin:pack -- --uri https://downloads.example.com/nlbports`: writes the archives of the kubectl plugin for each
 * platform, their sums, and the manifest for krew into `--to` (dist). `--uri` is where you will offer them.
 */
const { values } = parseArgs({
  options: {
    to: { type: 'string', default: 'dist' },
    uri: { type: 'string', default: 'https://downloads.example.com/nlbports' },
  },
});
const root = join(import.meta.dirname, '..', '..');

const archives: Archive[] = [];
for (const platform of platforms) {
  const archive = await makeArchive(root, platform, values.to);
  archives.push(archive);
  console.log(`${archive.sha256}  ${archive.name}`);
}
writeFileSync(join(values.to, 'SHA256SUMS'), archives.map(({ sha256, name }) => `${sha256}  ${name}\n`).join(''));
writeFileSync(join(values.to, 'nlbports.yaml'), stringify(krewManifest(version(), values.uri, archives)));
