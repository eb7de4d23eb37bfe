import { mkdirSync, writeFileSync } from 'node:fs';
import { dirname, resolve } from 'node:path';
import { parseArgs } from 'node:util';
import { startControlPlane } from './control-plane.ts';

// Keeps a control plane up for a person to work against, until Ctrl-C:
//   node_modules/.bin/node test/cluster/keep-control-plane.ts --folder /tmp/my-cluster
const { values } = parseArgs({
  options: { folder: { type: 'string' }, 'no-controller-manager': { type: 'boolean', default: false } },
});
const folder = values.folder === undefined ? undefined : resolve(values.folder);
if (folder !== undefined) mkdirSync(folder, { recursive: true });
const cluster = await startControlPlane({
  controllerManager: !values['no-controller-manager'],
  ...(folder === undefined ? {} : { folder }),
});
console.log(`API server:   ${cluster.url}`);
console.log(`export KUBECONFIG=${cluster.adminKubeconfig}`);
console.log(`export PATH=${dirname(cluster.kubectlPath)}:$PATH`);
writeFileSync(`${cluster.folder}/pid`, `${process.pid}\n`);
const end = async () => {
  await cluster.stop();
  process.exit(0);
};
process.once('SIGINT', end);
process.once('SIGTERM', end);
