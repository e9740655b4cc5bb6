import { wordsOf } from "./mention.ts";
import type { GivenMention, Mention, Sentence } from "./mention.ts";

/**
 * What stands beside a name and turns it into something else: "heat-inactivated IFN-beta" is none, and
 * "everything but STAT1" is all the others.
 */

const wordSet = (list: string): ReadonlySet<string> => new Set(list.split(" "));
const NO_LONGER = String.raw`(?:in|de|un)activat(?:ed|e)|inactive|boiled|denatured|neutrali[sz]ed|degraded|scrambled|inert|killed|dead|hydroly[sz]ed|oxidi[sz]ed|expired|digested|autoclaved|sonicated|trypsini[sz]ed|(?:un|mis)folded|cleaved|mock|depleted|decomposed|quenched|defective|(?:non|dys)functional|destroyed|spoiled|heated|ineffective|inefficacious|useless|powerless|impotent|antisense|sham|dummy|placebo|spent|stripped|nonbinding|catabolised|catabolized|photobleached|nonsense|(?:hitze)?inaktiviert(?:e[mnrs]?)?|(?:ab)?gekocht(?:e[mnrs]?)?|denaturiert(?:e[mnrs]?)?|unwirksam(?:e[mnrs]?)?|inactivees?|inactives|inactivad[oa]s?|denaturee?s?|desnaturalizad[oa]s?|hervid[oa]s?|impaired|disrupted|faulty|blunted|insufficient|diminished|compromised`;
const INACTIVE = new RegExp(`^(?:${NO_LONGER})$`);
const MADE_INACTIVE =
  /^(?:boiling|heating|inactivation|denaturation|neutrali[sz]ation|digestion|degradation|autoclaving|hydrolysis)$/;
/** Say other things of a name, behind it: "IFN-beta dead cells". */
const ONLY_IN_FRONT = wordSet(
  "dead killed mock depleted spent stripped sham dummy placebo antisense nonsense impaired disrupted faulty blunted insufficient diminished compromised",
);
const IN_FRONT = wordSet(
  "a an the of recombinant human murine mouse native purified form forms version analogue analog isomer metabolite enantiomer heat treated guide sgrna rh dose doses amount amounts concentration concentrations preparation preparations batch lot protein",
);
const BEHIND = wordSet(
  "that which was were is are has have had been being heat uv biologically fully by completely then",
);
/** Behind "non" and "not" they say that it does nothing. */
const ACTING = wordSet("functional active bioactive effective working signaling signalling acting");
const REACH = 4;

/** In front of a name they make it something else: "a soluble receptor for TNF", "mRNA encoding IL-2". */
const OTHER_IN_FRONT =
  /\b(?:resistance|tolerance|insensitivity|refractoriness)\s+to\s+$|(?:灭活|失活|变性|煮沸)过?的?\s*$|\b(?:receptors?|binding proteins?|precursors?|promoters?|m?rnas?|plasmids?|vectors?|mimetics?|analog(?:ue)?s?|fragments?|derivatives?|metabolites?|inducers?|substitutes?|traps?)\s+(?:for|of|against|encoding|coding for|carrying)\s+(?:(?:the|human|mouse|murine)\s+)*$/i;
const LONGEST_IN_FRONT = 60;

