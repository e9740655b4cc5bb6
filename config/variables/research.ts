import { z } from "zod";
import { address, anyText, listed, whole } from "../forms.ts";

/** Literature and look-ups of genes. */
export const research = {
  LITERATURE: z
    .enum(["none", "pubmed"])
    .default("none")
    .describe("Source of the component literature_support: PubMed, or none"),
  NCBI_API_KEY: anyText()
    .optional()
    .describe("Key that raises the limit from three to ten requests a second"),
  NCBI_EMAIL: anyText().optional().describe("Contact address for NCBI"),
  NCBI_BASE_URL: address()
    .default("https://eutils.ncbi.nlm.nih.gov/entrez/eutils")
    .describe("URL of the E-utilities"),
  LITERATURE_CACHE_DAYS: z.coerce
    .number()
    .min(0)
    .max(3_650)
    .default(30)
    .describe("Days for which answers of PubMed, UniProt, Reactome and KEGG are cached"),
  LOOKUPS: anyText()
    .refine(
      isLookUps,
      "must be empty or uniprot, optionally followed by reactome and kegg, such as uniprot,reactome,kegg",
    )
    .default("")
    .describe(
      "Databases in which the language model may look up genes: uniprot, optionally with reactome and kegg (academic use only), such as uniprot,reactome,kegg",
    ),
  UNIPROT_BASE_URL: address().default("https://rest.uniprot.org").describe("URL of UniProt"),
  REACTOME_BASE_URL: address()
    .default("https://reactome.org/ContentService")
    .describe("URL of Reactome's content service"),
  KEGG_BASE_URL: address().default("https://rest.kegg.jp").describe("URL of KEGG's REST service"),
  LITERATURE_TIMEOUT_SECONDS: whole(1, 600)
    .default(10)
    .describe("Time limit of a request to PubMed, UniProt, Reactome or KEGG, in seconds"),
};

function isLookUps(text: string): boolean {
  const names = listed(text);
  return (
    names.length === 0 ||
    (names.includes("uniprot") &&
      names.every((name) => ["uniprot", "reactome", "kegg"].includes(name)))
  );
}
