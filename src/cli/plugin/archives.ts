/** What an archive of the plugin is for, in krew's words. */
export interface Platform {
  os: 'linux' | 'darwin';
  arch: 'amd64' | 'arm64';
}

/** An archive that was made. */
export interface Archive extends Platform {
  /** File name. */
  name: string;
  /** Hexadecimal. */
  sha256: string;
}

/** Linux brings its Node. There is no build of that version for macOS in the npm registry, so a Mac brings its own. */
export const platforms: readonly Platform[] = [
  { os: 'linux', arch: 'amd64' },
  { os: 'linux', arch: 'arm64' },
  { os: 'darwin', arch: 'amd64' },
  { os: 'darwin', arch: 'arm64' },
];

/** The npm package with the Node of a platform; undefined where the archive has none. */
export function nodePackage({ os, arch }: Platform): string | undefined {
  return os === 'linux' ? `node-linux-${arch === 'amd64' ? 'x64' : 'arm64'}` : undefined;
}

/** A package of the lock file, by its folder. */
export interface LockedPackage {
  /** `node_modules/pino`. */
  folder: string;
  version: string;
  /** As in `sha512-…`, base64. */
  integrity: string;
}

interface Lock {
  packages: Record<string, { version?: string; integrity?: string; dev?: boolean; devOptional?: boolean }>;
}

/** Packages that the product needs to run, without Node and what is for development alone. */
export function runtimePackages(lock: Lock): LockedPackage[] {
  return Object.entries(lock.packages)
    .filter(([folder, { dev, devOptional }]) => folder !== '' && !dev && !devOptional)
    .filter(([folder]) => !/^node_modules\/node-(linux|darwin)-\w+$/.test(folder))
    .map(([folder, { version = '', integrity = '' }]) => ({ folder, version, integrity }));
}

/** The plugin's manifest for krew; `uri` is the folder in the web from which the archives are downloaded. */
export function krewManifest(version: string, uri: string, archives: readonly Archive[]): object {
  return {
    apiVersion: 'krew.googlecontainertools.github.com/v1alpha2',
    kind: 'Plugin',
    metadata: { name: 'nlbports' },
    spec: {
      version: `v${version}`,
      homepage: uri,
      shortDescription: 'Ports of pods on shared AWS Network Load Balancers',
      description:
        'Audits the AWS resources of the operator nlbports, checks security groups, drains pools, and runs its sandbox.\n',
      caveats: 'On macOS it needs Node 24 or newer on the PATH. On Linux it brings its own.\n',
      platforms: archives.map(({ os, arch, name, sha256 }) => ({
        selector: { matchLabels: { os, arch } },
        uri: `${uri.replace(/\/$/, '')}/${name}`,
        sha256,
        bin: 'bin/kubectl-nlbports',
      })),
    },
  };
}
