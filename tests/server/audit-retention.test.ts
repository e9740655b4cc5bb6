import { expect, onTestFinished, test } from "vitest";
import { openAccess } from "../../adapters/access.ts";
import { loadConfig } from "../../config.ts";
import { temporaryFolder } from "../support/hosted-runs.ts";
import { startTestServer } from "../support/server.ts";

const DAY_MS = 86_400_000;

test.each([
  ["2", ["run-new"]],
  [undefined, ["run-new", "run-old"]],
])("RETAIN_AUDIT_DAYS=%s keeps the records of %j", async (days, kept) => {
  const dataDir = await temporaryFolder();
  const access = await openAccess(loadConfig({}, dataDir));
  onTestFinished(() => access.close());
  const entry = { who: "ada@example.org", credential: "iap", action: "cancel", outcome: "done" };
  await access.recordAudit({ ...entry, at: Date.now() - 3 * DAY_MS, target: "run-old" });
  await access.recordAudit({ ...entry, at: Date.now() - DAY_MS, target: "run-new" });
  const { troubles, close } = await startTestServer({
    dataDir,
    env: days === undefined ? {} : { RETAIN_AUDIT_DAYS: days },
  });
  // Where nothing goes, it has not gone when the server has closed either.
  if (days === undefined) await close();
  await expect
    .poll(async () => (await access.listAudit({})).map(({ target }) => target))
    .toEqual(kept);
  expect(troubles).toEqual([]);
});
