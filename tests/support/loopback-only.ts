import { existsSync, mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { delimiter, join, resolve } from "node:path";
import { pathToFileURL } from "node:url";
import { afterAll } from "vitest";

/**
 * For every test file: it fails when it, one of its threads or any Node or Python process below it
 * dialled or looked up an address beyond this machine, whatever it made of the refusal. The servers
 * that are neither (emulators in Java and Go, MongoDB) get no address to dial.
 */

const folder = mkdtempSync(join(tmpdir(), "haystack-dials-"));
const notes = join(folder, "outside");
const guard = pathToFileURL(resolve("tests/support/loopback-guard.ts"));
guard.searchParams.set("notes", notes);

process.env["OUTSIDE_DIALS"] = notes;
process.env["NODE_OPTIONS"] = [process.env["NODE_OPTIONS"], `--import=${guard.href}`]
  .filter(Boolean)
  .join(" ");
process.env["PYTHONPATH"] = [resolve("tests/support/loopback-python"), process.env["PYTHONPATH"]]
  .filter(Boolean)
  .join(delimiter);
// Clients of the tests themselves; the product stays here by itself when its servers do.
process.env["METADATA_SERVER_DETECTION"] = "none";
for (const name of Object.keys(process.env))
  if (/^(https?|all|no)_proxy$/i.test(name)) delete process.env[name];

afterAll(() => {
  const dialled = existsSync(notes) ? readFileSync(notes, "utf8").trimEnd().split("\n") : [];
  rmSync(folder, { recursive: true, force: true });
  if (dialled.length > 0)
    throw new Error(`Addresses beyond this machine were dialled: ${dialled.join(", ")}`);
});
