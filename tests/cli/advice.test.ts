import { chmod, mkdir, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { beforeAll, beforeEach, expect, onTestFinished, test, vi } from "vitest";
import { main } from "../../cli/main.ts";
import { startApi, type ApiServer } from "../server/api-harness.ts";
import { temporaryFolder } from "../support/hosted-runs.ts";

/** Words of zod, commander and Node that nobody should have to read. */
const LIBRARIES =
  /Invalid (input|option|string|url|email|key)|received (NaN|undefined|string)|expected (number|string|int|one of)|Too (small|big)|>=|<=|Unrecognized|^error: |Allowed choices|\bE[A-Z]{4,}\b|no such file|permission denied|must NOT|invalid_/m;

const QUESTION = "How would B cells respond to IFN-beta?";

// Each command listens to both, and is meant to be the only one of its process.
for (const stream of [process.stdout, process.stderr]) stream.setMaxListeners(0);

interface Shown {
  readonly code: number;
  readonly stdout: string;
  readonly stderr: string;
}

/** The command line in this process: what it says, and its exit code. */
async function command(...args: readonly string[]): Promise<Shown> {
  const said = { stdout: "", stderr: "" };
  const spies = (["stdout", "stderr"] as const).map((name) =>
    vi.spyOn(process[name], "write").mockImplementation((chunk) => {
      said[name] += String(chunk);
      return true;
    }),
  );
  try {
    const code = await main(args);
    return { code, ...said };
  } finally {
    for (const spy of spies) spy.mockRestore();
  }
}

interface Advised {
  /** What is refused. */
  readonly refused: readonly string[];
  readonly env?: Readonly<Record<string, string>>;
  /** What the refusal says to do. */
  readonly advice: RegExp;
  /** The same, as advised: a command line, or several in turn. */
  readonly followed: readonly (readonly string[])[];
  readonly followedEnv?: Readonly<Record<string, string>>;
}

const submit = (...options: string[]): string[] => ["submit", QUESTION, ...options];

const ADVISED: readonly Advised[] = [
  { refused: ["lst"], advice: /did you mean list\?$/, followed: [["list"]] },
  {
    refused: ["atlas", "impotr"],
    advice: /did you mean import\?$/,
    followed: [["atlas", "import", "--help"]],
  },
  { refused: ["frobnicate"], advice: /see haystack --help\.$/, followed: [["--help"]] },
  {
    refused: ["list", "--stauts", "failed"],
    advice: /did you mean --status\?$/,
    followed: [["list", "--status", "failed"]],
  },
  {
    refused: ["status"],
    advice: /needs a <run-id>; see haystack status --help\.$/,
    followed: [["status", "--help"]],
  },
  {
    refused: ["list", "--limit"],
    advice: /--limit needs a value; see haystack list --help\.$/,
    followed: [
      ["list", "--help"],
      ["list", "--limit", "1"],
    ],
  },
  {
    refused: ["submit", "How", "would", "they", "respond?"],
    advice: /put those that belong together in quotes/,
    followed: [submit()],
  },
  {
    refused: ["completion", "tcsh"],
    advice: /must be one of bash, zsh, fish\.$/,
    followed: [["completion", "fish"]],
  },
  {
    refused: submit("--first-prompt", "middle"),
    advice: /--first-prompt must be one of best, worst\.$/,
    followed: [submit("--first-prompt", "worst")],
  },
  {
    refused: submit("--max-iterations", "many"),
    advice: /^haystack: --max-iterations must be a number\.$/,
    followed: [submit("--max-iterations", "3")],
  },
  {
    refused: submit("--max-iterations", "2.5"),
    advice: /must be a whole number\.$/,
    followed: [submit("--max-iterations", "3")],
  },
  {
    refused: submit("--max-iterations", "99"),
    advice: /must be from 1 to 20\.$/,
    followed: [submit("--max-iterations", "20")],
  },
  {
    refused: submit("--prompts-per-round", "9"),
    advice: /must be from 1 to 8\.$/,
    followed: [submit("--prompts-per-round", "8")],
  },
  {
    refused: submit("--prompts-per-round", "2", "--control-job", "separate"),
    advice:
      /--prompts-per-round must be 1 with control_job separate: prompts side by side share one job\.$/,
    followed: [submit("--prompts-per-round", "1", "--control-job", "separate")],
  },
  {
    refused: submit("--score-threshold", "0"),
    advice: /must be from 1 to 10\.$/,
    followed: [submit("--score-threshold", "1")],
  },
  {
    refused: submit("--seed", "x"),
    advice: /--seed must be a whole number from 0 to 4294967295\.$/,
    followed: [submit("--seed", "4294967295")],
  },
  {
    refused: submit("--label", "project"),
    advice: /--label takes key=value, such as --label project=dose\.$/,
    followed: [submit("--label", "project=dose")],
  },
  {
    refused: submit("--label", "a b=c"),
    advice: /must be letters, digits, _ and -, a letter first\.$/,
    followed: [submit("--label", "a_b=c")],
  },
  {
    refused: submit("--name", ""),
    advice: /must have at least 1 character\.$/,
    followed: [submit("--name", "x")],
  },
  {
    refused: submit("--name", "x".repeat(101)),
    advice: /must have at most 100 characters\.$/,
    followed: [submit("--name", "x".repeat(100))],
  },
  { refused: ["submit", "  "], advice: /./, followed: [submit()] },
  {
    refused: ["list", "--limit", "0"],
    advice: /at least 1\.$/,
    followed: [["list", "--limit", "1"]],
  },
  {
    refused: ["list", "--status", "done"],
    advice: /one of pending, running, completed, failed, cancelled\.$/,
    followed: [["list", "--status", "completed"]],
  },
  {
    refused: ["list", "--newer-than", "yesterday"],
    advice: /30m, 12h, 7d or 2w, or a date such as 2026-01-31\.$/,
    followed: [
      ["list", "--newer-than", "12h"],
      ["list", "--newer-than", "2026-01-31"],
    ],
  },
  {
    refused: ["status", "run-none"],
    advice: /list the runs to see their ids\.$/,
    followed: [["list"]],
  },
  {
    refused: ["cancel"],
    advice: /its id, or filters such as --status and --label, or --all; not both\.$/,
    followed: [
      ["cancel", "--status", "failed"],
      ["cancel", "--label", "a=b"],
      ["cancel", "--all", "--yes"],
    ],
  },
  {
    refused: ["list", "--server", "nonsense"],
    advice: /write it like https:\/\/haystack\.example\.org/,
    followed: [["list", "--server", "http://127.0.0.1:9"]],
  },
  {
    refused: ["list", "--server", "http://me:secret@127.0.0.1:9"],
    advice: /remove it and put a token in HAYSTACK_TOKEN\.$/,
    followed: [["list", "--server", "http://127.0.0.1:9"]],
    followedEnv: { HAYSTACK_TOKEN: "hs_x" },
  },
  {
    refused: ["atlas", "inspect", "nothing"],
    advice: /list the atlases with `haystack atlas list`/,
    followed: [["atlas", "list"]],
  },
  {
    refused: ["token", "create", "--owner", "x"],
    advice: /./,
    followed: [["token", "create", "--owner", "ada@example.org"]],
  },
  {
    refused: ["list"],
    env: { MAX_ACTIVE_RUNS: "many" },
    advice: /MAX_ACTIVE_RUNS \(must be a number\)\.$/,
    followed: [["list"]],
    followedEnv: { MAX_ACTIVE_RUNS: "3" },
  },
  {
    refused: ["list"],
    env: { LOG_LEVEL: "loud" },
    advice: /LOG_LEVEL \(must be .* or .*\)\.$/,
    followed: [["list"]],
    followedEnv: { LOG_LEVEL: "warn" },
  },
  {
    refused: ["list"],
    env: { HAYSTACK_INSECURE_HTTP: "perhaps" },
    advice: /must be true or false\)\.$/,
    followed: [["list"]],
    followedEnv: { HAYSTACK_INSECURE_HTTP: "true" },
  },
  {
    refused: ["list"],
    env: { OPENAI_BASE_URL: "openai" },
    advice: /must be a URL such as https:\/\/example\.org\)\.$/,
    followed: [["list"]],
    followedEnv: { OPENAI_BASE_URL: "https://example.org" },
  },
  {
    refused: ["list"],
    env: { HTTP_HOST: "0.0.0.0" },
    advice: /set AUTH=token or AUTH=iap, or HTTP_HOST=127\.0\.0\.1/,
    followed: [["list"]],
    followedEnv: { HTTP_HOST: "127.0.0.1" },
  },
  {
    refused: ["list"],
    env: { GCS_PREFIX: "runs" },
    advice: /unset it, or set GCS_BUCKET\)\.$/,
    followed: [["list"]],
  },
  {
    refused: ["list"],
    env: { OPENAI_API_KEYS: "x" },
    advice: /did you mean OPENAI_API_KEY\?\)\.$/,
    followed: [["list"]],
    followedEnv: { OPENAI_API_KEY: "x" },
  },
];

