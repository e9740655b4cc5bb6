import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { loadConfig } from "../config.ts";
import { openDaemon } from "../daemon.ts";
import { serve } from "../serve.ts";

/** Prints the document with which a daemon describes its API; the window's types are made of it. */
const folder = await mkdtemp(join(tmpdir(), "haystack-types-"));
try {
  const config = loadConfig({ HTTP_PORT: "0", COMPUTE_PROCESSES: "1" }, folder);
  const daemon = await openDaemon(config, { sweeps: false, onTrouble: () => undefined });
  try {
    const server = await serve(config, daemon);
    process.stdout.write(JSON.stringify(server.app.swagger()));
    await server.close();
  } finally {
    await daemon.close();
  }
} finally {
  await rm(folder, { recursive: true, force: true });
}
