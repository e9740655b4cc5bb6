import { readFile, readdir } from "node:fs/promises";
import { basename, join } from "node:path";
import { createServer, request } from "node:http";
import type { AddressInfo } from "node:net";
import { afterAll, beforeAll, expect, onTestFinished, test } from "vitest";
import { openRuns } from "../../adapters/runs.ts";
import { openH5ad } from "../../science/anndata/open.ts";
import { newRun, runDocumentSchema, type RunDocument } from "../../services/runs/document.ts";
import {
  ADA,
  BO,
  ENDLESS_COMMAND,
  pastRun,
  QUESTION,
  startApi,
  type ApiServer,
} from "../server/api-harness.ts";
import { haystack, type Outcome } from "../support/command-line.ts";
import { daemonPlace } from "../support/daemon-process.ts";
import { freePort } from "../support/free-port.ts";
import { TIME } from "../support/expected-runs.ts";
import { temporaryFolder } from "../support/hosted-runs.ts";

const QUICK = ["--max-iterations", "1", "--control-strategy", "query_as_control"];

let server: ApiServer;
let adaToken: string;

beforeAll(async () => {
  server = await startApi({}, { withAtlas: true });
  adaToken = await server.token(ADA);
});
afterAll(() => server.close());

/** The command line as a user of that server. */
const at =
  ({ url }: { readonly url: string }, token: string) =>
  (...args: string[]): Promise<Outcome> =>
    haystack(args, { env: { HAYSTACK_SERVER: url, HAYSTACK_TOKEN: token } });
/** Without what commands tell of a run beside its document. */
const documentOf = ({ stdout }: Outcome): RunDocument =>
  runDocumentSchema.parse(JSON.parse(stdout));
/** The mail that follows a run's end changes the time of its last update. */
const untimed = (document: RunDocument | undefined): Partial<RunDocument> => ({
  ...document,
  updated_at: "",
});

const stored = async (on: ApiServer, runId: string): Promise<RunDocument | undefined> =>
  (await on.daemon.runs.get(runId))?.document;

/** Acts once on stderr that holds a text. */
function once(
  part: string,
  act: (kill: (signal: NodeJS.Signals) => void) => void,
): (text: string, kill: (signal: NodeJS.Signals) => void) => void {
  let isDone = false;
  return (text, kill) => {
    if (isDone || !text.includes(part)) return;
    isDone = true;
    act(kill);
  };
}

test("run answers a question at the server, shows its way and puts the three files here", async () => {
  const folder = join(await temporaryFolder(), "results");
  const { code, stdout, stderr } = await at(server, adaToken)(
    "run",
    QUESTION,
    ...QUICK,
    "--seed",
    "7",
    "--output",
    folder,
    "--json",
  );
  const printed = documentOf({ code, stdout, stderr });
  const { run_id } = printed;
  const atServer = await stored(server, run_id);
  expect([code, atServer?.user_email, atServer?.random_seed]).toEqual([0, ADA, 7]);
  const files = ["predictions.h5ad", "report.html", "log.json"].map((name) =>
    join(folder, `${run_id}_${name}`),
  );
  expect(untimed(printed)).toEqual({
    ...untimed(atServer),
    output_anndata_path: files[0],
    output_report_path: files[1],
    output_log_path: files[2],
  });
  for (const file of files)
    expect(await readFile(file)).toEqual(
      await readFile(
        await server.daemon.objects.fetch({ path: `results/${run_id}/${basename(file)}` }),
      ),
    );
  expect((await readdir(folder)).length).toBe(3);
  expect(await openH5ad(files[0] ?? "")).toBeDefined();
  const lines = stderr.trim().split("\n");
  expect(lines.at(-1)).toMatch(new RegExp(`^${run_id}: completed, score \\d+$`));
  expect(lines).toContain(`${run_id}: iteration 1, predicting`);
  expect(new Set(lines).size).toBe(lines.length);
});

