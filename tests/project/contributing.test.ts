import { spawnSync } from "node:child_process";
import {
  cpSync,
  existsSync,
  mkdtempSync,
  readFileSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { expect, onTestFinished, test } from "vitest";

const GUIDE = readFileSync("CONTRIBUTING.md", "utf8");

/** The steps of each recipe, by its title. */
const RECIPES: ReadonlyMap<string, readonly string[]> = new Map(
  GUIDE.split("\n### ")
    .slice(1)
    .map((recipe) => [
      recipe.slice(0, recipe.indexOf("\n")),
      recipe
        .split(/\n\d+\. /)
        .slice(1)
        .map((step) => step.split("\n\n")[0] ?? ""),
    ]),
);

const filesIn = (text: string): string[] =>
  [...text.matchAll(/\]\(([^)#]+)\)/g)].map(([, file = ""]) => file);

const stepsOf = (title: string): readonly string[] => RECIPES.get(title) ?? [];

/** First steps: one text of a file stands for another, and brings a name that nothing knows. */
const FIRST_STEPS = [
  {
    title: "A retrieval strategy",
    file: "science/prompting/prompt-plan.ts",
    before: `"ontology"] as const`,
    after: `"ontology", "donor_context"] as const`,
    name: "donor_context",
  },
  {
    title: "A batch adapter",
    file: "config/batch-adapter.ts",
    before: `"local" | "google"`,
    after: `"local" | "google" | "slurm"`,
    name: "slurm",
  },
  {
    title: "A state of the run machine",
    file: "machines/run.ts",
    before: "\n    completed: {",
    after: `\n    archiving: { on: { "cancel.requested": { target: "cancelling" } } },\n    completed: {`,
    name: "archiving",
  },
  {
    title: "A configuration variable",
    file: "config/variables/storage.ts",
    before: "  GCS_PREFIX: ",
    after: "  GCS_SUFFIX: z.string().optional(),\n  GCS_PREFIX: ",
    name: "GCS_SUFFIX",
  },
] as const;

/** A copy of the sources after all first steps. */
function afterFirstSteps(): string {
  const folder = mkdtempSync(join(tmpdir(), "haystack-recipes-"));
  onTestFinished(() => rmSync(folder, { recursive: true, force: true }));
  const left = new Set(
    ["node_modules", ".git", ".cache", "haystack-data"].map((at) => resolve(at)),
  );
  cpSync(".", folder, { recursive: true, filter: (source) => !left.has(resolve(source)) });
  symlinkSync(resolve("node_modules"), join(folder, "node_modules"));
  for (const { file, before, after } of FIRST_STEPS) {
    const text = readFileSync(join(folder, file), "utf8");
    expect([file, text.split(before).length]).toEqual([file, 2]);
    writeFileSync(join(folder, file), text.replace(before, after));
  }
  return folder;
}

test("every file that the guide names is there", () => {
  const files = filesIn(GUIDE).filter((file) => !file.startsWith("http"));
  expect(files.length).toBeGreaterThan(25);
  expect(files.filter((file) => !existsSync(file))).toEqual([]);
});

test("the commands and the width that the guide names are those in use", () => {
  const { scripts } = JSON.parse(readFileSync("package.json", "utf8")) as {
    readonly scripts: Readonly<Record<string, string>>;
  };
  const named = [...GUIDE.matchAll(/npm run ([a-z][\w:]*)/g)].map(([, script = ""]) => script);
  expect(named).toContain("check");
  expect(named.filter((script) => script !== "and" && !(script in scripts))).toEqual([]);
  const { printWidth } = JSON.parse(readFileSync(".oxfmtrc.json", "utf8")) as {
    readonly printWidth: number;
  };
  expect(GUIDE).toContain(`at width ${printWidth}`);
});

test("after the first steps of the recipes the type checker names the files that they say", () => {
  const { stdout } = spawnSync(resolve("node_modules/.bin/tsc"), ["-p", ".", "--pretty", "false"], {
    cwd: afterFirstSteps(),
    encoding: "utf8",
  });
  const complaints = stdout.split(/\n(?=\S+\(\d+,\d+\): error)/);
  for (const { title, file, name } of FIRST_STEPS) {
    const named = complaints
      .filter((complaint) => complaint.includes(name))
      .map((complaint) => complaint.slice(0, complaint.indexOf("(")));
    const promised = stepsOf(title)
      .filter((step) => step.includes("(*types*)"))
      .flatMap(filesIn);
    expect([title, filesIn(stepsOf(title)[0] ?? "")[0]]).toEqual([title, file]);
    expect([title, ...new Set(named)].toSorted()).toEqual([title, ...promised].toSorted());
  }
  const unexpected = complaints.filter((complaint) =>
    FIRST_STEPS.every(({ name }) => !complaint.includes(name)),
  );
  expect(unexpected).toEqual([]);
});
