import { mkdir, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { expect, onTestFinished, test } from "vitest";
import type { HaystackError } from "../../errors.ts";
import { openTraces } from "../../insight/traces.ts";
import { openSqliteAccess } from "../../services/access/sqlite.ts";
import { googleBatch } from "../../services/batch/google/service.ts";
import { systemClock } from "../../services/clock/system.ts";
import { googlePubsubEvents } from "../../services/job-events/google/events.ts";
import { sendgridMail } from "../../services/mail/sendgrid.ts";
import { googleObjects } from "../../services/objects/google/store.ts";
import { openMongoRuns } from "../../services/runs/mongodb/store.ts";
import { openSqliteRuns } from "../../services/runs/sqlite/store.ts";
import { freePort } from "../support/free-port.ts";
import { hostRuns, run, temporaryStore } from "../support/hosted-runs.ts";
import { scriptedEffects } from "../support/scripted-effects.ts";
import { SENDGRID_KEY } from "../support/sendgrid-server.ts";
import { googleHarness } from "./google-batch-harness.ts";
import { temporaryFolder } from "./temporary-folder.ts";

/**
 * What drivers and clients say of a failure goes to whoever reads the code, as the cause; a user is
 * told in our words.
 */

const MARKS_OF_LIBRARIES = /\bE[A-Z]{4,}\b|ERR_|getaddrinfo|errno|Error:|gaxios|undefined|\d{5} ms/;

const thrownBy = async (work: () => Promise<unknown>): Promise<HaystackError> => {
  try {
    await work();
  } catch (thrown) {
    return thrown as HaystackError;
  }
  throw new Error("It did not fail.");
};

const garbageFile = async (): Promise<string> => {
  const file = join(await temporaryFolder(), "store.sqlite");
  await writeFile(file, "This was a database once.".repeat(400));
  return file;
};
const folderAsFile = async (): Promise<string> => {
  const file = join(await temporaryFolder(), "store.sqlite");
  await mkdir(file);
  return file;
};

const mongo = (uri: string) => openMongoRuns({ uri, database: "nowhere" });
const mail = (baseUrl: string) =>
  sendgridMail({
    apiKey: SENDGRID_KEY,
    baseUrl,
    from: "haystack@example.org",
    sandbox: false,
    timeoutMs: 5_000,
    clock: systemClock,
  }).send({ key: "k", to: "a@example.org", subject: "s", text: "t", html: "h" });

const FAILURES: Readonly<Record<string, readonly [string, () => Promise<unknown>]>> = {
  "runs in a file that is no database": [
    "it is no file of SQLite",
    async () => (await openSqliteRuns({ file: await garbageFile() })).list({}),
  ],
  "runs in a folder": [
    "it cannot be opened",
    async () => (await openSqliteRuns({ file: await folderAsFile() })).list({}),
  ],
  "tokens in a file that is no database": [
    "it is no SQLite database",
    async () => openSqliteAccess({ file: await garbageFile() }),
  ],
  "tokens in a folder": [
    "it is a folder",
    async () => openSqliteAccess({ file: await folderAsFile() }),
  ],
  "no MongoDB at the port": [
    "nothing listens there",
    async () => mongo(`mongodb://127.0.0.1:${await freePort()}/`),
  ],
  "no connection string": ["write it like mongodb://", () => mongo("http://127.0.0.1:1")],
  "an option that MongoDB does not have": [
    "with options that MongoDB has",
    () => mongo("mongodb://127.0.0.1:1/?nosuch=1"),
  ],
  "no Batch at the port": [
    "nothing listens there",
    async () => {
      const { options, server } = await googleHarness();
      await server.close();
      // A call of a busy machine takes a while to be refused.
      const batch = googleBatch({ ...options, patienceMs: 6_000 });
      onTestFinished(() => batch.close());
      return batch.get("j");
    },
  ],
  "no credentials for Batch": [
    "this machine has no credentials that can be used",
    async () => {
      const { options } = await googleHarness();
      const { endpoint: _, ...atGoogle } = options;
      const before = process.env["GOOGLE_APPLICATION_CREDENTIALS"];
      process.env["GOOGLE_APPLICATION_CREDENTIALS"] = "/nowhere/key.json";
      onTestFinished(() => {
        if (before === undefined) delete process.env["GOOGLE_APPLICATION_CREDENTIALS"];
        else process.env["GOOGLE_APPLICATION_CREDENTIALS"] = before;
      });
      const batch = googleBatch(atGoogle);
      onTestFinished(() => batch.close());
      return batch.get("j");
    },
  ],
  "no bucket at the port": [
    "nothing listens there",
    async () =>
      googleObjects({
        bucket: "b",
        cacheDir: await temporaryFolder(),
        cacheBytes: 1_000,
        projectId: "p",
        emulatorUrl: `http://127.0.0.1:${await freePort()}`,
        retry: { attempts: 2, firstMs: 1, longestMs: 2 },
      }).stat("a/b"),
  ],
  "no Pub/Sub at the port": [
    "nothing listens there",
    async () => {
      const port = await freePort();
      const trouble = Promise.withResolvers<never>();
      const events = await googlePubsubEvents({
        projectId: "p",
        topic: "t",
        subscription: "s",
        create: true,
        answerSeconds: 1,
        emulatorHost: `127.0.0.1:${port}`,
        clock: systemClock,
        onTrouble: (error) => trouble.reject(error),
      });
      onTestFinished(() => events.close());
      return trouble.promise;
    },
  ],
  "no SendGrid at the port": [
    "nothing listens there",
    async () => mail(`http://127.0.0.1:${await freePort()}`),
  ],
  "no collector of traces at the port": [
    "nothing listens there",
    async () => {
      const troubles: HaystackError[] = [];
      const traces = openTraces({
        endpoint: `http://127.0.0.1:${await freePort()}`,
        headers: {},
        service: { name: "haystack", version: "1.2.3" },
        now: () => Date.now(),
        onTrouble: (error) => troubles.push(error),
      });
      const { supervisor } = await hostRuns(
        await temporaryStore(),
        scriptedEffects({ now: () => Date.now() }),
        { instruments: traces.instruments },
      );
      const settled = supervisor.settled("r1");
      await supervisor.submit(run("r1"));
      await settled;
      await traces.close();
      throw troubles[0] ?? new Error("No trouble was told.");
    },
  ],
};

test.each(Object.entries(FAILURES))(
  "%s: the failure is told in our words",
  async (_, [words, work]) => {
    const error = await thrownBy(work);
    expect(error.message).toContain(words);
    expect(error.message).not.toMatch(MARKS_OF_LIBRARIES);
    for (let cause = error.cause; cause instanceof Error; cause = cause.cause)
      expect(error.message).not.toContain(cause.message.replace(/\.$/, ""));
  },
  60_000,
);
