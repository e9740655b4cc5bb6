import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";
import { localRuns } from "../../cli/runs/local.ts";
import { loadConfig } from "../../config.ts";
import { haystack } from "../support/command-line.ts";
import { simulatedAtlas } from "../support/daemon-process.ts";
import { describeWith } from "../support/describe-with.ts";
import { freePort } from "../support/free-port.ts";
import { OUTPUTS, startOn, type Started } from "../support/outputs.ts";
import { PYTHON } from "../support/real-parts.ts";

const QUESTION = "How would CD14+ monocytes respond to IFN-beta?";
const SMALL = ["--control-strategy", "query_as_control", "--max-iterations", "1"];
const ENV = {
  COMPUTE_PROCESSES: "1",
  POLL_MILLISECONDS: "50",
  LOG_FORMAT: "plain",
  HTTP_PORT: "0",
};
const MOST_BYTES = 200_000;

let dataDir = "";
let endedRun = "";

const inPlace = (args: readonly string[]): string[] => [...args, "--data-dir", dataDir];
const start = (args: readonly string[]): Promise<Started[]> =>
  Promise.all(OUTPUTS.map((kind) => startOn(kind, args, ENV)));

/** What the command ends with, by what its output is. */
async function codes(started: readonly Started[]): Promise<Record<string, number | null>> {
  const shown = await Promise.all(started.map(({ ended }) => ended));
  for (const { text } of shown) expect(text.length).toBeLessThan(MOST_BYTES);
  return Object.fromEntries(OUTPUTS.map((kind, index) => [kind, shown[index]?.code ?? null]));
}

const everywhere = (code: number): Record<string, number> =>
  Object.fromEntries(OUTPUTS.map((kind) => [kind, code]));

const submitted = async (): Promise<string> => {
  const { stdout } = await haystack(inPlace(["submit", QUESTION, ...SMALL]), { env: ENV });
  return stdout.trim();
};

/** `haystack cancel` without a process of its own. */
const cancel = (runId: string) => localRuns(loadConfig(ENV, dataDir)).cancel(runId);

describeWith(PYTHON)(
  "every command on a terminal, one of 0 columns, a pipe, a closed pipe, a file",
  () => {
    beforeAll(async () => {
      dataDir = await mkdtemp(join(tmpdir(), "haystack-outputs-"));
      await simulatedAtlas(dataDir);
      const { stdout, stderr, code } = await haystack(
        inPlace(["run", QUESTION, ...SMALL, "--json"]),
        {
          env: ENV,
        },
      );
      if (code !== 0) throw new Error(stderr);
      endedRun = (JSON.parse(stdout) as { run_id: string }).run_id;
    });

    afterAll(() => rm(dataDir, { recursive: true, force: true }));

    test.each<[string, number, () => string[]]>([
      ["--help", 0, () => ["--help"]],
      ["nonsense", 2, () => ["nonsense"]],
      ["list", 0, () => inPlace(["list"])],
      ["status of an ended run", 0, () => inPlace(["status", endedRun, "--json"])],
      ["status of no run", 2, () => inPlace(["status", "run-none"])],
      ["watch of an ended run", 0, () => inPlace(["watch", endedRun, "--transitions"])],
      ["cancel of an ended run", 2, () => inPlace(["cancel", endedRun])],
      ["retry of an ended run", 2, () => inPlace(["retry", endedRun])],
      ["logs of an ended run", 0, () => inPlace(["logs", endedRun])],
      ["open of no run", 2, () => inPlace(["open", "run-none"])],
      ["cancel of no run by filter", 0, () => inPlace(["cancel", "--text", "nothing", "--yes"])],
      ["list of chosen runs", 0, () => inPlace(["list", "--newer-than", "1d"])],
      ["atlas inspect", 0, () => inPlace(["atlas", "inspect", "simulated"])],
      ["completion", 0, () => ["completion", "zsh"]],
      ["config --all", 0, () => inPlace(["config", "--all"])],
      ["submit", 0, () => inPlace(["submit", QUESTION])],
      ["atlas list", 0, () => inPlace(["atlas", "list"])],
      ["config", 0, () => inPlace(["config"])],
      ["doctor", 0, () => inPlace(["doctor"])],
      ["run", 0, () => inPlace(["run", QUESTION, ...SMALL])],
    ])("%s ends with %i", async (_, code, args) => {
      expect(await codes(await start(args()))).toEqual(everywhere(code));
    });

    test("watch of a living run ends with the run", async () => {
      const runId = await submitted();
      const started = await start(inPlace(["watch", runId]));
      await Promise.all(started.map(({ shows }) => shows(`${runId}: pending`)));
      await cancel(runId);
      expect(await codes(started)).toEqual(everywhere(130));
    });

    test("submit --wait ends with the run", async () => {
      const known = new Set((await all()).map(({ run_id }) => run_id));
      const started = await start(inPlace(["submit", QUESTION, "--wait"]));
      const found = (): Promise<string[]> =>
        all().then((runs) => runs.map(({ run_id }) => run_id).filter((id) => !known.has(id)));
      await expect.poll(found).toHaveLength(OUTPUTS.length);
      await Promise.all(started.map(({ shows }) => shows(": pending")));
      for (const runId of await found()) await cancel(runId);
      expect(await codes(started)).toEqual(everywhere(130));
    });

    test.each([
      ["cancel", 0],
      ["retry", 0],
    ])("%s of a run that nobody hosts ends with %i", async (command, code) => {
      const started = await Promise.all(
        OUTPUTS.map(async (kind) => startOn(kind, inPlace([command, await submitted()]), ENV)),
      );
      expect(await codes(started)).toEqual(everywhere(code));
    });

    test.each(OUTPUTS)("serve goes on until it is stopped (%s)", async (kind) => {
      const { port, serving } = await serveOn(kind);
      expect((await fetch(`http://127.0.0.1:${port}/livez`)).status).toBe(200);
      serving.kill("SIGTERM");
      expect(await serving.ended).toMatchObject({ code: 0 });
    });
  },
);

const all = () => localRuns(loadConfig(ENV, dataDir)).documents({ limit: 100 });

async function serveOn(kind: (typeof OUTPUTS)[number]) {
  const port = String(await freePort());
  const serving = await startOn(kind, inPlace(["serve"]), { ...ENV, HTTP_PORT: port });
  await expect
    .poll(() =>
      fetch(`http://127.0.0.1:${port}/livez`).then(
        ({ status }) => status,
        () => undefined,
      ),
    )
    .toBe(200);
  return { port, serving };
}