test("submit, list and status print what the local commands print", async () => {
  const run = at(server, adaToken);
  const submitted = documentOf(
    await run("submit", QUESTION, ...QUICK, "--dataset", "simulated", "--json"),
  );
  expect(submitted).toStrictEqual({
    ...newRun({
      run_id: submitted.run_id,
      query: QUESTION,
      user_email: ADA,
      config: {
        datasets: ["simulated"],
        max_iterations: 1,
        control_strategy: "query_as_control",
      },
      random_seed: submitted.random_seed,
      now: 0,
    }),
    created_at: TIME,
    updated_at: TIME,
  });
  const watched = await run("watch", submitted.run_id, "--transitions", "--json");
  expect([watched.code, untimed(documentOf(watched))]).toEqual([
    0,
    untimed(await stored(server, submitted.run_id)),
  ]);
  const locally = (...args: string[]): Promise<Outcome> =>
    haystack([...args, "--data-dir", server.config.dataDir]);
  const asJson = await run("status", submitted.run_id, "--json");
  expect([asJson.code, untimed(documentOf(asJson))]).toEqual([
    0,
    untimed(documentOf(await locally("status", submitted.run_id, "--json"))),
  ]);
  expect((await run("status", submitted.run_id)).stdout).toBe(
    (await locally("status", submitted.run_id)).stdout,
  );
  const again = await locally("watch", submitted.run_id, "--transitions", "--json");
  const transitions = ({ stderr }: Outcome): string[] =>
    stderr.split("\n").filter((line) => line.includes(" -> "));
  expect([again.code, untimed(documentOf(again)), transitions(again)]).toEqual([
    0,
    untimed(documentOf(watched)),
    transitions(watched),
  ]);
  expect(transitions(again)).toHaveLength(
    (await server.daemon.runs.history(submitted.run_id)).length,
  );
  const listed = async (command: Promise<Outcome>): Promise<object[]> =>
    (JSON.parse((await command).stdout) as { runs: RunDocument[] }).runs
      .filter(({ user_email }) => user_email === ADA)
      .map(untimed);
  const all = await listed(run("list", "--json"));
  expect(all).toEqual(await listed(locally("list", "--json")));
  const { stdout } = await run("list", "--limit", "1");
  expect(stdout.split("\n")).toEqual([
    expect.stringMatching(/^run +status +phase +score +created +question$/),
    expect.stringContaining(submitted.run_id),
    "",
  ]);
});

test("submit --wait ends with the run", async () => {
  const { code, stdout } = await at(server, adaToken)("submit", QUESTION, ...QUICK, "--wait");
  expect([code, stdout]).toEqual([
    0,
    expect.stringMatching(
      /^run-\w+: completed, score \d+\/10[^\n]*\nWhat it rests on:\n! Baseline/,
    ),
  ]);
});

test("a run that fails is followed to its failure, resumed with retry, and fails again", async () => {
  const run = at(server, adaToken);
  const submitted = await run(
    "submit",
    "How would flurbocytes respond to IFN-beta?",
    "--wait",
    "--json",
  );
  const failed = documentOf(submitted);
  expect([submitted.code, failed.status]).toEqual([1, "failed"]);
  const retried = await run("retry", failed.run_id, "--json");
  expect([retried.code, untimed(documentOf(retried))]).toEqual([
    1,
    untimed(await stored(server, failed.run_id)),
  ]);
  expect(
    (await server.daemon.runs.history(failed.run_id)).filter(
      ({ event }) => event === "retry.requested",
    ),
  ).toHaveLength(1);
});

