import { execFileSync } from "node:child_process";
import { closeSync, fdatasyncSync, mkdtempSync, openSync, rmSync, writeSync } from "node:fs";
import { cpus, loadavg, tmpdir, totalmem } from "node:os";
import { join } from "node:path";

/**
 * What the figures depend on beside the program. `load` above 0 at the start means that other work
 * took part of the machine.
 */
export const machineFacts = () => ({
  node: process.version,
  cpu: cpus()[0]?.model ?? "unknown",
  cores: cpus().length,
  memory_gb: Math.round(totalmem() / 2 ** 30),
  load: loadavg().map((value) => Math.round(value * 10) / 10),
  fdatasync_ms: fdatasyncTime(),
});

/** Mean milliseconds of one appended and flushed page in the folder of the benchmark's files. */
function fdatasyncTime(): number {
  const folder = mkdtempSync(join(tmpdir(), "haystack-bench-"));
  try {
    const file = openSync(join(folder, "pages"), "w");
    const started = performance.now();
    for (let page = 0; page < 200; page++) {
      writeSync(file, Buffer.alloc(4096));
      fdatasyncSync(file);
    }
    closeSync(file);
    return Math.round((performance.now() - started) / 2) / 100;
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

/**
 * Compiles the library that slows every flush down; undefined where there is no compiler, or
 * another system than Linux.
 */
export function slowFsyncLibrary(folder: string): string | undefined {
  if (process.platform !== "linux") return undefined;
  const library = join(folder, "slow-fsync.so");
  try {
    execFileSync(
      "cc",
      [
        "-shared",
        "-fPIC",
        "-O1",
        "-o",
        library,
        join(import.meta.dirname, "durability-slow-fsync.c"),
        "-ldl",
      ],
      { stdio: "ignore" },
    );
    return library;
  } catch {
    return undefined;
  }
}
