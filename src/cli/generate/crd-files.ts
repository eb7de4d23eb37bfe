import { stringify } from 'yaml';
import { customResourceDefinitions } from '../../api/crd.ts';

// kubectl reads YAML 1.1, where an unquoted `on` is the boolean true.
const yamlStyle = { version: '1.1', lineWidth: 0, aliasDuplicateObjects: false } as const;

/** The CustomResourceDefinitions of `deploy/crds/`. */
export function crdFiles(): Record<string, string> {
  return Object.fromEntries(
    Object.entries(customResourceDefinitions()).map(([name, definition]) => [
      `deploy/crds/${name}`,
      `# Generated from src/api by "npm run generate".\n${stringify(definition, yamlStyle)}`,
    ]),
  );
}
