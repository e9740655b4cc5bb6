import { globSync, readFileSync } from "node:fs";
import { dirname, join, normalize } from "node:path";
import { expect, test } from "vitest";
import { loadConfig } from "../../config.ts";

/** What the orchestrator's image holds of this folder. */
function copiedBy(dockerfile: string): string[] {
  const stage = dockerfile.slice(dockerfile.indexOf(" AS orchestrator"));
  return [...stage.matchAll(/^COPY (?!--from)(.+)$/gm)].flatMap(([, names = ""]) =>
    names.split(" ").slice(0, -1),
  );
}

/** Imports of files and packages, static and dynamic, that the image lacks. */
function missingIn(copied: readonly string[], packages: ReadonlySet<string>): string[] {
  const files = copied.flatMap((name) =>
    name.endsWith(".ts") ? [name] : globSync(`${name}/**/*.ts`),
  );
  expect(files.length).toBeGreaterThan(200);
  return files.flatMap((file) => {
    const targets = [
      ...readFileSync(file, "utf8").matchAll(
        /^(?:import|export) (?!type )(?:[^;"']*? from )?["']([^"']+)["']|\bimport\(["']([^"']+)["']\)|new URL\(["'](\.[^"']+)["'], import\.meta\.url\)/gm,
      ),
    ];
    return targets
      .map(([, still, later, beside]) => still ?? later ?? beside ?? "")
      .filter((target) => {
        if (target.startsWith("node:")) return false;
        if (!target.startsWith("."))
          return !packages.has(
            target
              .split("/")
              .slice(0, target.startsWith("@") ? 2 : 1)
              .join("/"),
          );
        const path = normalize(join(dirname(file), target));
        return !copied.some((name) => path === name || path.startsWith(`${name}/`));
      })
      .map((target) => `${file}: ${target}`);
  });
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
  for (const name of ["services", "errors.ts"])
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
