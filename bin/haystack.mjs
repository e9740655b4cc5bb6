#!/usr/bin/env node
// Plain JavaScript for every Node: those that the product cannot run on are told what to do.
import { existsSync } from "node:fs";

const NEEDED = 24;
const sources = new URL("../cli/haystack.ts", import.meta.url);
const isCheckout = existsSync(sources);

if (Number.parseInt(process.versions.node) < NEEDED) {
  const instead = isCheckout ? "npx haystack" : `npx --yes --package=node@${NEEDED} -- haystack`;
  const message = `Node ${NEEDED} is needed, and this is Node ${process.versions.node}; install Node ${NEEDED} (https://nodejs.org), or let npm bring it by starting every command with: ${instead}`;
  process.stderr.write(`haystack: ${message}\n`);
  if (process.argv.includes("--json"))
    process.stdout.write(`${JSON.stringify({ error: "USAGE", error_type: "client", message })}\n`);
  process.exitCode = 2;
} else {
  await import((isCheckout ? sources : new URL("../dist/cli/haystack.js", import.meta.url)).href);
}
