import { manyRooms } from './many-rooms.ts';

/** 1,000 rooms, twice with the same seed: prints the real time of each against its limit; exit code 1 above it. */
const limitSeconds = 60;
const hashes = new Set<string>();
for (const run of [1, 2]) {
  const startedMs = performance.now();
  const { hash, virtualSeconds } = await manyRooms(1, 1_000);
  const seconds = (performance.now() - startedMs) / 1_000;
  hashes.add(hash);
  console.log(
    `run ${run}: 1,000 rooms made, moved and ended: ${virtualSeconds.toFixed(0)} s of virtual time in ${seconds.toFixed(1)} s (limit ${limitSeconds} s), trace ${hash}`,
  );
  if (seconds > limitSeconds) process.exitCode = 1;
}
if (hashes.size !== 1) {
  console.log('The same seed gave two traces.');
  process.exitCode = 1;
}
