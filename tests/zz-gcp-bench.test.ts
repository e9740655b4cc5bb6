import { writeFile, rm } from "node:fs/promises";
import { test } from "vitest";
import { startGcs } from "./support/gcs-server.ts";
import { startPubsubEmulator } from "./support/pubsub-emulator.ts";
import { openStorage } from "./services/google-storage-harness.ts";
import { openPubsub } from "./services/google-pubsub-harness.ts";
test("pubsub", async () => {
  const e = await startPubsubEmulator();
  const { events, publish } = await openPubsub(e.host);
  const sent = new Map<string, number>(); const lat: number[] = []; let done = Promise.withResolvers<void>(); let want = 0;
  await events.subscribe(async ({ job_id }) => { lat.push(performance.now() - (sent.get(job_id) ?? 0)); if (lat.length === want) done.resolve(); });
  for (const n of [100, 1000, 1000]) { lat.length = 0; want = n; done = Promise.withResolvers(); const s = performance.now();
    await Promise.all(Array.from({ length: n }, (_, i) => { const id = `j${n}-${i}`; sent.set(id, performance.now()); return publish(id, "SUCCEEDED"); }));
    await done.promise; lat.sort((a, b) => a - b); console.log("burst", n, "p50", lat[n >> 1], "p99", lat[Math.floor(n * 0.99)], "total", performance.now() - s, JSON.stringify(events.counters())); }
  lat.length = 0; want = 200; done = Promise.withResolvers(); for (let i = 0; i < 200; i++) { sent.set(`s${i}`, performance.now()); await publish(`s${i}`, "SUCCEEDED"); } await done.promise; lat.sort((a, b) => a - b); console.log("sequential p50", lat[100], "p99", lat[198]);
  await events.close(); await e.stop();
});
test("gcs", async () => {
  const s = await startGcs();
  const { objects } = await openStorage(s);
  const file = "/tmp/gcs-go/big.bin"; const size = 300 << 20; await writeFile(file, Buffer.alloc(size, 7));
  globalThis.gc?.();
  const base = process.memoryUsage(); let peak = 0; const t = setInterval(() => { const m = process.memoryUsage(); peak = Math.max(peak, m.arrayBuffers); }, 20);
  let b = performance.now(); const ref = await objects.put("big", file); console.log("put MB/s", 300 / ((performance.now() - b) / 1000), "peak arrayBuffers MB", peak / 1e6, base.arrayBuffers / 1e6); peak = 0;
  b = performance.now(); await objects.fetch(ref); console.log("fetch MB/s", 300 / ((performance.now() - b) / 1000), "peak", peak / 1e6);
  b = performance.now(); await objects.fetch(ref); console.log("cached fetch ms", performance.now() - b);
  const l: number[] = []; for (let i = 0; i < 50; i++) { const x = performance.now(); await objects.putText(`t/${i}`, "x".repeat(1000)); l.push(performance.now() - x); } l.sort((a, c) => a - c); console.log("putText p50", l[25]);
  clearInterval(t); await rm(file); await objects.close(); await s.stop();
});