let dataDir = "";
beforeEach(async () => {
  dataDir = await temporaryFolder();
  set();
  onTestFinished(() => void vi.unstubAllEnvs());
});

const set = (env: Readonly<Record<string, string>> = {}): void => {
  vi.unstubAllEnvs();
  vi.stubEnv("HAYSTACK_DATA_DIR", dataDir);
  vi.stubEnv("COMPUTE_PROCESSES", "1");
  for (const [name, value] of Object.entries(env)) vi.stubEnv(name, value);
};

test.each(ADVISED)("$refused $env: who follows the advice gets further", async (row) => {
  set(row.env);
  const first = await command(...row.refused);
  expect([first.code, first.stderr.trimEnd().split("\n")]).toEqual([
    2,
    [expect.stringMatching(/^haystack: .*[.?]$/)],
  ]);
  expect(first.stderr.trimEnd()).toMatch(row.advice);
  expect(first.stderr).not.toMatch(LIBRARIES);
  const asJson = await command(...row.refused, "--json");
  expect(JSON.parse(asJson.stdout)).toMatchObject({ error_type: "client" });
  set(row.followedEnv);
  for (const args of row.followed) {
    const next = await command(...args);
    expect(next.stderr).not.toContain(first.stderr.trimEnd());
    expect(next.stderr).not.toMatch(LIBRARIES);
    // Nobody answers at a server that is none: that is further, and no success.
    if (!args.includes("--server"))
      expect([args, next.code, next.stderr]).toEqual([args, 0, next.stderr]);
  }
});

