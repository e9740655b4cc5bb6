import { expect, test } from "vitest";
import { composeMail } from "../../actors/mail/compose-mail.ts";
import { deliverMail } from "../../actors/mail/mail-delivery.ts";
import { HaystackError } from "../../errors.ts";
import { systemClock } from "../../services/clock/system.ts";
import { sendgridMail } from "../../services/mail/sendgrid.ts";
import type { MailService } from "../../services/mail/index.ts";
import type { OutboxEntry } from "../../services/runs/index.ts";
import { completedRun } from "../support/expected-runs.ts";
import { hostRuns, run, temporaryStore } from "../support/hosted-runs.ts";
import { scriptedEffects } from "../support/scripted-effects.ts";
import { SENDGRID_KEY, says, startSendgrid } from "../support/sendgrid-server.ts";

const now = () => Date.now();
const compose = composeMail(
  { name: "stack", is_baseline: false },
  { list: () => Promise.resolve([]) },
  systemClock,
  "https://haystack.example.org/",
);
const sendgrid = (baseUrl: string): MailService =>
  sendgridMail({
    apiKey: SENDGRID_KEY,
    baseUrl,
    from: "haystack@example.org",
    sandbox: false,
    timeoutMs: 30_000,
    clock: systemClock,
  });

test("a run completes and its mail arrives by SendGrid, with score and link", async () => {
  const [store, server] = [await temporaryStore(), await startSendgrid()];
  const { supervisor } = await hostRuns(store, scriptedEffects({ now, scores: [8] }), {
    mail: sendgrid(server.baseUrl),
    composeMail: compose,
  });
  const settled = supervisor.settled("r1");
  await supervisor.submit(run("r1"));
  expect(await settled).toMatchObject({ status: "completed" });
  expect((await store.get("r1"))?.outbox).toStrictEqual([
    {
      key: "r1.run_completed.1",
      kind: "run_completed",
      state: "sent",
      attempts: 1,
      due_at: expect.any(Number) as number,
      owed_since: expect.any(Number) as number,
      problem: null,
    },
  ]);
  const [{ body }] = server.requests as [(typeof server.requests)[number]];
  expect(body.subject).toBe("HAYSTACK run complete (score: 8/10)");
  expect(body.personalizations).toEqual([{ to: [{ email: "user@example.org" }] }]);
  for (const { value } of body.content)
    expect(value).toContain("https://haystack.example.org/run#r1");
});

test("SendGrid answers 400: the run is completed all the same, and the outbox says why", async () => {
  const [store, server] = [await temporaryStore(), await startSendgrid()];
  server.script(says(400, "The from email does not contain a valid address."));
  const { supervisor, troubles } = await hostRuns(store, scriptedEffects({ now }), {
    mail: sendgrid(server.baseUrl),
    composeMail: compose,
  });
  const settled = supervisor.settled("r1");
  await supervisor.submit(run("r1"));
  expect(await settled).toStrictEqual(completedRun(run("r1")));
  expect((await store.get("r1"))?.outbox).toStrictEqual([
    {
      key: "r1.run_completed.1",
      kind: "run_completed",
      state: "rejected",
      attempts: 1,
      due_at: expect.any(Number) as number,
      owed_since: expect.any(Number) as number,
      problem: expect.stringContaining("The from email does not contain a valid address") as string,
    },
  ]);
  expect(server.requests).toHaveLength(1);
  expect(troubles).toEqual([]);
});

test.each([null, "local"])("a run of %j owes no mail", async (user_email) => {
  const store = await temporaryStore();
  const { supervisor, mails } = await hostRuns(store, scriptedEffects({ now }));
  const settled = supervisor.settled("r1");
  await supervisor.submit({ ...run("r1"), user_email });
  expect(await settled).toMatchObject({ status: "completed" });
  expect((await store.get("r1"))?.outbox).toEqual([]);
  expect(mails).toEqual([]);
});

const OWED: OutboxEntry = {
  key: "r1.run_failed.1",
  kind: "run_failed",
  state: "owed",
  attempts: 0,
  due_at: 0,
  problem: null,
};

async function attemptsOf(
  details: Record<string, unknown>,
): Promise<{ readonly last: OutboxEntry; readonly pauses: readonly number[] }> {
  const service: MailService = {
    send: () =>
      Promise.reject(
        new HaystackError("MAIL_UNAVAILABLE", "SendGrid answered with status 503.", { details }),
      ),
    close: () => Promise.resolve(),
  };
  const pauses: number[] = [];
  let [time, entry] = [0, OWED];
  while (entry.state === "owed") {
    const present = time;
    entry = await deliverMail({ service, compose, now: () => present }, run("r1"), entry);
    if (entry.state === "owed") pauses.push(entry.due_at - time);
    time = entry.due_at;
  }
  return { last: entry, pauses };
}

test("a mail that cannot be sent is tried ever more slowly for a day, then shown as rejected", async () => {
  const { last, pauses } = await attemptsOf({});
  expect(pauses).toEqual(pauses.toSorted((a, b) => a - b));
  expect(pauses[0]).toBe(30_000);
  const hours = pauses.reduce((sum, pause) => sum + pause, 0) / 3_600_000;
  expect(hours).toBeGreaterThanOrEqual(24);
  expect(hours).toBeLessThan(26);
  expect(last).toStrictEqual({
    ...OWED,
    state: "rejected",
    attempts: pauses.length + 1,
    due_at: expect.any(Number) as number,
    problem: "SendGrid answered with status 503.",
  });
});

test("a wait that SendGrid asks for is kept, up to an hour", async () => {
  expect((await attemptsOf({ retry_after_ms: 120_000 })).pauses[0]).toBe(120_000);
  expect((await attemptsOf({ retry_after_ms: 86_400_000 })).pauses[0]).toBe(3_600_000);
});

test.each(["run_completed", "run_failed", "run_cancelled"] as const)(
  "%s links to the page of the run; without a public address there is no link",
  async (kind) => {
    const { text } = await compose(run("r1"), { ...OWED, kind });
    expect(text.split("\n")).toContain("See the run: https://haystack.example.org/run#r1");
    const unlinked = await composeMail(
      { name: "stack", is_baseline: false },
      { list: () => Promise.resolve([]) },
      systemClock,
    )(run("r1"), { ...OWED, kind });
    expect(unlinked.text + unlinked.html).not.toContain("http");
  },
);
