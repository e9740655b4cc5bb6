import { labelKey } from "../knowledge/tokens.ts";
import type { Stated } from "./amounts.ts";
import type { AtlasLabels } from "./atlas-labels.ts";
import type { GivenMention, Sentence } from "./mention.ts";
import { partKey } from "./parts.ts";

/** Which perturbations a question gives at once: "A + B", "A/B", "A and B", "A together with B". */

const JOINING = new Set(
  "and plus with together combined combination in along well as und mit sowie zusammen et y avec con the both a an 和 与 加 及 联 合"
    .split(" ")
    .map(labelKey),
);
/** What was there before, or comes after, is given too. */
const ALSO_GIVEN =
  /^\s*(?:,\s*)?(?:in (?:the )?presence of|on top of|followed by|(?:and )?then)\s+(?:an? |the )?$/i;
const ALTERNATIVE = /\b(?:or|oder|vs|versus|than)\b|或/i;
/** "AICAR (acadesine)" gives a second name. */
const SIGN = /[+/&,]/;

/** The chosen mention and those given with it, in the order of the text. */
export function givenTogether(
  chosen: GivenMention,
  given: readonly GivenMention[],
  sentence: Sentence,
): readonly GivenMention[] {
  const inOrder = given.toSorted((a, b) => a.from - b.from);
  const at = inOrder.indexOf(chosen);
  let first = at;
  while (first > 0 && areJoined(inOrder[first - 1], inOrder[first], sentence)) first--;
  let last = at;
  while (last + 1 < inOrder.length && areJoined(inOrder[last], inOrder[last + 1], sentence)) last++;
  const seen = new Set<string>();
  return inOrder.slice(first, last + 1).filter((mention) => {
    const key = partKey(mention.meaning);
    if (seen.has(key) || inOrder.some((other) => isMemberOf(other, mention))) return false;
    seen.add(key);
    return true;
  });
}

/** Amounts may stand between them: "TNF (10 ng/ml) and IL-1". */
function areJoined(
  left: GivenMention | undefined,
  right: GivenMention | undefined,
  { text, tokens, taken }: Sentence,
): boolean {
  if (left === undefined || right === undefined || right.from < left.to) return false;
  const gap = text.slice(tokens[left.to - 1]?.end, tokens[right.from]?.start);
  if (/[;?!。？！；]|\.\s/.test(gap) || ALTERNATIVE.test(gap)) return false;
  if (ALSO_GIVEN.test(gap)) return true;
  const between = tokens.slice(left.to, right.from);
  return (
    between.every(({ key }, index) => taken[left.to + index] === 1 || JOINING.has(key)) &&
    (between.length > 0 || SIGN.test(gap))
  );
}

const JOINS = new Set("and plus with together combined und mit sowie et y avec con".split(" "));
/** "In the presence of anti-IFNAR2." */
const IN_PRESENCE = /^[\s)\]]*(?:,\s*)?(?:in (?:the )?presence of|on top of)\s+(?:an? |the )?/i;
const LISTS = new Set("and plus und sowie et y".split(" "));
const DESCRIBING = new Set(
  "compound drug agent substance molecule molecules small the a an".split(" "),
);
const VEHICLES = new Set(
  "pbs bsa fbs fcs dmso h2o nacl etoh ctrl crispri crispra crispr cas9 dcas9 sirna shrna sgrna".split(
    " ",
  ),
);
/** Names of substances, genes and codes have digits, several capitals or a stem: "RU486", "ABT-999", "xyzumab". */
const LIKE_A_NAME = /\d|\p{Lu}.*\p{Lu}|\p{L}{3}(?:mab|[lrt]inib|kinra|ciclib|parib)$/u;
const WORD = /^[\p{L}\p{N}](?:[\p{Pd}.]?[\p{L}\p{N}])+(?!\+)/u;
const MARKER = /^CD\d/i;

/** The name given at once with these that was not read: "dexamethasone and RU486"; null without one. */
export function unreadBeside(
  together: readonly GivenMention[],
  { text, tokens, taken }: Sentence,
): string | null {
  const key = (index: number): string => (taken[index] === 1 ? "" : (tokens[index]?.key ?? ""));
  const gap = (left: number): string => text.slice(tokens[left]?.end, tokens[left + 1]?.start);
  const nameAt = (index: number): string | null => {
    if (tokens[index] === undefined || taken[index] === 1 || VEHICLES.has(key(index))) return null;
    const name = WORD.exec(text.slice(tokens[index].start))?.[0] ?? "";
    return LIKE_A_NAME.test(name) && !MARKER.test(name) ? name : null;
  };
  let after = Math.max(...together.map(({ to }) => to));
  while (taken[after] === 1) after++;
  const isSigned = /^\s*[+/&]\s*$/.test(gap(after - 1));
  const end = tokens[after - 1]?.end ?? 0;
  const presence = IN_PRESENCE.exec(text.slice(end))?.[0] ?? "";
  while ((tokens[after]?.start ?? text.length) < end + presence.length) after++;
  let joins = isSigned || presence !== "";
  for (; JOINING.has(key(after)) && !/[.;:?!]/.test(gap(after - 1)); after++)
    joins ||= JOINS.has(key(after));
  while (DESCRIBING.has(key(after))) after++;
  if (joins && !/[.;:?!]/.test(gap(after - 1)) && nameAt(after) !== null) return nameAt(after);
  const first = Math.min(...together.map(({ from }) => from));
  const isJoined = LISTS.has(key(first - 1));
  let start = first - 2;
  while (start > 0 && /^\p{Pd}$/u.test(gap(start - 1)) && taken[start - 1] !== 1) start--;
  return isJoined && gap(first - 2) === " " ? nameAt(start) : null;
}

/** "Anti-PD-1 (pembrolizumab)" gives one thing: the class stands for its member. */
function isMemberOf({ meaning }: GivenMention, { meaning: whole }: GivenMention): boolean {
  return (
    whole.kind === "ambiguous" &&
    meaning.kind === "perturbation" &&
    whole.entries.some((entry) => entry === meaning.entry)
  );
}

/** The doses that stand beside one of these mentions, and not beside something else that is given. */
export function dosesOf(
  asked: readonly GivenMention[],
  doses: readonly Stated[],
  given: readonly GivenMention[],
  { tokens }: Sentence,
): Stated[] {
  const gapTo = ({ from, to }: GivenMention, [start, end]: readonly [number, number]): number =>
    Math.max((tokens[from]?.start ?? 0) - end, start - (tokens[to - 1]?.end ?? 0));
  return doses.filter(({ span }) => {
    if (span === undefined) return true;
    const nearest = given.toSorted((a, b) => gapTo(a, span) - gapTo(b, span))[0];
    return nearest === undefined || asked.includes(nearest);
  });
}

/** The labels of the atlases that mean exactly these perturbations, given at once. */
export function labelsOfAll(labels: AtlasLabels, together: readonly GivenMention[]): string[] {
  const wanted = together.map(({ meaning }) => partKey(meaning)).toSorted();
  return labels.perturbations
    .filter(
      ({ parts }) =>
        parts !== undefined &&
        parts.length === wanted.length &&
        parts.every((part, index) => part === wanted[index]),
    )
    .map(({ label }) => label);
}
