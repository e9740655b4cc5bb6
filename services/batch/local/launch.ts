import { spawn } from "node:child_process";
import { open } from "node:fs/promises";
import { join } from "node:path";
import { ownProgram } from "../../../own-files.ts";
import { JOB_MARK, markOf } from "./process.ts";

const RUNNER = ownProgram("services/batch/local/job-runner.ts");

/**
 * What an inference program may need to know of this machine; nothing else is handed on, so no
 * secrets.
 */
const HANDED_ON =
  /^(PATH|HOME|USER|LANG|LC_\w+|TZ|TMPDIR|LD_LIBRARY_PATH|NODE_COMPILE_CACHE|NODE_OPTIONS|PYTHONPATH|VIRTUAL_ENV|CONDA_PREFIX|XDG_CACHE_HOME|HF_HOME|HF_HUB_OFFLINE|TORCH_HOME|(CUDA|NVIDIA|ROCR|HIP|OMP|MKL)_\w+)$/;

/**
 * Starts the job's runner, which outlives this process; what it says goes to runner.log in the
 * job's folder. `gone` is called when it has ended.
 */
export async function launchRunner(root: string, folder: string, gone: () => void): Promise<void> {
  const log = await open(join(folder, "runner.log"), "a");
  try {
    const handedOn = Object.entries(process.env).filter(([name]) => HANDED_ON.test(name));
    const child = spawn(process.execPath, [RUNNER, root, folder], {
      detached: true,
      stdio: ["ignore", log.fd, log.fd],
      env: { ...Object.fromEntries(handedOn), [JOB_MARK]: await markOf(folder) },
    });
    child.once("exit", gone);
    child.once("error", gone);
    child.unref();
  } finally {
    await log.close();
  }
}