/** The words that say that what is given does not act, or is something else; null where nothing does. */
export function saidInactive(mention: GivenMention, sentence: Sentence): string | null {
  const { text, tokens } = sentence;
  const gap = (left: number): string => text.slice(tokens[left]?.end, tokens[left + 1]?.start);
  const key = (index: number): string => tokens[index]?.key ?? "";
  for (let index = mention.from - 1; index >= 0 && index >= mention.from - REACH; index--) {
    if (/[.,;:?!()]/.test(gap(index))) break;
    const isDenied = key(index - 1) === "non" || key(index - 1) === "not";
    if (isDenied && ACTING.has(key(index)))
      return wordsOf({ ...mention, from: index - 1 }, sentence);
    if (INACTIVE.test(key(index)) && !isDenied)
      return wordsOf({ ...mention, from: index }, sentence);
    if (!IN_FRONT.has(key(index))) break;
  }
  const { start = 0 } = tokens[mention.from] ?? {};
  const front = OTHER_IN_FRONT.exec(text.slice(Math.max(0, start - LONGEST_IN_FRONT), start));
  if (front !== null) return `${front[0]}${wordsOf(mention, sentence)}`;
  let after = mention.to;
  while (after < mention.to + REACH && BEHIND.has(key(after))) after++;
  const isBroken = /[.;:?!]/.test(text.slice(tokens[mention.to - 1]?.end, tokens[after]?.start));
  if (!isBroken) {
    const isAfterwards = key(after) === "after" && MADE_INACTIVE.test(key(after + 1));
    if (isAfterwards) return wordsOf({ ...mention, to: after + 2 }, sentence);
    const isByHeat = key(after) === "killed" && ["heat", "uv"].includes(key(after - 1));
    if (isByHeat || (INACTIVE.test(key(after)) && !ONLY_IN_FRONT.has(key(after))))
      return wordsOf({ ...mention, to: after + 1 }, sentence);
  }
  return saidOtherBehind(mention, sentence);
}

/** Behind a name they make it no longer that: "dexamethasone vehicle", "IFN-beta-like molecules". */
const OTHER_THING =
  /^(?:[\s-](?:fragments?|vehicle|placebo|plasmids?|vectors?|insert|mimetics?|precursors?|derivatives?|analogues?|analogs?|metabolites?|wash[\s-]?out|antisense|ASOs?|lysates?|extracts?|resistance|tolerance|insensitivity|refractoriness|desensiti[sz]ation|gene (?:therapy|delivery|transfer))\b|-(?:like|related|resembling)\b)/i;
/** What a virus is made of, but not what is measured: "IFN-beta RNA-seq". */
const NUCLEIC_ACID =
  /^[\s-](?:RNA|DNA|genomes?)\b(?![\s-]+(?:seq|sequenc|express|veloc|methyl|level|profil|free|target|binding|access|content|damage|synthesis|abundance))/i;
