import { readFileSync } from "node:fs";
import { expect, test } from "vitest";
import { loadConfig } from "../../config.ts";
import { COMPUTED, importsIn, packageOf } from "../support/imports.ts";

/** What the orchestrator's image holds of this folder. */
function copiedBy(dockerfile: string): string[] {
  const stage = dockerfile.slice(dockerfile.indexOf(" AS orchestrator"));
  const built = [...stage.matchAll(/^COPY --from=window \/opt\/haystack\/(\S+) (\S+)$/gm)];
  return [
    ...[...stage.matchAll(/^COPY (?!--from)(.+)$/gm)].flatMap(([, names = ""]) =>
      names.split(" ").slice(0, -1),
    ),
    ...built.flatMap(([, from = "", to]) => (from === to ? [from] : [])),
  ];
}

/** Imports of files and packages, static and dynamic, that the image lacks. */
function missingIn(copied: readonly string[], packages: ReadonlySet<string>): string[] {
  const files = copied.map((name) => (name.includes(".") ? name : `${name}/**/*.ts`));
  const found = importsIn(files.filter((name) => name.endsWith(".ts")));
  expect(found.length).toBeGreaterThan(1_000);
  return found
    .filter(({ target, isOurs, kind }) => {
      if (kind === "type" || target === COMPUTED || target.startsWith("node:")) return false;
      if (!isOurs) return !packages.has(packageOf(target));
      return !copied.some((name) => target === name || target.startsWith(`${name}/`));
    })
    .map(({ file, target }) => `${file}: ${target}`);
}

const dockerfile = readFileSync("Dockerfile", "utf8");
const { dependencies } = JSON.parse(readFileSync("package.json", "utf8")) as {
  readonly dependencies: Readonly<Record<string, string>>;
};
const packages: ReadonlySet<string> = new Set(Object.keys(dependencies));

test("the image has every file and package that its programs import", () => {
  expect(missingIn(copiedBy(dockerfile), packages)).toEqual([]);
});

test("a folder, a file and a package that are left out are noticed", () => {
  const copied = copiedBy(dockerfile);
  for (const name of ["services", "errors.ts", "web/built"])
    expect(
      missingIn(
        copied.filter((other) => other !== name),
        packages,
      ),
    ).not.toEqual([]);
  const withoutDriver = new Set([...packages].filter((name) => name !== "mongodb"));
  expect(missingIn(copied, withoutDriver)).toContainEqual(expect.stringMatching(/: mongodb$/));
});

test("the daemon of compose.yaml has a configuration that it accepts", () => {
  const compose = readFileSync("compose.yaml", "utf8");
  const [settings = "", daemon = ""] = [
    /^x-settings:.*\n((?: {2}\w.*\n)+)/m,
    /^ {2}daemon:[^]*?\n {4}environment:\n((?: {6}.*\n)+)/m,
  ].map((block) => block.exec(compose)?.[1]);
  const environment = Object.fromEntries(
    [...`${settings}${daemon}`.matchAll(/^ +([A-Z_]+): "?([^"\n]*)"?$/gm)].map(
      ([, name = "", value = ""]) => [name, value],
    ),
  );
  expect(loadConfig(environment)).toMatchObject({
    AUTH: "token",
    HTTP_HOST: "0.0.0.0",
    GCS_BUCKET: "haystack",
    BATCH_PROJECT: "local",
    MONGODB_URI: "mongodb://mongodb:27017",
  });
});
