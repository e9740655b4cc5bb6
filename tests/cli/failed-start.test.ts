import { expect, onTestFinished, test } from "vitest";
import { haystack } from "../support/command-line.ts";
import { temporaryFolder } from "../support/hosted-runs.ts";
import { describeWithMongodb, startMongodb } from "../support/mongodb.ts";

describeWithMongodb("a start that fails with the run store open", () => {
  test.each([
    ["serve", 2],
    ["job", 1],
  ] as const)("%s says why and ends", async (command, exitCode) => {
    const server = await startMongodb();
    onTestFinished(() => server.stop());
    const env = {
      MONGODB_URI: server.uri,
      INFERENCE_COMMAND: "predict --without-places",
      RUN_ID: "r1",
      HTTP_PORT: "0",
    };
    const { code, stderr } = await haystack([command, "--data-dir", await temporaryFolder()], {
      env,
    });
    expect(stderr).toMatch(/^haystack: .*INFERENCE_COMMAND/m);
    expect(code).toBe(exitCode);
  });
});
