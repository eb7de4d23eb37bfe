// A matchmaker's view of the rooms: follows the pods of a pool, and prints every room that can be joined, or no longer can.
// It speaks plain HTTP to `kubectl proxy`; in a cluster, use a client library with the pod's own token.
//
//   kubectl proxy --port 8001 &
//   node examples/matchmaker/rooms.mjs http://127.0.0.1:8001 default game
const [, , api = 'http://127.0.0.1:8001', namespace = 'default', pool = 'game'] = process.argv;
const pods = `${api}/api/v1/namespaces/${namespace}/pods?labelSelector=nlbports.dev/pool%3D${pool}`;
const rooms = new Map();

for (;;) {
  try {
    await follow();
  } catch (error) {
    console.error(`Looking again in a second: ${error.message}`);
  }
  await new Promise(done => setTimeout(done, 1_000));
}

/** Lists the rooms and follows every change, until the API server ends the watch, as it does every few minutes. */
async function follow() {
  const list = await (await fetch(pods)).json();
  const present = new Set(list.items.map(pod => pod.metadata.name));
  // What went while nobody watched.
  for (const name of rooms.keys()) if (!present.has(name)) tell(name, undefined);
  for (const pod of list.items) tell(pod.metadata.name, endpointOf(pod));
  const watch = await fetch(`${pods}&watch=true&resourceVersion=${list.metadata.resourceVersion}`);
  let rest = '';
  for await (const chunk of watch.body.pipeThrough(new TextDecoderStream())) {
    const lines = (rest + chunk).split('\n');
    rest = lines.pop();
    for (const line of lines) {
      const { type, object } = JSON.parse(line);
      if (type === 'ERROR') return;
      if (type !== 'BOOKMARK') tell(object.metadata.name, type === 'DELETED' ? undefined : endpointOf(object));
    }
  }
}

/** Where players join; undefined until the room can be reached, and once it ends. */
function endpointOf({ metadata, status }) {
  const ready = status.conditions?.find(({ type }) => type === 'nlbports.dev/ready');
  const isLeaving = metadata.deletionTimestamp !== undefined;
  return ready?.status === 'True' && !isLeaving ? metadata.annotations?.['nlbports.dev/endpoint'] : undefined;
}

function tell(name, endpoint) {
  if (rooms.get(name) === endpoint) return;
  console.log(endpoint === undefined ? `- ${name}` : `+ ${name} ${endpoint}`);
  if (endpoint === undefined) rooms.delete(name);
  else rooms.set(name, endpoint);
}
