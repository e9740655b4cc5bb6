import { writeFileSync } from "node:fs";
import { SCHEMA_FILES } from "./run-schemas.ts";

/** Rewrites the JSON schemas of runs that other programs insert. */
for (const [file, schema] of Object.entries(SCHEMA_FILES))
  writeFileSync(new URL(`../${file}`, import.meta.url), `${JSON.stringify(schema(), null, 2)}\n`);
