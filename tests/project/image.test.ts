import { globSync, readFileSync } from "node:fs";
import { expect, test } from "vitest";
import { loadConfig } from "../../config.ts";
import { COMPUTED, importsIn, packageOf } from "../support/imports.ts";

/** The files of this folder that a pattern of the Dockerfile means. */
const ourFiles = (pattern: string): readonly string[] => {
  const left = readFileSync(".dockerignore", "utf8").split("\n");
  return globSync(pattern).filter((file) => !left.includes(file));
};

/** What the orchestrator's image holds of this folder. */
function copiedBy(dockerfile: string): string[] {
  const stage = dockerfile.slice(dockerfile.indexOf(" AS orchestrator"));
  const built = [...stage.matchAll(/^COPY --from=window \/opt\/haystack\/(\S+) (\S+)$/gm)];
  return [
    ...[...stage.matchAll(/^COPY (?!--from)(.+)$/gm)].flatMap(([, names = ""]) =>
      names
        .split(" ")
        .slice(0, -1)
        .flatMap((name) => (name.includes("*") ? ourFiles(name) : name)),
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

/** The part of each service of compose.yaml, by name. */
function servicesOf(compose: string): ReadonlyMap<string, string> {
  const text = compose.slice(compose.indexOf("\nservices:\n"), compose.indexOf("\nvolumes:\n"));
  const parts = text.split(/^ {2}(?=[a-z]+:$)/m).slice(1);
  return new Map(parts.map((part) => [part.slice(0, part.indexOf(":")), part]));
}

/** Google gives the emulators no tag that stays, and its images of the past are removed. */
const ROLLING = ["pubsub"];

test("every service runs with the same few rights, from an image that stays the same", () => {
  const services = servicesOf(readFileSync("compose.yaml", "utf8"));
  expect([...services.keys()]).toEqual(["daemon", "batch", "bucket", "mongodb", "gcs", "pubsub"]);
  const lacking = [...services].filter(([, part]) => !part.includes("<<: *hardened"));
  expect(lacking.map(([name]) => name)).toEqual([]);
  const loose = [...services].filter(([, part]) =>
    /^ {4}image: (?!.*@sha256:[0-9a-f]{64}$)/m.test(part),
  );
  expect(loose.map(([name]) => name)).toEqual(ROLLING);
});

test.each(["Dockerfile", "worker/Dockerfile"])("%s builds on images by digest", (name) => {
  const text = readFileSync(name, "utf8");
  const given = new Map(
    [...text.matchAll(/^ARG (\w+)=(\S+)$/gm)].map(([, key, value]) => [key, value]),
  );
  const named = text.replaceAll(/\$\{(\w+)\}/g, (whole, key: string) => given.get(key) ?? whole);
  const froms = [...named.matchAll(/^FROM (\S+)(?: AS (\S+))?$/gm)];
  const stages = new Set(froms.map(([, , stage]) => stage));
  const others = froms.map(([, image = ""]) => image).filter((image) => !stages.has(image));
  expect(others.length).toBeGreaterThan(0);
  expect(others.filter((image) => !/@sha256:[0-9a-f]{64}$/.test(image))).toEqual([]);
});

test("the daemon's health check is the same for engines that take it from the image and for compose", () => {
  const ofImage = /^HEALTHCHECK .* CMD (\[.*\])$/m.exec(dockerfile)?.[1] ?? "[]";
  const ofCompose = /^ {2}daemon:[^]*?\n {6}test: (\[.*\])$/m.exec(
    readFileSync("compose.yaml", "utf8"),
  )?.[1];
  expect(JSON.parse(ofCompose ?? "[]")).toEqual(["CMD", ...(JSON.parse(ofImage) as string[])]);
});

test.each([".gitignore", ".dockerignore"])(
  "%s keeps settings and secrets of a folder out",
  (name) => {
    const lines = readFileSync(name, "utf8").split("\n");
    expect(lines).toEqual(expect.arrayContaining([".env*", "haystack.config.json"]));
  },
);
