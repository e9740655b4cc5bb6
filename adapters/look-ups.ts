import { type Config, listed } from "../config.ts";
import type { HaystackError } from "../errors.ts";
import { given } from "../given.ts";
import type { Clock } from "../services/clock/index.ts";
import type { GeneLookUps } from "../services/look-ups/index.ts";
import { answerCache } from "./litter.ts";

/** Look-ups of genes; none unless configured. */
export async function openLookUps(
  config: Config,
  clock: Clock,
  onTrouble?: (trouble: HaystackError) => void,
): Promise<GeneLookUps | undefined> {
  const databases = listed(config.LOOKUPS);
  if (databases.length === 0) return undefined;
  const { uniprotLookUps } = await import("../services/look-ups/uniprot.ts");
  return uniprotLookUps({
    uniprotUrl: config.UNIPROT_BASE_URL,
    ...given({
      reactomeUrl: databases.includes("reactome") ? config.REACTOME_BASE_URL : undefined,
      keggUrl: databases.includes("kegg") ? config.KEGG_BASE_URL : undefined,
    }),
    ...answerCache(config, "look-ups"),
    timeoutMs: config.LITERATURE_TIMEOUT_SECONDS * 1_000,
    now: () => clock.now(),
    onTrouble,
  });
}
