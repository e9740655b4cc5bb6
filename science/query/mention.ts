import type { GeneticEffect } from "../knowledge/genetic-words.ts";
import type { CellTypeEntry, PerturbationEntry } from "../knowledge/knowledge.ts";
import type { Token } from "../knowledge/tokens.ts";

/** What a part of a question can mean. A `null` entry is a label that only an atlas knows. */
export type Meaning =
  | { readonly kind: "cell_type"; readonly entry: CellTypeEntry | null; readonly label: string }
  | {
      readonly kind: "perturbation";
      readonly entry: PerturbationEntry | null;
      readonly label: string;
      readonly genetic: { gene: string; effect: GeneticEffect } | null;
    }
  | {
      readonly kind: "ambiguous";
      readonly entries: readonly PerturbationEntry[];
      readonly label: string;
    };

export interface Mention {
  readonly meaning: Meaning;
  /** The name in the data that was found; null for a gene with a genetic word. */
  readonly name: string | null;
  readonly misspelt: boolean;
  /** Token range [from, to). */
  readonly from: number;
  readonly to: number;
}

export type CellTypeMention = Mention & {
  readonly meaning: Extract<Meaning, { kind: "cell_type" }>;
};
/** A mention of what the cells are given. */
export type GivenMention = Mention & { readonly meaning: Exclude<Meaning, { kind: "cell_type" }> };

export const geneticName = ({
  gene,
  effect,
}: {
  readonly gene: string;
  readonly effect: GeneticEffect;
}): string => `${gene} ${effect === "loss" ? "knockout" : "overexpression"}`;

export interface Sentence {
  readonly text: string;
  readonly tokens: readonly Token[];
  /** 1 where a token is used up (by an amount or an earlier mention). */
  readonly taken: Uint8Array;
  /** Where the text instructs its reader, as ranges [from, to) of characters. */
  readonly instructed: readonly (readonly [number, number])[];
}

/** The words of the question that the mention stands for. */
export function wordsOf({ from, to }: Mention, { text, tokens }: Sentence): string {
  return text.slice(tokens[from]?.start, tokens[to - 1]?.end);
}
