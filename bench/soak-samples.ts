import { readdir, readFile, stat } from "node:fs/promises";
import { join } from "node:path";

/** What a daemon and its folder hold at one moment. */
export interface Sample {
  /** Seconds since the beginning. */
  readonly at: number;
  /** Resident memory of the daemon alone; its compute processes come and go. */
  readonly rss_mb: number;
  readonly handles: number;
  readonly files: number;
  readonly disk_mb: number;
}

/** Files below the folder, and their bytes as the disk holds them. */
async function contents(folder: string): Promise<{ files: number; bytes: number }> {
  let files = 0;
  let bytes = 0;
  for (const entry of await readdir(folder, { recursive: true, withFileTypes: true })) {
    const found = await stat(join(entry.parentPath, entry.name)).catch(() => undefined);
    if (found?.isFile() !== true) continue; // gone meanwhile
    files += 1;
    bytes += found.blocks * 512;
  }
  return { files, bytes };
}

/** Linux only. Undefined while the process is not there. */
export async function sample(pid: number, folder: string, at: number): Promise<Sample | undefined> {
  try {
    const status = await readFile(`/proc/${pid}/status`, "latin1");
    const rss = /^VmRSS:\s+(\d+) kB/m.exec(status)?.[1];
    const handles = (await readdir(`/proc/${pid}/fd`)).length;
    const { files, bytes } = await contents(folder);
    return {
      at,
      rss_mb: Number(rss) / 1_024,
      handles,
      files,
      disk_mb: bytes / 1e6,
    };
  } catch {
    return undefined;
  }
}

export type Quantity = Exclude<keyof Sample, "at">;

/**
 * Growth per hour: the slope of the least-squares line, each process with an intercept of its own,
 * as memory and handles begin anew with it.
 */
export function slopePerHour(lives: readonly (readonly Sample[])[], of: Quantity): number {
  let products = 0;
  let squares = 0;
  for (const life of lives) {
    const mean = (value: (one: Sample) => number): number =>
      life.reduce((sum, one) => sum + value(one), 0) / life.length;
    const [meanAt, meanValue] = [mean(({ at }) => at), mean((one) => one[of])];
    for (const one of life) {
      products += (one.at - meanAt) * (one[of] - meanValue);
      squares += (one.at - meanAt) ** 2;
    }
  }
  return squares === 0 ? 0 : (3_600 * products) / squares;
}
