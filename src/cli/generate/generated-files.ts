import { apiPage } from './api-page.ts';
import { chartFiles } from './chart/chart-files.ts';
import { cloudFormationFile } from './cloudformation-file.ts';
import { controllersPage } from './controllers-page.ts';
import { crdFiles } from './crd-files.ts';
import { dashboardFile } from './dashboard-file.ts';
import { helmPage } from './helm-page.ts';
import { checkPolicyFile, iamPage, policyFile } from './iam-page.ts';
import { metricsPage } from './metrics-page.ts';
import { optionsPage } from './options-page.ts';
import { troubleshootingPage } from './troubleshooting-page.ts';

/** Every file that is made from the sources, as it has to be: content by path from the repository's root. */
export function generatedFiles(root: string): Record<string, string> {
  return {
    ...crdFiles(),
    ...chartFiles(root),
    'docs/api.md': apiPage(),
    'docs/controllers.md': controllersPage(root),
    'docs/helm.md': helmPage(),
    'deploy/dashboards/nlbports.json': dashboardFile(),
    'deploy/iam/check-policy.json': checkPolicyFile(),
    'deploy/iam/cloudformation.yaml': cloudFormationFile(),
    'deploy/iam/policy.json': policyFile(),
    'docs/iam.md': iamPage(),
    'docs/metrics.md': metricsPage(),
    'docs/options.md': optionsPage(),
    'docs/troubleshooting.md': troubleshootingPage(root),
  };
}
