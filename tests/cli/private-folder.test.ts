import { chmodSync, mkdirSync, readdirSync, statSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { expect, test } from "vitest";
import { keepPrivate } from "../../adapters/data-folder.ts";
import { daemonPlace } from "../support/daemon-process.ts";
import { temporaryFolder } from "../support/hosted-runs.ts";
import { QUESTION } from "../server/api-harness.ts";

const modeOf = (path: string): string => (statSync(path).mode & 0o7777).toString(8);

/** Files and folders below that somebody else could read, write or search. */
const open = (folder: string): string[] =>
  readdirSync(folder, { recursive: true })
    .map((name) => join(folder, String(name)))
    .filter((path) => (statSync(path).mode & 0o077) !== 0);

test("what a daemon keeps is its user's alone, and what was open before is closed", async () => {
  const place = await daemonPlace();
  const { dataDir } = place.config;
  chmodSync(dataDir, 0o755);
  const before = new Set(open(dataDir));
  const stop = await place.serve();
  const answer = await fetch(`${place.url}/api/v1/runs`, {
    method: "POST",
    headers: { "content-type": "application/json" },
    body: JSON.stringify({
      query: QUESTION,
      user_email: null,
      config: { max_iterations: 1, prompt_cells: 20, query_cells: 20 },
    }),
  });
  const { run_id } = (await answer.json()) as { run_id: string };
  const events = await fetch(`${place.url}/api/v1/runs/${run_id}/events`);
  expect(await events.text()).toContain('"status":"completed"');
  expect((await stop("SIGTERM")).code).toBe(0);
  expect(modeOf(dataDir)).toBe("700");
  expect(open(dataDir).filter((path) => !before.has(path))).toEqual([]);
  expect(open(dataDir).filter((path) => path.includes(".sqlite"))).toEqual([]);
});

test("only a folder of ours is closed", async () => {
  const folder = await temporaryFolder();
  const make = (name: string, mode: number, file?: string): string => {
    const path = join(folder, name);
    mkdirSync(path);
    if (file !== undefined) writeFileSync(join(path, file), "", { mode: 0o644 });
    chmodSync(path, mode);
    return path;
  };
  const places = {
    stored: make("stored", 0o755, "runs.sqlite"),
    empty: make("empty", 0o770),
    home: make("home", 0o755, "letter.txt"),
    shared: make("shared", 0o1777, "runs.sqlite"),
    made: join(folder, "new", "deeper"),
  };
  for (const dataDir of Object.values(places)) keepPrivate({ dataDir });
  expect(
    Object.fromEntries(Object.entries(places).map(([name, path]) => [name, modeOf(path)])),
  ).toEqual({
    stored: "700",
    empty: "700",
    home: "755",
    shared: "1777",
    made: "700",
  });
  expect(modeOf(join(places.stored, "runs.sqlite"))).toBe("600");
  keepPrivate({ dataDir: join(places.home, "letter.txt") });
  expect(modeOf(join(places.home, "letter.txt"))).toBe("644");
});
