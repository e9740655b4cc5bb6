#!/usr/bin/env node
import { enableCompileCache } from "node:module";
import { homedir } from "node:os";
import { isAbsolute, join } from "node:path";

// A third of a short command is compiling. What is compiled lies in the user's own folder, where
// nobody else can change it.
const given = process.env["XDG_CACHE_HOME"] ?? "";
enableCompileCache(join(isAbsolute(given) ? given : join(homedir(), ".cache"), "haystack"));
const { main } = await import("./main.ts");

process.exitCode = await main(process.argv.slice(2));
