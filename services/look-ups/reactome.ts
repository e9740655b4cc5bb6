import { z } from "zod";
import type { GuardedClient } from "../http/guarded-client.ts";
import type { PathwayDatabase } from "./index.ts";

const HUMAN = "9606";

const pathwaysSchema = z.array(z.object({ stId: z.string(), displayName: z.string() }));

/**
 * Pathways of a protein by its UniProt accession, from Reactome's content service. `base` ends with
 * a slash.
 */
export function reactomePathways(base: URL, client: GuardedClient): PathwayDatabase {
  return {
    name: "Reactome",
    async pathwaysOf({ accession }, signal) {
      const url = new URL(`data/mapping/UniProt/${accession}/pathways?species=${HUMAN}`, base);
      const found = await client.getJson({ url, secret: {}, schema: pathwaysSchema }, signal);
      return found.map(({ stId, displayName }) => ({ id: stId, name: displayName }));
    },
  };
}