test("Ctrl-C ends a watch, not its run; cancel waits until the job has stopped", async () => {
  const endless = await startApi({ INFERENCE_COMMAND: ENDLESS_COMMAND }, { withAtlas: true });
  try {
    const token = await endless.token(ADA);
    const run = at(endless, token);
    const { run_id } = documentOf(await run("submit", QUESTION, ...QUICK, "--json"));
    const watched = await haystack(["watch", run_id, "--server", endless.url], {
      env: { HAYSTACK_TOKEN: token },
      onStderr: once("predicting\n", (kill) => kill("SIGINT")),
    });
    expect([watched.code, watched.stdout, watched.stderr]).toEqual([
      130,
      "",
      expect.stringContaining("The run continues") as unknown,
    ]);
    expect(await stored(endless, run_id)).toMatchObject({
      status: "running",
      current_phase: "inference",
    });
    const following = run("watch", run_id, "--json");
    const cancelled = await run("cancel", run_id, "--json");
    const document = untimed(await stored(endless, run_id));
    expect([cancelled.code, untimed(documentOf(cancelled))]).toEqual([0, document]);
    expect([document.status, document.current_phase]).toEqual(["cancelled", null]);
    const followed = await following;
    expect([followed.code, untimed(documentOf(followed))]).toEqual([130, document]);
    const again = await run("retry", run_id);
    expect([again.code, again.stderr]).toEqual([
      2,
      `haystack: Run ${run_id} is cancelled; nothing was changed.\n`,
    ]);
  } finally {
    await endless.close();
  }
});

test("Ctrl-C cancels what run has begun at the server", async () => {
  const endless = await startApi({ INFERENCE_COMMAND: ENDLESS_COMMAND }, { withAtlas: true });
  try {
    const { code, stdout } = await haystack(
      ["run", QUESTION, ...QUICK, "--json", "--server", endless.url],
      {
        env: { HAYSTACK_TOKEN: await endless.token(ADA) },
        onStderr: once("predicting\n", (kill) => kill("SIGINT")),
      },
    );
    const document = runDocumentSchema.parse(JSON.parse(stdout));
    expect([code, document.status, untimed(document)]).toEqual([
      130,
      "cancelled",
      untimed(await stored(endless, document.run_id)),
    ]);
  } finally {
    await endless.close();
  }
});

test("another user's run, an unknown run and a foreign token get one sentence and the local exit code", async () => {
  const { run_id } = pastRun("run-of-ada", ADA);
  await server.daemon.runs.insert(pastRun(run_id, ADA, { created_at: "2026-01-01T00:00:00.000Z" }));
  const bo = at(server, await server.token(BO));
  for (const command of ["status", "watch", "cancel", "retry"]) {
    const foreign = await bo(command, run_id, "--json");
    expect([foreign.code, JSON.parse(foreign.stdout)]).toEqual([
      2,
      expect.objectContaining({ error: "RUN_NOT_FOUND" }),
    ]);
    expect(foreign.stderr).toBe(
      `haystack: There is no run ${run_id}; list the runs to see their ids.\n`,
    );
  }
  expect(JSON.parse((await bo("list", "--json")).stdout)).toEqual({ runs: [] });
  const wrong = await at(server, `hs_${"x".repeat(43)}`)("list");
  expect([wrong.code, wrong.stdout, wrong.stderr]).toEqual([
    2,
    "",
    "haystack: This token is unknown, expired or revoked; ask the operator for a new one.\n",
  ]);
  const none = await haystack(["list", "--server", server.url], { env: { HAYSTACK_TOKEN: "" } });
  expect([none.code, none.stderr]).toEqual([
    2,
    expect.stringMatching(/^haystack: This request needs a token[^\n]+\n$/),
  ]);
});

test("a server that is not there", async () => {
  const url = `http://127.0.0.1:${await freePort()}`;
  const { code, stdout, stderr } = await haystack(["status", "run-1", "--server", url, "--json"]);
  expect([code, stderr]).toEqual([
    1,
    `haystack: The server at ${url} cannot be reached (nothing listens there); check the address, the network and the daemon there.\n`,
  ]);
  expect(JSON.parse(stdout)).toStrictEqual({
    error: "SERVER_UNREACHABLE",
    error_type: "upstream",
    message: expect.any(String) as string,
  });
});

