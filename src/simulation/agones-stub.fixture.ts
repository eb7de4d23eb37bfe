/**
 * What stands for Agones in tests: definitions that serve GameServers and Fleets and take anything as their spec. Nothing of
 * Agones runs behind them, so a test makes pods of GameServers itself, as its controller does: same name, label
 * `agones.dev/gameserver`, the GameServer as controlling owner.
 */
export function agonesDefinitions(): object[] {
  return [definition('GameServer', 'gameservers', 'gs'), definition('Fleet', 'fleets', 'flt')];
}

function definition(kind: string, plural: string, shortName: string): object {
  const anything = { type: 'object', 'x-kubernetes-preserve-unknown-fields': true };
  return {
    apiVersion: 'apiextensions.k8s.io/v1',
    kind: 'CustomResourceDefinition',
    metadata: { name: `${plural}.agones.dev` },
    spec: {
      group: 'agones.dev',
      scope: 'Namespaced',
      names: { kind, listKind: `${kind}List`, plural, singular: kind.toLowerCase(), shortNames: [shortName] },
      versions: [
        {
          name: 'v1',
          served: true,
          storage: true,
          schema: { openAPIV3Schema: { type: 'object', properties: { spec: anything, status: anything } } },
        },
      ],
    },
  };
}

/** The labels and the owner that Agones gives the pod of a GameServer. */
export function gameServerPod({ metadata: { name, uid } }: { metadata: { name: string; uid?: string } }): object {
  return {
    labels: { 'agones.dev/role': 'gameserver', 'agones.dev/gameserver': name },
    ownerReferences: [
      { apiVersion: 'agones.dev/v1', kind: 'GameServer', name, uid, controller: true, blockOwnerDeletion: true },
    ],
  };
}
