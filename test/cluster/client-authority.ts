import { execFile } from 'node:child_process';
import { join } from 'node:path';
import { promisify } from 'node:util';

/** Makes the certificates by which users prove who they are to the API server. */
export interface ClientAuthority {
  /** For `--client-ca-file`. */
  caFile: string;
  /** A certificate for a user in some groups, valid for a day. */
  issue(user: string, groups: string[]): Promise<{ certificateFile: string; keyFile: string }>;
}

/**
 * Makes a new authority whose files lie in `folder`. Needs openssl, as Node can read certificates but not make them.
 *
 * @throws Error when openssl is missing or fails.
 */
export async function createClientAuthority(folder: string): Promise<ClientAuthority> {
  const caFile = join(folder, 'client-ca.crt');
  const caKeyFile = join(folder, 'client-ca.key');
  await makeCertificate(caFile, caKeyFile, '/CN=test-clients', []);
  return {
    caFile,
    async issue(user, groups) {
      const certificateFile = join(folder, `${user}.crt`);
      const keyFile = join(folder, `${user}.key`);
      const subject = [...groups.map(group => `/O=${group}`), `/CN=${user}`].join('');
      const leaf = ['-CA', caFile, '-CAkey', caKeyFile, '-addext', 'basicConstraints=critical,CA:FALSE'];
      await makeCertificate(certificateFile, keyFile, subject, [...leaf, '-addext', 'extendedKeyUsage=clientAuth']);
      return { certificateFile, keyFile };
    },
  };
}

async function makeCertificate(file: string, keyFile: string, subject: string, more: string[]): Promise<void> {
  const key = ['-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:P-256', '-nodes', '-keyout', keyFile];
  const args = ['req', '-x509', ...key, '-out', file, '-days', '1', '-subj', subject, ...more];
  await promisify(execFile)('openssl', args).catch(error => {
    throw new Error(`Cannot make a client certificate with openssl: ${error.message}`);
  });
}
