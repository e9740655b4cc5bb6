import { expect, onTestFinished, test } from "vitest";
import { ADA, BO, pastRun, QUESTION, startApi } from "./api-harness.ts";

const PAUSED = { MAX_ACTIVE_RUNS: "1" };

test("what a run asks for beyond what the operator allows is refused, each setting by name", async () => {
  const server = await startApi({
    MAX_ITERATIONS: "3",
    MAX_CELLS: "2000",
    MAX_JOB_DEADLINE_SECONDS: "7200",
    MAX_GPU_USD_PER_RUN: "5",
  });
  onTestFinished(() => server.close());
  const ada = await server.caller(ADA);
  const ask = async (config: object) => {
    const answer = await ada.post("/runs", { query: QUESTION, config });
    return [answer.status, await answer.json()] as const;
  };
  const within = {
    max_iterations: 3,
    prompt_cells: 2_000,
    query_cells: 2_000,
    job_deadline_seconds: 7_200,
    max_gpu_cost_usd: 5,
  };
  expect((await ask(within))[0]).toBe(201);
  expect(await ask({ ...within, prompt_cells: 2_001, max_gpu_cost_usd: 5.01 })).toEqual([
    422,
    expect.objectContaining({
      error: "LIMIT_EXCEEDED",
      message:
        "The operator of this server allows less than this run asks for: prompt_cells is 2001 and may be 2000 (MAX_CELLS); max_gpu_cost_usd is 5.01 and may be 5 (MAX_GPU_USD_PER_RUN).",
      details: {
        limits: [
          { name: "prompt_cells", asked: 2_001, most: 2_000, ceiling: "MAX_CELLS" },
          { name: "max_gpu_cost_usd", asked: 5.01, most: 5, ceiling: "MAX_GPU_USD_PER_RUN" },
        ],
      },
    }),
  ]);
  for (const [name, more] of [
    ["max_iterations", 4],
    ["query_cells", 2_001],
    ["job_deadline_seconds", 7_201],
  ] as const)
    expect(await ask({ ...within, [name]: more })).toEqual([
      422,
      expect.objectContaining({
        message: expect.stringContaining(`: ${name} is ${more} and may be `),
      }),
    ]);
});

test("a user has so many runs waiting and no more, however they are sent; others have their own", async () => {
  const server = await startApi({ ...PAUSED, MAX_QUEUED_RUNS_PER_USER: "3" });
  onTestFinished(() => server.close());
  server.daemon.supervisor.pauseAdmission(true);
  const [ada, bo] = await Promise.all([server.caller(ADA), server.caller(BO)]);
  const answers = await Promise.all(
    Array.from({ length: 12 }, (_, index) =>
      ada.post("/runs", { query: QUESTION }, { "idempotency-key": `key-${index}` }),
    ),
  );
  const statuses = answers.map(({ status }) => status);
  expect(statuses.filter((status) => status === 201)).toHaveLength(3);
  expect(statuses.filter((status) => status === 429)).toHaveLength(9);
  const refused = answers.find(({ status }) => status === 429);
  expect(await refused?.json()).toMatchObject({
    error: "QUOTA_REACHED",
    message:
      "3 runs of this user wait to begin, and that is as many as may (MAX_QUEUED_RUNS_PER_USER); submit again when some have begun, or cancel some.",
    details: { limit: "MAX_QUEUED_RUNS_PER_USER", used: 3, allowed: 3 },
  });
  const taken = statuses.indexOf(201);
  const again = await ada.post("/runs", { query: QUESTION }, { "idempotency-key": `key-${taken}` });
  expect(again.status).toBe(200);
  expect((await bo.post("/runs", { query: QUESTION })).status).toBe(201);
});

test("a user's runs of a month spend so much on GPU jobs, then none is taken until the next", async () => {
  const server = await startApi({ ...PAUSED, MAX_GPU_USD_PER_USER_MONTH: "10" });
  onTestFinished(() => server.close());
  server.daemon.supervisor.pauseAdmission(true);
  const [ada, bo] = await Promise.all([server.caller(ADA), server.caller(BO)]);
  const now = new Date();
  const spent = (id: string, created_at: string, gpu_cost_usd: number) => {
    const document = pastRun(id, ADA, { created_at });
    return server.daemon.runs.insert({
      ...document,
      usage: { ...document.usage, gpu_cost_usd },
    });
  };
  await spent(
    "last-month",
    new Date(Date.UTC(now.getUTCFullYear(), now.getUTCMonth(), 0)).toISOString(),
    500,
  );
  await spent("this-month", now.toISOString(), 9.99);
  expect((await ada.post("/runs", { query: QUESTION })).status).toBe(201);
  await spent("one-more", now.toISOString(), 0.01);
  const refused = await ada.post("/runs", { query: QUESTION });
  expect([refused.status, await refused.json()]).toEqual([
    429,
    expect.objectContaining({
      error: "QUOTA_REACHED",
      message: expect.stringMatching(
        /^The runs that this user submitted this month have spent 10\.00 of 10\.00 USD on GPU jobs \(MAX_GPU_USD_PER_USER_MONTH\); submit again next month/,
      ),
      details: {
        limit: "MAX_GPU_USD_PER_USER_MONTH",
        used: 10,
        allowed: 10,
        resets_at: new Date(Date.UTC(now.getUTCFullYear(), now.getUTCMonth() + 1)).toISOString(),
      },
    }),
  ]);
  expect((await bo.post("/runs", { query: QUESTION })).status).toBe(201);
});
