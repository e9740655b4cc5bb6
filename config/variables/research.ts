import { z } from "zod";
import { listed, whole } from "../forms.ts";

/** Literature and look-ups of genes. */
export const research = {
  LITERATURE: z
    .enum(["none", "pubmed"])
    .default("none")
    .describe("Source of literature_support: PubMed, or none"),
  NCBI_API_KEY: z.string().optional().describe("Key for ten requests a second in place of three"),
  NCBI_EMAIL: z.string().optional().describe("Address that NCBI may write to"),
  NCBI_BASE_URL: z
    .url()
    .default("https://eutils.ncbi.nlm.nih.gov/entrez/eutils")
    .describe("Server of the E-utilities"),
  LITERATURE_CACHE_DAYS: z.coerce
    .number()
    .min(0)
    .max(3_650)
    .default(30)
    .describe("Age at which an answer of PubMed, UniProt, Reactome or KEGG is asked for again"),
  LOOKUPS: z
    .string()
    .refine(
      isLookUps,
      "is empty, or uniprot alone or with reactome and kegg, as uniprot,reactome,kegg",
    )
    .default("")
    .describe(
      "Databases that the language model may ask about genes: uniprot, alone or with reactome and kegg (kegg for academic use only), as uniprot,reactome,kegg",
    ),
  UNIPROT_BASE_URL: z.url().default("https://rest.uniprot.org").describe("Server of UniProt"),
  REACTOME_BASE_URL: z
    .url()
    .default("https://reactome.org/ContentService")
    .describe("Content service of Reactome"),
  KEGG_BASE_URL: z.url().default("https://rest.kegg.jp").describe("REST service of KEGG"),
  LITERATURE_TIMEOUT_SECONDS: whole(1, 600)
    .default(10)
    .describe("Longest request to PubMed, UniProt, Reactome or KEGG"),
};

function isLookUps(text: string): boolean {
  const names = listed(text);
  return (
    names.length === 0 ||
    (names.includes("uniprot") &&
      names.every((name) => ["uniprot", "reactome", "kegg"].includes(name)))
  );
}
