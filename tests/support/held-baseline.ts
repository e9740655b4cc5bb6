import { execFileSync } from "node:child_process";
import { appendFileSync, existsSync, watch } from "node:fs";
import { dirname } from "node:path";

/**
 * The baseline as INFERENCE_COMMAND, `held-baseline.ts GATE --prompt P --query Q --output O`: it
 * begins when the file GATE is there. GATE.begun has a line for each time that it was started: what
 * it predicts.
 */
const [, , gate = "", ...given] = process.argv;
const folder = dirname(gate);
appendFileSync(`${gate}.begun`, `${given.at(-1)}\n`);

await new Promise<void>((opened) => {
  const look = (): void => {
    // A test that has ended leaves nothing waiting.
    if (!existsSync(folder)) process.exit(1);
    if (!existsSync(gate)) return;
    watcher.close();
    opened();
  };
  const watcher = watch(folder, look);
  look();
});
execFileSync(process.execPath, ["science/inference/delta-transfer-main.ts", ...given], {
  stdio: "inherit",
});
