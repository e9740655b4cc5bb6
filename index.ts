/** What other programs may use of the package (docs/as-a-package.md). */
export { newRunId, newSeed } from "./actors/new-run.ts";
export { type Config, loadConfig } from "./config.ts";
export { type Daemon, type DaemonOptions, openDaemon } from "./daemon.ts";
export { openWorkbench, type Workbench } from "./workbench.ts";
export { type ErrorCode, HaystackError } from "./errors.ts";
export { serve } from "./serve.ts";
export {
  newRun,
  type RunConfig,
  runConfigSchema,
  type RunDocument,
} from "./services/runs/document.ts";