test.each([
  [
    "a token in the clear",
    ["list", "--server", "http://haystack.example.org"],
    2,
    /^haystack: The token would be sent unencrypted to haystack\.example\.org;/,
  ],
  [
    "two places",
    ["list", "--server", "http://127.0.0.1:9", "--data-dir", "x"],
    2,
    /^haystack: --data-dir selects the stor/,
  ],
  [
    "files of this machine",
    ["run", QUESTION, "--atlas", "x.h5ad", "--server", "http://127.0.0.1:9"],
    2,
    /^haystack: A server uses its own atlases;/,
  ],
  [
    "a place for the files that is none",
    ["run", QUESTION, "--output", "package.json", "--server", "http://127.0.0.1:9"],
    2,
    /^haystack: The folder \S+ cannot be written to \(a file of that name exists already\)/,
  ],
])("refused: %s", async (_, args, code, sentence) => {
  const outcome = await haystack(args, { env: { HAYSTACK_TOKEN: "secret-token" } });
  expect([outcome.code, outcome.stdout]).toEqual([code, ""]);
  expect(outcome.stderr).toMatch(sentence);
  expect(outcome.stderr).not.toMatch(/secret|\n\s+at /);
});

test("below a path of a proxy, an answer that is lost makes no second run", async () => {
  const { port } = new URL(server.url);
  let posts = 0;
  const proxy = createServer((incoming, outgoing) => {
    const path = incoming.url?.replace(/^\/lab\/haystack/, "");
    const onward = request(
      { port, path, method: incoming.method, headers: incoming.headers },
      (answer) => {
        if (incoming.method === "POST") posts += 1;
        if (posts === 1) {
          answer.resume().on("end", () => outgoing.destroy());
        } else {
          outgoing.writeHead(answer.statusCode ?? 0, answer.headers);
          answer.pipe(outgoing);
        }
      },
    );
    incoming.pipe(onward);
  });
  await new Promise<void>((listening) => proxy.listen(0, "127.0.0.1", listening));
  onTestFinished(() => void proxy.close());
  const cleo = "cleo@example.org";
  const url = `http://127.0.0.1:${(proxy.address() as AddressInfo).port}/lab/haystack/`;
  const { code, stdout } = await at({ url }, await server.token(cleo))(
    "submit",
    QUESTION,
    ...QUICK,
  );
  expect([code, posts]).toEqual([0, 2]);
  expect((await server.daemon.runs.list({ user_email: cleo })).map(({ run_id }) => run_id)).toEqual(
    [stdout.trim()],
  );
});

test("a watch outlives the server: after a kill and a restart it goes on, and shows each transition once", async () => {
  const { config, url, serve } = await daemonPlace({ INFERENCE_COMMAND: ENDLESS_COMMAND });
  const first = await serve();
  const user = at({ url }, "");
  const { run_id } = documentOf(await user("submit", QUESTION, ...QUICK, "--json"));
  const predicting = Promise.withResolvers<void>();
  const lost = Promise.withResolvers<void>();
  const seesPrediction = once("predicting\n", () => predicting.resolve());
  const seesLoss = once("Lost the connection", () => lost.resolve());
  const watching = haystack(["watch", run_id, "--transitions", "--json"], {
    env: { HAYSTACK_SERVER: url },
    onStderr(text, kill) {
      seesPrediction(text, kill);
      seesLoss(text, kill);
    },
  });
  await predicting.promise;
  await first("SIGKILL");
  await lost.promise;
  const second = await serve();
  expect((await user("cancel", run_id)).code).toBe(0);
  const { code, stdout, stderr } = await watching;
  await second("SIGTERM");
  expect([code, JSON.parse(stdout)]).toEqual([
    130,
    expect.objectContaining({ run_id, status: "cancelled" }),
  ]);
  const store = await openRuns(config);
  const history = await store.history(run_id);
  await store.close();
  const lines = stderr
    .split("\n")
    .flatMap((line) => /^\S+Z {2}([\d.]+) {2}(.*)$/.exec(line)?.slice(1, 3) ?? []);
  expect(lines.filter((_, index) => index % 2 === 1)).toEqual(
    history.map(({ actor, event, from, to }) => `${actor}: ${from} -> ${to} (${event})`),
  );
  const ids = lines.filter((_, index) => index % 2 === 0);
  expect(new Set(ids).size).toBe(ids.length);
});
