import { join } from "node:path";
import type { Config } from "../config.ts";
import type { HaystackError } from "../errors.ts";
import { given } from "../given.ts";
import type { Clock } from "../services/clock/index.ts";
import type { LiteratureService } from "../services/literature/index.ts";
import { answerCache } from "./litter.ts";

/** The literature search; none unless configured. */
export async function openLiterature(
  config: Config,
  clock: Clock,
  onTrouble?: (trouble: HaystackError) => void,
): Promise<LiteratureService | undefined> {
  if (config.LITERATURE === "none") return undefined;
  const { pubmedLiterature } = await import("../services/literature/pubmed.ts");
  return pubmedLiterature({
    baseUrl: config.NCBI_BASE_URL,
    ...answerCache(config, "literature"),
    rateFile: join(config.dataDir, "cache", "rates.sqlite"),
    timeoutMs: config.LITERATURE_TIMEOUT_SECONDS * 1_000,
    now: () => clock.now(),
    onTrouble,
    ...given({ apiKey: config.NCBI_API_KEY, email: config.NCBI_EMAIL }),
  });
}
