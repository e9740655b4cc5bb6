import { expect, test } from "vitest";
import { haystack } from "../support/command-line.ts";
import { temporaryFolder } from "../support/hosted-runs.ts";

test("no error of a command says a configured secret, for a person or a program", async () => {
  const secret = "sk-0123456789abcdef";
  for (const env of [
    { OPENAI_API_KEY: secret },
    { INFERENCE_COMMAND: `predict --token ${secret}` },
    { BATCH_ENVIRONMENT: `HF_TOKEN=${secret}`, HTTP_PORT: "none" },
  ] as const) {
    const { code, stdout, stderr } = await haystack(
      ["status", secret, "--json", "--data-dir", await temporaryFolder()],
      { env },
    );
    expect([
      code === 0,
      stderr.startsWith("haystack: "),
      `${stdout}${stderr}`.includes(secret),
    ]).toEqual([false, true, false]);
  }
});
