import type { CellTypeMention, GivenMention, Mention, Sentence } from "./mention.ts";
import type { Context, StructuredQuery } from "./structured-query.ts";
import { unreadBesideCells } from "./unread-cells.ts";
import { unreadBesideGiven } from "./unread-given.ts";
import type { Vocabulary } from "./vocabulary.ts";

/** What stands beside a name, narrows it and was not read. Each is said, as what was read is broader. */

type Ambiguity = StructuredQuery["ambiguities"][number];

interface Reading extends Pick<StructuredQuery, "cell_type" | "perturbation"> {
  readonly asked: CellTypeMention;
  readonly chosen: readonly GivenMention[];
  /** Every other name that is said to have been read, or not. */
  readonly named: readonly Mention[];
  /** What the cells were given before; the word behind it says so. */
  readonly before: readonly Mention[];
  /** The words of tissue and donor. */
  readonly stated: readonly { readonly text: string }[];
  readonly origins: readonly (Context & { readonly from: number; readonly to: number })[];
  readonly amounts: readonly (readonly [number, number])[];
}

/** Says of the cells and of what they are given which words beside them were not read. */
export function unreadBeside(
  reading: Reading,
  sentence: Sentence,
  vocabulary: Vocabulary,
): Ambiguity[] {
  const { asked, chosen, cell_type, perturbation } = reading;
  const { text, tokens } = sentence;
  const names = [asked, ...chosen, ...reading.named];
  const spans = [
    ...reading.amounts,
    ...reading.stated.map(({ text: words }) => {
      const start = text.indexOf(words);
      return [start, start + words.length] as const;
    }),
  ];
  const isOf = (token: number, wanted: (origin: Reading["origins"][number]) => boolean): boolean =>
    reading.origins.some((each) => each.from <= token && token < each.to && wanted(each));
  const isRead = (token: number): boolean =>
    names.some(({ from, to }) => from <= token && token < to) ||
    reading.before.some(({ to }) => token === to) ||
    isOf(token, ({ chose }) => chose !== null);
  const isOrigin = (token: number): boolean => {
    const { start = 0 } = tokens[token] ?? {};
    return (
      isOf(token, ({ kind }) => kind !== "background" && kind !== "marker") ||
      spans.some(([from, to]) => start >= from && start < to)
    );
  };
  const beside = { sentence, vocabulary, isRead, isOrigin };
  return [
    ...unreadBesideCells(asked, cell_type, beside),
    ...chosen.flatMap((each) => unreadBesideGiven(each, nameOf(each, perturbation), beside)),
  ];
}

const nameOf = (
  { meaning }: GivenMention,
  { name, combination }: StructuredQuery["perturbation"],
): string =>
  combination === undefined
    ? name
    : meaning.kind === "ambiguous"
      ? meaning.label
      : (meaning.entry?.name ?? meaning.label);

/** Whether it says that a name was read as something broader than what was asked. */
export const isBroader = (
  { field, text, alternatives }: Ambiguity,
  query: Pick<StructuredQuery, "cell_type" | "perturbation">,
): boolean => {
  if (alternatives.length > 0 || (field !== "cell_type" && field !== "perturbation")) return false;
  const { match, matched_text } = query[field];
  if (field === "cell_type") return match !== "spelling" || text !== matched_text;
  return text !== matched_text && matched_text.split(" + ").some((part) => text.includes(part));
};