/** They are nucleic acids themselves. */
const IS_NUCLEIC_ACID = /\b(?:cpg|poly)/i;
const NO_DOSE = /^\s+(?:at|in)\s+(?:no|zero|a zero|null)\s+(?:dose|concentration|amount)s?\b/i;
/** A clause that is about what stands in front of it. */
const CLAUSE =
  /^\s*[,(]?\s*(?:(?:protein|preparation|solution|stock|cytokine|drug|compound|molecule|batch)s?\s+)?(?:that|which|whose|without|lacking|devoid|deprived|stripped|robbed|bereft|drained|emptied|void|purged|having|rendered|made|turned|left|kept|with (?:no|little|neither|reduced|impaired|its)|unable|incapable|not|no longer)\b/i;
const AT_WORK =
  "(?:active|activ(?:ate|ates|ating)|work\\w*|bind\\w*|signal\\w*|act|acts|acting|function\\w*|engage\\w*|stimulat\\w*|trigger\\w*|exert\\w*)";
const POWER =
  "(?:activit(?:y|ies)|bioactivity|function(?:s|ality)?|potency|efficacy|effects?|action|power|ability|capacity)";
const SITE = "(?:sites?|domains?|motifs?|terminus)";
const LOST = new RegExp(
  `\\b(?:(?:lost|lack(?:s|ing|ed)?|without|no|devoid of|(?:stripped|robbed|bereft|drained|emptied|void|purged) of|depriv\\w+ of|free of|little|loses|losing|reduced|impaired)\\s+(?:[\\w-]+\\s+){0,3}?${POWER}|(?:no longer|not|never|\\w+n[’']t|cannot|unable to|incapable of|fail(?:s|ed|ing)? to)\\s+(?:[\\w-]+\\s+){0,2}?${AT_WORK}|does nothing|(?:rendered|made|turned|become|became|is|was)\\s+(?:[\\w-]+\\s+)?(?:inactive|useless|ineffective|inert|non-?functional)|${SITE}\\s+(?:is|was|has been|are|were)\\s+(?:mutated|deleted|blocked|destroyed|missing|removed)|${POWER}\\s+(?:is|was|has been|had been|were|are)\\s+(?:gone|lost|abolished|destroyed|removed|eliminated|blocked|absent|abrogated|exhausted|neutrali[sz]ed)|${POWER}\\s+(?:gone|lost|abolished|destroyed|removed|eliminated|blocked|abrogated))\\b`,
  "i",
);
/** Something that holds it back is given with it. */
const HELD_BACK =
  /^\s*,?\s*(?:(?:that|which)\s+(?:is|was|were|has been|had been)\s+)?(?:mixed|combined|together|pre-?(?:incubated|mixed|absorbed)|incubated|bound|complexed|neutrali[sz]ed|blocked|captured|sequestered|quenched)\s+(?:with|to|by|in|beforehand)\b[^.;:?!]*\b(?:antibod\w*|anti-\w+|antiserum|antisera|neutrali\w+|decoy|trap|soluble receptor)/i;
/** "If it had been boiled first." */
const IF_IT = new RegExp(
  `^\\s*,?\\s*(?:if|once|when|after|although|provided)\\s+it\\s+(?:is|was|were|has been|had been|gets)\\s+(?:first\\s+)?(?:${NO_LONGER})\\b`,
  "i",
);
const TAKEN_AWAY =
  /^\s*,?\s*(?:(?:that|which)\s+)?(?:is|was|are|were|has been|had been|being)\s+(?:then\s+|later\s+)?(?:removed|withdrawn|taken (?:away|out|off)|washed (?:out|away|off)|depleted|sequestered|scavenged|captured|trapped|omitted|withheld|left out|stopped|discontinued|missing|absent)\b/i;

function saidOtherBehind(mention: GivenMention, { text, tokens }: Sentence): string | null {
  const start = tokens[mention.to - 1]?.end ?? 0;
  const clause = /^[^.;:?!。？！；]{0,120}/.exec(text.slice(start))?.[0] ?? "";
  const named = text.slice(tokens[mention.from]?.start, start);
  const found =
    OTHER_THING.exec(clause) ??
    (IS_NUCLEIC_ACID.test(named) ? null : NUCLEIC_ACID.exec(clause)) ??
    NO_DOSE.exec(clause) ??
    HELD_BACK.exec(clause) ??
    TAKEN_AWAY.exec(clause) ??
    IF_IT.exec(clause) ??
    (CLAUSE.test(clause) ? LOST.exec(clause) : null);
  if (found === null) return null;
  return text.slice(tokens[mention.from]?.start, start + found.index + found[0].length);
}

/** The dose of nothing, which is what control cells get. */
export const isNothing = (dose: string): boolean => Number.parseFloat(dose.replace(",", ".")) === 0;

const SAVE =
  "(?:but(?: not)?|except(?:ing)?(?: for)?|other than|apart from|aside from|besides|save(?: for)?|excluding)";
const EXCEPTED = new RegExp(
  String.raw`\b(?:(?:everything|anything|everyone|all|any|each|every)\s+(?:(?!nothing\b|respon|react|to\b|do\b|does\b|treat|with\b)[\w-]+\s+){0,3}|(?:genes?|cytokines?|drugs?|compounds?|substances?|inhibitors?|cells?|cell types?|perturbations?)\s+)${SAVE}\s+(?:for\s+)?(?:the\s+)?$`,
  "i",
);
/** "Knockout of everything but" within the words of the mention itself. */
const LONGEST = 90;

/** The words of "everything but X"; null where X itself is asked about. */
export function saidExcepted(mention: Mention, { text, tokens }: Sentence): string | null {
  const { start = 0 } = tokens[mention.from] ?? {};
  const front = text.slice(Math.max(0, start - LONGEST), start);
  const found = EXCEPTED.exec(front);
  if (found === null) return null;
  return `${found[0]}${text.slice(start, tokens[mention.to - 1]?.end)}`;
}
