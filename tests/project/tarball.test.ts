import { execFileSync, spawn, spawnSync } from "node:child_process";
import { once } from "node:events";
import { globSync, readFileSync, statSync } from "node:fs";
import { readFile, writeFile } from "node:fs/promises";
import { join, resolve } from "node:path";
import { afterAll, beforeAll, expect, onTestFinished, test } from "vitest";
import type { RunDocument } from "../../services/runs/document.ts";
import { haystack } from "../support/command-line.ts";
import { simulatedAtlas } from "../support/daemon-process.ts";
import { temporaryFolder } from "../support/hosted-runs.ts";
import { importsIn } from "../support/imports.ts";
import { installPackage, type PackagePlace } from "../support/package-place.ts";

const QUESTION = "How would CD14+ monocytes respond to IFN-beta?";
const SMALL = ["--control-strategy", "query_as_control", "--max-iterations", "1"];
const ROOMS = "{actors,adapters,cli,config,insight,machines,science,server,services}";
const MEGABYTE = 1 << 20;
const { version } = JSON.parse(readFileSync("package.json", "utf8")) as { version: string };

let place: PackagePlace;
let held: ReadonlySet<string>;

beforeAll(async () => {
  place = await installPackage();
  held = new Set(place.packed.files.map(({ path }) => path));
});
afterAll(() => place.remove());

const installed = (args: readonly string[], env: Record<string, string> = {}) =>
  haystack(args, { program: place.program, env: { COMPUTE_PROCESSES: "1", ...env } });

async function dataFolder(): Promise<string> {
  const folder = await temporaryFolder();
  await simulatedAtlas(folder);
  return folder;
}

test("the tarball holds the built product and its data, nothing else", () => {
  const needed =
    /^(dist\/.+\.(js|d\.ts)|bin\/(haystack|healthy)\.mjs|package\.json|README\.md|LICENSE)$/;
  const data =
    /^((machines|science|server)\/.+\.(json|tsv|br|so|eta|css|html|js|svg)|web\/built\/(index\.html|built-of\.txt|licences\.md|window\/[\w.-]+\.(css|js|svg)))$/;
  expect([...held].filter((path) => !needed.test(path) && !data.test(path))).toEqual([]);
  expect(
    [...held].filter((path) => /(^|\/)(tests|bench|golden|worker)\/|\.test\./.test(path)),
  ).toEqual([]);
  expect(place.packed.size).toBeLessThan(7 * MEGABYTE);
  expect(place.packed.unpackedSize).toBeLessThan(11 * MEGABYTE);
});

test("the tarball lacks no source, no data file and no program", () => {
  const sources = globSync([`${ROOMS}/**/*.ts`, "*.ts"]).filter(
    (file) => file !== "vitest.config.ts" && !file.endsWith(".d.ts"),
  );
  expect(sources.length).toBeGreaterThan(300);
  const built = sources.flatMap((file) =>
    ["js", "d.ts"].map((ending) => `dist/${file.replace(/ts$/, ending)}`),
  );
  const data = globSync(`${ROOMS}/**/*`).filter(
    (file) => statSync(file).isFile() && !/\.(ts|c)$/.test(file),
  );
  expect(data.length).toBeGreaterThan(20);
  expect([...built, ...data].filter((file) => !held.has(file))).toEqual([]);
  const named = importsIn(sources).filter(({ kind }) => kind === "file");
  expect(named.length).toBeGreaterThan(8);
  const isHeld = (target: string): boolean =>
    held.has(target.replace(/^(.+)\.ts$/, "dist/$1.js")) ||
    [...held].some((path) => path.startsWith(`${target}/`));
  expect(named.filter(({ target }) => !isHeld(target))).toEqual([]);
});

test("only own-files.ts knows where files are", () => {
  const told = globSync([`${ROOMS}/**/*.ts`, "*.ts"]).filter((file) =>
    readFileSync(file, "utf8")
      .replace('createRequire(import.meta.url).resolve("h5wasm-plugins")', "")
      .includes("import.meta"),
  );
  expect(told).toEqual(["own-files.ts"]);
});

