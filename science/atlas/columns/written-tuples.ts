import { amountText } from "./amount-text.ts";

/** "[('Adagrasib', 0.05, 'uM'), ('DMSO_TF', 0.0, 'uM')]": drugs and doses as Python writes them. */
export interface WrittenTuple {
  readonly name: string;
  readonly dose: string;
}

const QUOTED = String.raw`'[^']*'|"[^"]*"`;
const TUPLE = new RegExp(
  String.raw`\(\s*(?<name>${QUOTED})\s*,\s*(?<number>\d+(?:\.\d+)?(?:e[+-]?\d+)?)\s*,\s*(?<unit>${QUOTED})\s*\)`,
  "gi",
);

/** The tuples of a label that is nothing else; none for other labels. */
export function writtenTuples(label: string): readonly WrittenTuple[] {
  const found = [...label.matchAll(TUPLE)];
  if (found.length === 0 || /[^[\],\s]/.test(label.replaceAll(TUPLE, ""))) return [];
  return found.map(({ groups = {} }) => ({
    name: unquoted(groups["name"] ?? ""),
    dose: amountText(groups["number"] ?? "", unquoted(groups["unit"] ?? "")),
  }));
}

const unquoted = (text: string): string => text.slice(1, -1).trim();
