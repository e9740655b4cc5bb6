import { createHash } from "node:crypto";
import { globSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { build } from "vite";

/**
 * Builds the window into web/built, unless what lies there was built of the same sources by the same
 * packages.
 */
const MARK = join(import.meta.dirname, "built", "built-of.txt");
const root = join(import.meta.dirname, "..");

function sourcesNow(): string {
  const hash = createHash("sha256");
  const files = globSync("web/{*.ts,src/**/*.{ts,tsx,css,html,svg}}", { cwd: root });
  for (const file of ["package-lock.json", ...files.toSorted()])
    hash.update(`${file}\0`).update(readFileSync(join(root, file)));
  return hash.digest("hex");
}

function sourcesThen(): string | undefined {
  try {
    return readFileSync(MARK, "utf8");
  } catch {
    return undefined;
  }
}

export async function buildWindow(): Promise<void> {
  const now = sourcesNow();
  if (sourcesThen() === now) return;
  await build({ configFile: join(import.meta.dirname, "vite.config.ts") });
  writeFileSync(MARK, now);
}

if (import.meta.main) await buildWindow();
