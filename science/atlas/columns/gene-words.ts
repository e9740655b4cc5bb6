/** The symbol of the gene that a word names, by the genes of the file and what is known. */
export type GeneOf = (word: string) => string | null;

/** What marks how a gene is perturbed, or by which guide, and is a rare name of a gene as well. */
const MARK = /^(?:[a-z]|ko|kd|oe|wt|ox|orf|lib|mut|del|high|low)$/i;

/** The gene that a word between others of a label names: of "STAT1_B" the letter is none. */
export const geneWord = (word: string, geneOf: GeneOf): string | null =>
  MARK.test(word.trim()) ? null : geneOf(word.trim());
