import { readFileSync } from "node:fs";
import { rename, writeFile } from "node:fs/promises";
import { type HaystackError, toHaystackError } from "../../errors.ts";
import type { Standing, SteadyClock } from "./steady.ts";

/** How often it is written how the clock stands: a set clock is followed by so much meanwhile. */
const EVERY_MS = 10_000;

/** Another one after each start of the machine; undefined where the machine does not say. */
function bootOfMachine(): string | undefined {
  try {
    return readFileSync("/proc/sys/kernel/random/boot_id", "latin1").trim();
  } catch {
    return undefined;
  }
}

function read(file: string, boot: string): Standing | undefined {
  try {
    const kept = JSON.parse(readFileSync(file, "utf8")) as Partial<Standing> & { boot?: unknown };
    const { uptime, shown } = kept;
    return kept.boot === boot && Number.isFinite(uptime) && Number.isFinite(shown)
      ? { uptime: uptime as number, shown: shown as number }
      : undefined;
  } catch {
    return undefined;
  }
}

/**
 * Has the clock of a daemon go on where the one before it stood, in `file`: what runs have stored
 * of times stays right when the machine's clock was set meanwhile. After a start of the machine it
 * begins anew. Resolves when nothing more is written.
 */
export function keepClock(
  clock: SteadyClock,
  file: string,
  onTrouble: (error: HaystackError) => void,
  boot = bootOfMachine(),
): () => Promise<void> {
  if (boot === undefined) return () => Promise.resolve();
  const earlier = read(file, boot);
  if (earlier !== undefined) clock.resume(earlier);
  let forget = (): void => undefined;
  let written = Promise.resolve();
  let isClosed = false;
  const write = async (): Promise<void> => {
    try {
      await writeFile(`${file}.new`, JSON.stringify({ boot, ...clock.standing() }));
      await rename(`${file}.new`, file);
    } catch (thrown) {
      onTrouble(toHaystackError(thrown));
    }
    if (!isClosed) forget = clock.after(EVERY_MS, keep);
  };
  const keep = (): void => void (written = write());
  keep();
  return () => {
    isClosed = true;
    forget();
    return written;
  };
}
