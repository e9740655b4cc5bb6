import { expect, test } from "vitest";
import { HaystackError } from "../../errors.ts";
import { manualClock } from "../../services/clock/manual.ts";
import { createLogger, logInstruments, logTroubles } from "../../insight/logging.ts";
import { traceIdOf } from "../../insight/trace-id.ts";
import { hostRuns, run, temporaryStore } from "../support/hosted-runs.ts";
import { scriptedEffects } from "../support/scripted-effects.ts";

function logged(level = "info", format: "json" | "plain" = "json") {
  const lines: string[] = [];
  return { lines, logger: createLogger({ level, format, write: (line) => void lines.push(line) }) };
}
const parse = (line: string) => JSON.parse(line) as Record<string, unknown>;

test("secrets are hidden wherever they stand", () => {
  const { lines, logger } = logged();
  logger.info(
    {
      authorization: "s3cret",
      headers: { authorization: "s3cret", cookie: "s3cret", "set-cookie": "s3cret" },
      request: { headers: { authorization: "s3cret", "x-goog-iap-jwt-assertion": "s3cret" } },
      given: { token: "s3cret", password: "s3cret", api_key: "s3cret" },
    },
    "a line",
  );
  logger.error(
    {
      err: Object.assign(new Error("failed"), {
        code: "X",
        config: { headers: { authorization: "s3cret" } },
      }),
    },
    "failed",
  );
  logger.info(
    { req: { method: "GET", url: "/api/v1/runs?token=s3cret", headers: { cookie: "s3cret" } } },
    "a request",
  );
  expect(lines).toHaveLength(3);
  expect(lines.join("")).not.toContain("s3cret");
  expect(parse(lines[2] ?? "")).toMatchObject({
    level: "info",
    req: { method: "GET", path: "/api/v1/runs" },
    msg: "a request",
  });
});

test("every line about a run has its id and its trace; the question is in none", async () => {
  const { lines, logger } = logged();
  const refused = new HaystackError(
    "QUESTION_NOT_UNDERSTOOD",
    `Nothing is known of "${run("r1").query}".`,
  );
  const { supervisor } = await hostRuns(
    await temporaryStore(),
    scriptedEffects({
      now: () => Date.now(),
      before: (effect) => (effect === "analyze" ? Promise.reject(refused) : undefined),
    }),
    { instruments: logInstruments(logger) },
  );
  const settled = supervisor.settled("r1");
  await supervisor.submit(run("r1"));
  await settled;
  await supervisor.stop();
  const about = lines.map(parse);
  expect(about.map(({ msg }) => msg)).toEqual(
    expect.arrayContaining([
      "run r1: queued -> analyzing",
      "run r1: step analyze failed with QUESTION_NOT_UNDERSTOOD",
      "run r1: mail r1.run_failed.1 was sent",
    ]),
  );
  for (const line of about) expect(line).toMatchObject({ run_id: "r1", trace_id: traceIdOf("r1") });
  expect(lines.join("")).not.toContain("B cells");
  expect(lines.join("")).not.toContain("user@example.org");
});

test("plain lines are words for a person", () => {
  const { lines, logger } = logged("info", "plain");
  logger.info({ url: "http://127.0.0.1:1" }, "haystack 12 hosts the runs of here");
  logTroubles(
    logger,
    manualClock(),
  )(new HaystackError("STORE_UNAVAILABLE", "The store cannot be reached; check it."));
  logger.debug("not shown");
  expect(lines).toEqual([
    "haystack 12 hosts the runs of here\n",
    "haystack: The store cannot be reached; check it.\n",
  ]);
});

test("a trouble that lasts is logged once a minute, with how often it came", () => {
  const { lines, logger } = logged("info", "plain");
  const clock = manualClock();
  const trouble = logTroubles(logger, clock);
  const away = new HaystackError("STORE_UNAVAILABLE", "The store is away.");
  for (let second = 0; second < 150; second++, clock.advance(1_000)) trouble(away);
  trouble(new HaystackError("DISK_FULL", "The disk is full."));
  clock.advance(120_000);
  trouble(away);
  expect(lines).toEqual([
    "haystack: The store is away.\n",
    "haystack: The store is away. (59 times more within a minute)\n",
    "haystack: The store is away. (60 times more within a minute)\n",
    "haystack: The disk is full.\n",
    "haystack: The store is away. (30 times more within a minute)\n",
    "haystack: The store is away.\n",
  ]);
  clock.advance(60_000);
  expect(clock.waiting).toBe(0);
});
