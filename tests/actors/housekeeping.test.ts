import { mkdir, readdir, rm, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { expect, onTestFinished, test } from "vitest";
import { createHousekeeping, type HousekeepingParts } from "../../actors/housekeeping.ts";
import { runOfJob } from "../../machines/job-id.ts";
import { openSqliteAccess } from "../../services/access/sqlite.ts";
import { forgetJobs } from "../../services/batch/local/forget-jobs.ts";
import { emlMail } from "../../services/mail/eml-file.ts";
import { systemClock } from "../../services/clock/system.ts";
import { directoryObjects } from "../../services/objects/directory/store.ts";
import type { RunStore } from "../../services/runs/index.ts";
import { openSqliteRuns } from "../../services/runs/sqlite/store.ts";
import { leased, NOW, sampleCommit, sampleRun } from "../services/runs-fixtures.ts";
import { temporaryFolder } from "../services/temporary-folder.ts";

const DAY = 86_400_000;
const ADA = "ada@example.org";
const BO = "bo@example.org";

/** Real store, objects, job folders and mails in one folder. */
async function household(changes: Partial<HousekeepingParts> = {}) {
  const folder = await temporaryFolder();
  const file = join(folder, "runs.sqlite");
  const runs = await openSqliteRuns({ file });
  onTestFinished(() => runs.close());
  const objects = directoryObjects({ root: join(folder, "objects") });
  const mail = emlMail({ folder: join(folder, "mail"), from: "h@example.org", clock: systemClock });
  const jobs = join(folder, "batch");
  const access = await openSqliteAccess({ file: join(folder, "access.sqlite") });
  onTestFinished(() => access.close());
  const parts: HousekeepingParts = {
    runs,
    objects,
    mail,
    batch: { forget: (isMeant) => forgetJobs(jobs, isMeant) },
    shares: access,
    now: () => NOW,
    removeLitter: () => Promise.resolve(),
    ...changes,
  };

  /** An ended run with working files, results, two jobs and a mail; `days` ago. */
  const put = async (id: string, days: number, user = ADA, status = "completed" as const) => {
    const at = new Date(NOW - days * DAY).toISOString();
    const run = sampleRun(id, { created_at: at, user_email: user });
    await runs.insert(run, leased);
    const document = { ...run, status, completed_at: at, updated_at: at };
    await runs.commit([sampleCommit(id, { document, attention_at: null })]);
    await runs.release([{ run_id: id, token: 1 }]);
    await objects.putText(`batch-io/${id}/iter_1/query.h5ad`, "x");
    await objects.putText(`results/${id}/${id}_report.html`, "x");
    await objects.putText(`found-predictions/user/digest/${id}.json`, "{}");
    for (const [name, state] of [
      [`hs-${id}-i1-p-a1`, "SUCCEEDED"],
      [`hs-${id}-i1-c-a1`, "RUNNING"],
    ] as const) {
      await mkdir(join(jobs, "jobs", name), { recursive: true });
      await writeFile(join(jobs, "jobs", name, "state.0.json"), JSON.stringify({ state, at: 0 }));
    }
    await access.share({ run_id: id, user: "cy@example.org", shared_by: user, shared_at: NOW });
    const message = { to: user, subject: "s", text: "t", html: "<p>t</p>" };
    await mail.send({ ...message, key: `${id}.run_completed.1` });
  };

  /** Everything that lies there of a run, by kind. */
  const kept = async (id: string): Promise<string[]> => {
    const found = [];
    if ((await runs.get(id)) !== undefined) found.push("run");
    for (const kind of ["batch-io", "results"])
      for await (const path of objects.list(`${kind}/${id}/`))
        found.push(path.slice(0, path.indexOf("/")));
    for await (const path of objects.list("found-predictions/"))
      if (path.endsWith(`/${id}.json`)) found.push("note");
    for (const name of await readdir(join(jobs, "jobs")))
      if (runOfJob(name) === id) found.push(name.slice(`hs-${id}-`.length));
    for (const name of await readdir(join(folder, "mail")))
      if (name.startsWith(`${id}.`)) found.push("mail");
    if ((await access.sharesOf(id)).length > 0) found.push("share");
    return found;
  };
  return { ...parts, folder, housekeeping: createHousekeeping(parts), put, kept, parts };
}

const WHOLE = ["run", "batch-io", "results", "note", "i1-c-a1", "i1-p-a1", "mail", "share"];

test("a run that is set aside goes only once none of its jobs runs any more", async () => {
  const asked: string[] = [];
  let isStopped = false;
  const stopJobs: HousekeepingParts["stopJobs"] = async ({ document }) => {
    asked.push(document.run_id);
    return isStopped;
  };
  const { housekeeping, put, kept, runs, parts } = await household({ stopJobs });
  await put("aside", 2);
  await put("sound", 2);
  const why = { code: "RECORD_UNREADABLE", message: "It is damaged.", at: NOW } as const;
  expect(await (runs as RunStore).setAside("aside", why)).toBe(true);
  const rule = { olderThanMs: DAY, keepsResults: false };
  expect(await housekeeping.prune(rule)).toMatchObject({ removed: ["sound"], busy: ["aside"] });
  await expect(housekeeping.remove("aside")).rejects.toMatchObject({ code: "RUN_STATE_FORBIDS" });
  const { stopJobs: _, ...others } = parts;
  await expect(createHousekeeping(others).remove("aside")).rejects.toMatchObject({
    code: "RUN_STATE_FORBIDS",
  });
  expect(await kept("aside")).toEqual(WHOLE);
  isStopped = true;
  await housekeeping.remove("aside");
  expect(await kept("aside")).toEqual(["i1-c-a1"]);
  expect(asked).toEqual(["aside", "aside", "aside"]);
});

test("a deleted run leaves nothing but a job that has not ended; a run whose id begins alike stays whole", async () => {
  const { housekeeping, put, kept } = await household();
  for (const id of ["r1", "r1-i1", "r12"]) await put(id, 1);
  await housekeeping.remove("r1");
  expect(await kept("r1")).toEqual(["i1-c-a1"]);
  for (const id of ["r1-i1", "r12"]) expect(await kept(id)).toEqual(WHOLE);
  await expect(housekeeping.remove("r1")).rejects.toMatchObject({ code: "RUN_NOT_FOUND" });
});

test("a run that has not ended is refused in one sentence, and nothing of it goes", async () => {
  const { housekeeping, runs, put, kept } = await household();
  await put("r1", 1);
  await (runs as Awaited<ReturnType<typeof openSqliteRuns>>).deliver("r1", {
    id: "e",
    event: { type: "retry.requested" },
  });
  await expect(housekeeping.remove("r1")).rejects.toMatchObject({
    code: "RUN_STATE_FORBIDS",
    message: expect.stringMatching(/^Run r1 has not ended/) as string,
  });
  expect(await kept("r1")).toEqual(WHOLE);
});

test("age, number of each user and number of all: a run goes that any limit means, the oldest first", async () => {
  const { housekeeping, put } = await household();
  for (const [id, days, user] of [
    ["a1", 9, ADA],
    ["a2", 5, ADA],
    ["a3", 3, ADA],
    ["b1", 8, BO],
    ["b2", 2, BO],
  ] as const)
    await put(id, days, user);
  const would = async (rule: Partial<Parameters<typeof housekeeping.prune>[0]>) =>
    (await housekeeping.prune({ keepsResults: false, isDryRun: true, ...rule })).removed;
  expect(await would({ olderThanMs: 4 * DAY })).toEqual(["a1", "b1", "a2"]);
  expect(await would({ mostPerUser: 2 })).toEqual(["a1"]);
  expect(await would({ most: 2 })).toEqual(["a1", "b1", "a2"]);
  expect(await would({ most: 4, olderThanMs: 7 * DAY })).toEqual(["a1", "b1"]);
  expect(await would({ mostPerUser: 1, most: 4 })).toEqual(["a1", "b1", "a2"]);
});

test("a dry run changes nothing, and says what the real one then does", async () => {
  const { housekeeping, put, kept } = await household();
  await put("old", 9);
  await put("young", 1);
  const rule = { olderThanMs: 5 * DAY, keepsResults: false };
  const told = await housekeeping.prune({ ...rule, isDryRun: true });
  expect(await kept("old")).toEqual(WHOLE);
  expect(await housekeeping.prune(rule)).toEqual(told);
  expect(await kept("old")).toEqual(["i1-c-a1"]);
  expect(await kept("young")).toEqual(WHOLE);
});

test("with results kept a completed run stands with its files, once, and a failed one goes", async () => {
  const { housekeeping, put, kept } = await household();
  await put("good", 9);
  await put("bad", 9, ADA, "failed" as "completed");
  const rule = { olderThanMs: DAY, keepsResults: true };
  expect(await housekeeping.prune(rule)).toEqual({ removed: ["bad"], thinned: ["good"], busy: [] });
  expect(await kept("good")).toEqual(["run", "results", "i1-c-a1", "mail", "share"]);
  expect(await kept("bad")).toEqual(["i1-c-a1"]);
  expect(await housekeeping.prune(rule)).toEqual({ removed: [], thinned: [], busy: [] });
  expect((await housekeeping.prune({ ...rule, keepsResults: false })).removed).toEqual(["good"]);
});

test("a run whose files cannot be removed, or whose jobs cannot be asked for, keeps no other", async () => {
  const refused = new Error("not permitted");
  const stopJobs: HousekeepingParts["stopJobs"] = () => Promise.reject(refused);
  const { parts, put, kept } = await household({ stopJobs });
  for (const [id, days] of [
    ["aside", 9],
    ["bad", 8],
    ["good", 7],
  ] as const)
    await put(id, days);
  const why = { code: "RECORD_UNREADABLE", message: "It is damaged.", at: NOW } as const;
  expect(await (parts.runs as RunStore).setAside("aside", why)).toBe(true);
  let litter = 0;
  const housekeeping = createHousekeeping({
    ...parts,
    objects: {
      list: (prefix) => parts.objects.list(prefix),
      remove: (path) =>
        path.includes("/bad/") ? Promise.reject(refused) : parts.objects.remove(path),
    },
    removeLitter: async () => void (litter += 1),
  });
  await expect(housekeeping.prune({ olderThanMs: DAY, keepsResults: false })).rejects.toBe(refused);
  expect(await kept("good")).toEqual(["i1-c-a1"]);
  expect(await kept("bad")).toEqual(["batch-io", "results", "i1-c-a1"]);
  expect(await kept("aside")).toEqual(WHOLE);
  await expect(housekeeping.clear()).rejects.toBe(refused);
  expect(litter).toBe(2);
});

test("what a removal could not clear is cleared later, wherever it stopped", async () => {
  const calls = 4;
  for (let failing = 0; failing < calls; failing++) {
    const { parts, put, kept } = await household();
    await put("r1", 9);
    let left = failing;
    const stop = <Result>(result: Result): Result => {
      if (left-- === 0) throw new Error("the plug");
      return result;
    };
    const broken = createHousekeeping({
      ...parts,
      shares: {
        forgetSharesOf: async (runIds) => stop(await parts.shares.forgetSharesOf(runIds)),
      },
      batch: { forget: async (isMeant) => stop(parts.batch.forget?.(isMeant)) },
      mail: { forget: async (isMeant) => stop(parts.mail.forget?.(isMeant)) },
      objects: {
        list: (prefix) => parts.objects.list(prefix),
        remove: async (path) => stop(parts.objects.remove(path)),
      },
    });
    await expect(broken.remove("r1")).rejects.toThrow("the plug");
    await createHousekeeping(parts).clear();
    expect(await kept("r1")).toEqual(["i1-c-a1"]);
    expect(await parts.runs.removal.leftovers(9)).toEqual([]);
  }
});

test("a job folder, a note or a mail that cannot be removed keeps back its own run alone", async () => {
  const { housekeeping, put, kept, runs, parts, folder } = await household();
  for (const id of ["job", "mail", "good"]) await put(id, 9);
  // What stands there is damaged, or no file.
  await writeFile(join(folder, "batch", "jobs", "hs-job-i1-p-a1", "state.0.json"), "half");
  const mail = join(folder, "mail", "mail.run_completed.1.eml");
  await rm(mail);
  await mkdir(mail);
  await expect(housekeeping.prune({ olderThanMs: DAY, keepsResults: false })).rejects.toThrow(
    "JSON",
  );
  expect(await kept("good")).toEqual(["i1-c-a1"]);
  expect(await kept("job")).toEqual(["i1-c-a1", "i1-p-a1"]);
  expect(await kept("mail")).toEqual(["i1-c-a1", "mail"]);
  const left = await runs.removal.leftovers(9);
  expect(left.map(({ run_id }) => run_id).toSorted()).toEqual(["job", "mail"]);

  const note = "found-predictions/user/digest/note.json";
  await put("note", 9);
  const refusing = createHousekeeping({
    ...parts,
    objects: {
      list: (prefix) => parts.objects.list(prefix),
      remove: (path) =>
        path === note ? Promise.reject(new Error("kept")) : parts.objects.remove(path),
    },
  });
  await put("fine", 9);
  await expect(refusing.prune({ olderThanMs: DAY, keepsResults: false })).rejects.toThrow("JSON");
  expect(await kept("fine")).toEqual(["i1-c-a1"]);
  expect(await kept("note")).toEqual(["note", "i1-c-a1"]);
});

test("shares that cannot be taken back hold up no files", async () => {
  const { parts, put, kept } = await household();
  await put("r1", 9);
  const shares = { forgetSharesOf: () => Promise.reject(new Error("no store")) };
  const housekeeping = createHousekeeping({ ...parts, shares });
  await expect(housekeeping.prune({ olderThanMs: DAY, keepsResults: false })).rejects.toThrow(
    "no store",
  );
  expect(await kept("r1")).toEqual(["i1-c-a1", "share"]);
  await createHousekeeping(parts).clear();
  expect(await kept("r1")).toEqual(["i1-c-a1"]);
});
