#!/usr/bin/env node
// Plain JavaScript: for Nodes that the product cannot run on, which are told what to do, and because
// what compiles the sources is not loaded where all that they were compiled into is cached.
import { existsSync, mkdirSync, statSync } from "node:fs";
import * as nodeModule from "node:module";
import { homedir } from "node:os";
import { isAbsolute, join } from "node:path";

const NEEDED = 24;
const sources = new URL("../cli/haystack.ts", import.meta.url);
const isCheckout = existsSync(sources);

function refuse() {
  const instead = isCheckout ? "npx haystack" : `npx --yes --package=node@${NEEDED} -- haystack`;
  const message = `Node ${NEEDED} is needed, and this is Node ${process.versions.node}; install Node ${NEEDED} (https://nodejs.org), or let npm bring it by starting every command with: ${instead}`;
  process.stderr.write(`haystack: ${message}\n`);
  if (process.argv.includes("--json"))
    process.stdout.write(`${JSON.stringify({ error: "USAGE", error_type: "client", message })}\n`);
  process.exitCode = 2;
}

/** A folder that nobody else can change: who can change what is compiled can run code. */
function ownCacheFolder() {
  const given = process.env.XDG_CACHE_HOME ?? "";
  try {
    const folder = join(isAbsolute(given) ? given : join(homedir(), ".cache"), "haystack");
    mkdirSync(folder, { recursive: true, mode: 0o700 });
    const { uid, mode } = statSync(folder);
    return uid === process.getuid?.() && (mode & 0o022) === 0 ? folder : undefined;
  } catch {
    return undefined;
  }
}

/** Half of a short command is compiling. Threads and child programs find the cache by the variable. */
function cacheWhatIsCompiled() {
  if (nodeModule.getCompileCacheDir() !== undefined) return;
  const folder = ownCacheFolder();
  if (folder === undefined) return;
  const { status } = nodeModule.enableCompileCache(folder);
  if (status === nodeModule.constants.compileCacheStatus.ENABLED)
    process.env.NODE_COMPILE_CACHE = folder;
}

if (Number.parseInt(process.versions.node) < NEEDED) refuse();
else {
  cacheWhatIsCompiled();
  await import((isCheckout ? sources : new URL("../dist/cli/haystack.js", import.meta.url)).href);
}
