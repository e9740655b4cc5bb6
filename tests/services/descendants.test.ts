import { spawn } from "node:child_process";
import { mkdir, rmdir } from "node:fs/promises";
import { expect, onTestFinished, test } from "vitest";
import {
  keepDescendants,
  keptIn,
  livingDescendants,
} from "../../services/batch/local/descendants.ts";
import { describeWith } from "../support/describe-with.ts";
import { PROCESSES } from "../support/real-parts.ts";
import { temporaryFolder } from "./temporary-folder.ts";

describeWith(PROCESSES)("the processes that a program begins", () => {
  test("are kept as soon as they can be written down, also where that failed at first", async () => {
    const folder = await temporaryFolder();
    const inTheWay = await keptIn(folder);
    await mkdir(inTheWay);
    const program = spawn("sleep", ["600"]);
    onTestFinished(() => void program.kill("SIGKILL"));
    const stop = keepDescendants(program.pid!, folder);
    // Its looks end after the first look of the other.
    await keepDescendants(program.pid!, folder)();
    await rmdir(inTheWay);
    await expect.poll(() => livingDescendants(folder)).toEqual([program.pid]);
    await stop();
  });
});
