import { readFileSync } from "node:fs";

/** How this program names itself, in files, answers and traces. */
export const SOFTWARE = {
  name: "haystack",
  version: (
    JSON.parse(readFileSync(new URL("package.json", import.meta.url), "utf8")) as {
      version: string;
    }
  ).version,
} as const;