test("the installed program takes a question to its files", async () => {
  expect(await installed(["--version"])).toEqual({ code: 0, stdout: `${version}\n`, stderr: "" });
  const folder = await dataFolder();
  const { code, stdout, stderr } = await installed([
    "run",
    QUESTION,
    ...SMALL,
    "--seed",
    "7",
    "--json",
    "--email",
    "ada@example.org",
    "--data-dir",
    folder,
  ]);
  expect([code, stderr]).toEqual([0, expect.stringContaining("completed")]);
  const run = JSON.parse(stdout) as RunDocument;
  expect(await readFile(run.output_report_path ?? "", "utf8")).toContain("IFN");
  expect(statSync(run.output_anndata_path ?? "").size).toBeGreaterThan(10_000);
  expect(globSync(join(folder, "mail", "**", "*.eml"))).toHaveLength(1);
});

test("the installed program serves, with its pages", async () => {
  const folder = await temporaryFolder();
  const address = Promise.withResolvers<{ url: string; stop(): void }>();
  const ended = haystack(["serve", "--data-dir", folder], {
    program: place.program,
    env: { HTTP_PORT: "0", COMPUTE_PROCESSES: "1" },
    onStderr(text, kill) {
      const [, url] = /"url":"(http:[^"]+)"/.exec(text) ?? [];
      if (url !== undefined) address.resolve({ url, stop: () => kill("SIGTERM") });
    },
  });
  void ended.then(({ stderr }) => address.reject(new Error(stderr)));
  const { url, stop } = await address.promise;
  onTestFinished(stop);
  const answers = ["/livez", "/readyz", "/", "/inspector", "/api/v1/openapi.json"].map(
    async (path) => [path, (await fetch(url + path)).status] as const,
  );
  expect(await Promise.all(answers)).toEqual(
    ["/livez", "/readyz", "/", "/inspector", "/api/v1/openapi.json"].map((path) => [path, 200]),
  );
  stop();
  expect(await ended).toMatchObject({ code: 0 });
});

/** The example of docs/as-a-package.md. */
const example = (): string =>
  /```ts\n([^]+?)```/.exec(readFileSync("docs/as-a-package.md", "utf8"))?.[1] ?? "";

test("another program hosts a run with the package, and its types are there", async () => {
  const folder = await dataFolder();
  const file = join(place.folder, "example.mts");
  await writeFile(file, example());
  const tsc = spawnSync(
    resolve("node_modules/.bin/tsc"),
    [
      "--ignoreConfig",
      "--noEmit",
      "--strict",
      "--skipLibCheck",
      "--module",
      "nodenext",
      "--target",
      "es2024",
      "--typeRoots",
      resolve("node_modules/@types"),
      file,
    ],
    { encoding: "utf8", env: { ...process.env, NODE_OPTIONS: "" } },
  );
  expect([tsc.status, tsc.stdout]).toEqual([0, ""]);
  const child = spawn(process.execPath, [file], {
    cwd: place.folder,
    env: { ...process.env, HAYSTACK_DATA_DIR: folder, COMPUTE_PROCESSES: "1" },
    stdio: ["ignore", "pipe", "inherit"],
  });
  let stdout = "";
  child.stdout.setEncoding("utf8").on("data", (text: string) => (stdout += text));
  expect(await once(child, "close")).toEqual([0, null]);
  expect(stdout).toMatch(/^completed \d+\n$/);
});

test.each([
  ["a checkout", () => resolve("bin/haystack.mjs"), "npx haystack"],
  ["the package", () => place.program, "npx --yes --package=node@24 -- haystack"],
])("an older Node is told in one sentence what to do, by %s", (_, program, advice) => {
  const pretend = `Object.defineProperty(process, "versions", { value: { ...process.versions, node: "20.1.0" } })`;
  const { status, stdout, stderr } = spawnSync(
    process.execPath,
    [`--import=data:text/javascript,${encodeURIComponent(pretend)}`, program(), "list", "--json"],
    { encoding: "utf8" },
  );
  const message = `Node 24 is needed, and this is Node 20.1.0; install Node 24 (https://nodejs.org), or let npm bring it by starting every command with: ${advice}`;
  expect([status, stderr]).toEqual([2, `haystack: ${message}\n`]);
  expect(JSON.parse(stdout)).toEqual({ error: "USAGE", error_type: "client", message });
});

test("npm finds the program of a checkout by its name", () => {
  const env = { ...process.env, NODE_OPTIONS: "" };
  const shown = execFileSync("npx", ["haystack", "--version"], { encoding: "utf8", env });
  expect(shown).toBe(`${version}\n`);
});
