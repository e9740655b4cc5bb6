import { existsSync } from "node:fs";
import { join, resolve } from "node:path";
import { describe } from "vitest";

const folder = resolve(process.env["HAYSTACK_TEST_DATA"] ?? "../shared/data");
const present = existsSync(join(folder, "kang18_ifnb_pbmc.h5ad"));

if (!present && process.env["CI"] === "true")
  throw new Error(`CI needs the test data in ${folder}.`);

export const KANG = join(folder, "kang18_ifnb_pbmc.h5ad");
export const PBMC68K = join(folder, "pbmc68k_reduced.h5ad");

/** A suite on the real data sets. Skipped, and said so, where they are not at hand. */
export const describeWithData: typeof describe.skip = present ? describe : describe.skip;
