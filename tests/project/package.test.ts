import { spawn } from "node:child_process";
import { once } from "node:events";
import { readFileSync } from "node:fs";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect, onTestFinished, test } from "vitest";

interface Package {
  readonly engines: { readonly node: string };
  readonly license: string;
  readonly scripts: Readonly<Record<string, string>>;
  readonly devDependencies: Readonly<Record<string, string>>;
}

const manifest = JSON.parse(readFileSync("package.json", "utf8")) as Package;
const major = (version: string): string => /\d+/.exec(version)?.[0] ?? "";

test("`npm start` without any configuration is a daemon that answers", async () => {
  const folder = await mkdtemp(join(tmpdir(), "haystack-start-"));
  onTestFinished(() => rm(folder, { recursive: true, force: true }));
  const child = spawn("npm", ["start", "--silent"], {
    // Its own folder and port; the guard of the tests is written for Node 24, which npm does not need.
    env: { ...process.env, HAYSTACK_DATA_DIR: folder, HTTP_PORT: "0", NODE_OPTIONS: "" },
    stdio: ["ignore", "ignore", "pipe"],
    detached: true,
  });
  const stop = (signal: NodeJS.Signals): void => {
    if (child.pid !== undefined && child.exitCode === null && child.signalCode === null)
      process.kill(-child.pid, signal);
  };
  onTestFinished(() => stop("SIGKILL"));
  const ended = once(child, "close");
  const address = Promise.withResolvers<string>();
  let log = "";
  child.stderr.setEncoding("utf8").on("data", (text: string) => {
    log += text;
    const [, url] = /"url":"(http:[^"]+)"/.exec(log) ?? [];
    if (url !== undefined) address.resolve(url);
  });
  void ended.then(() => address.reject(new Error(`npm start ended: ${log}`)));
  expect((await fetch(`${await address.promise}/readyz`)).status).toBe(200);
  stop("SIGTERM");
  await ended;
  expect(log).toContain("Draining");
});

test("one version of Node is named everywhere", () => {
  const node = major(manifest.engines.node);
  expect(major(manifest.devDependencies["node"] ?? "")).toBe(node);
  expect(major(manifest.devDependencies["@types/node"] ?? "")).toBe(node);
  const bases = [...readFileSync("Dockerfile", "utf8").matchAll(/^ARG NODE_IMAGE=node:(\d+)/gm)];
  expect(new Set(bases.map(([, version]) => version))).toEqual(new Set([node]));
  expect(readFileSync("README.md", "utf8")).toContain(`needs Node ${node} on the machine`);
});

test("the licence is the one that package.json names", () => {
  expect(manifest.license).toBe("Apache-2.0");
  expect(readFileSync("LICENSE", "utf8")).toMatch(/Apache License\n\s+Version 2\.0/);
});