test("a folder that cannot be written to is told in words, and another one is advised", async () => {
  const file = join(dataDir, "file");
  await writeFile(file, "");
  const refused = await command("run", QUESTION, "--output", join(file, "results"));
  expect([refused.code, refused.stderr]).toEqual([
    2,
    expect.stringContaining("(a part of its path is a file); choose another with --output."),
  ]);
  expect(refused.stderr).not.toMatch(LIBRARIES);
  const further = await command("run", QUESTION, "--output", join(dataDir, "results"));
  expect(further.stderr).toContain("No atlas has been imported yet");
});

test("without an atlas the advice is to import or simulate one; then the question is understood", async () => {
  const refused = await command("run", QUESTION);
  expect(refused.stderr).toMatch(
    /`haystack atlas import FILE`, or create one with `haystack atlas simulate`\.\n$/,
  );
  const output = join(dataDir, "simulated.h5ad");
  const made = await command("atlas", "simulate", "--output", output, "--genes", "400");
  expect(made.code).toBe(0);
  const unknown = await command("run", "How would flurbocytes respond to IFN-beta?");
  expect([unknown.code, unknown.stderr]).toEqual([2, expect.not.stringContaining("No atlas")]);
});

test("a store that cannot be opened is told in words", async () => {
  const folder = join(dataDir, "closed");
  await mkdir(join(folder, "runs.sqlite"), { recursive: true });
  await chmod(folder, 0o700);
  const { code, stderr } = await command("list", "--data-dir", folder);
  expect([code, stderr]).toEqual([1, expect.stringContaining("cannot be used")]);
  expect(stderr).not.toMatch(LIBRARIES);
});

let api: ApiServer;
beforeAll(async () => {
  api = await startApi({ AUTH: "none" });
  api.daemon.supervisor.drain(true);
  return () => api.close();
});

const body = (more: object): unknown => ({ query: QUESTION, ...more });

test.each<[string, unknown, unknown, RegExp]>([
  ["/runs", {}, body({}), /query is missing\.$/],
  ["/runs", { query: 3 }, body({}), /query must be a text\.$/],
  [
    "/runs",
    body({ config: { max_iterations: "x" } }),
    body({ config: { max_iterations: 3 } }),
    /config\.max_iterations must be a number\.$/,
  ],
  [
    "/runs",
    body({ config: { max_iterations: 99 } }),
    body({ config: { max_iterations: 20 } }),
    /must be from 1 to 20\.$/,
  ],
  [
    "/runs",
    body({ config: { deliver: "all" } }),
    body({ config: { deliver: "last" } }),
    /config\.deliver must be best or last\.$/,
  ],
  [
    "/runs",
    body({ colour: 1 }),
    body({}),
    /must not hold "colour"; it may hold query, config, name, labels, random_seed, user_email\.$/,
  ],
  [
    "/runs",
    body({ user_email: "x" }),
    body({ user_email: "x@example.org" }),
    /user_email must be an e-mail address/,
  ],
  [
    "/runs",
    body({ labels: { "a b": "c" } }),
    body({ labels: { ab: "c" } }),
    /must be letters, digits, _ and -, a letter first\.$/,
  ],
])("%s with %j is refused in words; %j is taken", async (path, wrong, right, advice) => {
  const send = (content: unknown): Promise<Response> =>
    fetch(`${api.url}/api/v1${path}`, {
      method: "POST",
      headers: { "content-type": "application/json" },
      body: JSON.stringify(content),
    });
  const refused = (await (await send(wrong)).json()) as { message: string };
  expect(refused.message).toMatch(advice);
  expect(refused.message).not.toMatch(LIBRARIES);
  expect((await send(right)).status).toBe(201);
});

test.each([
  ["limit=x", "limit=5", /limit must be a number\.$/],
  ["limit=500", "limit=200", /limit must be from 1 to 200\.$/],
  [
    "status=done",
    "status=failed",
    /status must be pending, running, completed, failed or cancelled\.$/,
  ],
  [
    "created_from=yesterday",
    "created_from=2026-01-31T12:00:00Z",
    /must be a time such as 2026-01-31T12:00:00Z\.$/,
  ],
  ["label=project", "label=project=x", /must be of the form key=value/],
  ["text=", "text=x", /text must have at least 1 character\.$/],
  ["cursor=x", "", /start without a cursor\.$/],
])("a list with %s is refused in words; with %s it is given", async (wrong, right, advice) => {
  const ask = (query: string): Promise<Response> => fetch(`${api.url}/api/v1/runs?${query}`);
  const { message } = (await (await ask(wrong)).json()) as { message: string };
  expect(message).toMatch(advice);
  expect(message).not.toMatch(LIBRARIES);
  expect((await ask(right)).status).toBe(200);
});
