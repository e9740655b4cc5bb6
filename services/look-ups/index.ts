/** Port: what public databases know of a human gene. */

export interface Pathway {
  readonly id: string;
  readonly name: string;
}

export interface GeneFacts {
  /** HGNC symbol. */
  readonly symbol: string;
  readonly protein: string;
  /** UniProt accession. */
  readonly accession: string;
  /** What the protein does, in sentences; "" when nothing is said. */
  readonly function: string;
  readonly pathways: readonly Pathway[];
  /** The databases that know the gene and answered, e.g. "UniProt P01574, Reactome, KEGG". */
  readonly source: string;
}

export type GeneAnswer =
  | { readonly status: "found"; readonly facts: GeneFacts }
  | { readonly status: "unknown" }
  /** The databases could not be asked; the reason is one plain sentence. */
  | { readonly status: "unavailable"; readonly reason: string };

/** A database of the pathways that human genes are in. */
export interface PathwayDatabase {
  readonly name: string;
  /**
   * Null when it does not know the gene. Throws when the database could not be asked, or `signal`
   * aborts.
   */
  pathwaysOf(
    gene: Pick<GeneFacts, "symbol" | "accession">,
    signal?: AbortSignal,
  ): Promise<readonly Pathway[] | null>;
}

export interface GeneLookUps {
  /** `symbol`: HGNC symbol. Trouble is an answer. Throws only when `signal` aborts. */
  gene(symbol: string, signal?: AbortSignal): Promise<GeneAnswer>;
}
