import { createHash } from "node:crypto";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { ownFile } from "../../own-files.ts";

/** What stands inside every report, and how its policy names it. */
interface PagePart {
  readonly text: string;
  /** As a source of a Content-Security-Policy. */
  readonly source: string;
}

export const TEMPLATES = ownFile("science/report/templates");

function part(name: string): PagePart {
  const text = readFileSync(join(TEMPLATES, name), "utf8");
  return { text, source: `'sha256-${createHash("sha256").update(text).digest("base64")}'` };
}

export const STYLE = part("report.css");

/** Sorts tables and saves figures. */
export const SCRIPT = part("report.js");
