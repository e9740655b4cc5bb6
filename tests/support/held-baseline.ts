import { execFileSync } from "node:child_process";
import { existsSync, watch } from "node:fs";
import { dirname } from "node:path";

/** The baseline as INFERENCE_COMMAND, `held-baseline.ts GATE --prompt P --query Q --output O`: it begins when the file GATE is there. */
const [, , gate = "", ...given] = process.argv;
const folder = dirname(gate);

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
execFileSync(process.execPath, ["science/inference/delta-transfer-main.ts", ...given], { stdio: "inherit" });
