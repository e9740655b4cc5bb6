import { readFileSync } from "node:fs";
import { ownFile } from "./own-files.ts";

/** How this program names itself, in files, answers and traces. */
export const SOFTWARE = {
  name: "haystack",
  version: (
    JSON.parse(readFileSync(ownFile("package.json"), "utf8")) as {
      version: string;
    }
  ).version,
} as const;
