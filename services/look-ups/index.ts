/** Port: what public databases know of a human gene. */

export interface GeneFacts {
  /** HGNC symbol. */
  readonly symbol: string;
  readonly protein: string;
  /** UniProt accession. */
  readonly accession: string;
  /** What the protein does, in sentences; "" when nothing is said. */
  readonly function: string;
  readonly pathways: readonly { readonly id: string; readonly name: string }[];
  /** e.g. "UniProt P01574, Reactome" */
  readonly source: string;
}

export type GeneAnswer =
  | { readonly status: "found"; readonly facts: GeneFacts }
  | { readonly status: "unknown" }
  /** The databases could not be asked; the reason is one plain sentence. */
  | { readonly status: "unavailable"; readonly reason: string };

export interface GeneLookUps {
  /** `symbol`: HGNC symbol. Trouble is an answer. Throws only when `signal` aborts. */
  gene(symbol: string, signal?: AbortSignal): Promise<GeneAnswer>;
}
