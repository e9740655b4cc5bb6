/**
 * Text as comparable tokens. Case, hyphens, "+", Greek letters, umlauts, accents, German, Chinese
 * and Japanese words that have one English equivalent ("Zellen", "细胞" -> "cell") vanish, so that one
 * synonym covers many spellings.
 */

export interface Token {
  /**
   * Latin letters and digits in lower case, or one Chinese character, or the English equivalent.
   */
  readonly key: string;
  /**
   * As `key`, but abbreviations not yet unified ("interferon" stays): spelling mistakes are
   * searched in this form.
   */
  readonly plain: string;
  /** Where the token stands in the text as given: [start, end). */
  readonly start: number;
  readonly end: number;
}

const GREEK: Readonly<Record<string, string>> = {
  α: "alpha",
  β: "beta",
  γ: "gamma",
  δ: "delta",
  ε: "epsilon",
  ζ: "zeta",
  η: "eta",
  θ: "theta",
  κ: "kappa",
  λ: "lambda",
  μ: "mu",
  σ: "sigma",
  τ: "tau",
  φ: "phi",
  χ: "chi",
  ψ: "psi",
  ω: "omega",
};
const UMLAUTS: Readonly<Record<string, string>> = { ä: "ae", ö: "oe", ü: "ue", ß: "ss" };

/** Longer ones first: they are tried in this order. */
const CHINESE_WORDS: readonly (readonly [string, string])[] = [
  ["白细胞介素", "il"],
  ["白介素", "il"],
  ["干扰素", "ifn"],
  ["细胞", "cell"],
  ["細胞", "cell"],
  ["敲除", "knockout"],
  ["敲低", "knockdown"],
  ["敲减", "knockdown"],
  ["过表达", "overexpression"],
  ["过夜", "overnight"],
  ["小时", "h"],
  ["分钟", "min"],
  ["時間", "h"],
  ["ノックアウト", "knockout"],
  ["ノックダウン", "knockdown"],
  ["過剰発現", "overexpression"],
  ["欠損", "deficient"],
  ["アンタゴニスト", "antagonist"],
  ["アゴニスト", "agonist"],
  ["インヒビター", "inhibitor"],
  ["インターフェロン", "ifn"],
  ["インターロイキン", "il"],
  ["マクロファージ", "macrophage"],
];

const WORDS: ReadonlyMap<string, string> = new Map([
  ["interleukin", "il"],
  ["interferon", "ifn"],
  ["interferons", "ifn"],
  ["inf", "ifn"],
  ["negative", "neg"],
  ["tumour", "tumor"],
  ["haematopoietic", "hematopoietic"],
  ["zelle", "cell"],
  ["zellen", "cell"],
  ["cellule", "cell"],
  ["cellules", "cell"],
  ["celula", "cell"],
  ["celulas", "cell"],
  ["makrophage", "macrophage"],
  ["makrophagen", "macrophage"],
]);

const CHUNK =
  /[\p{Script=Han}]|[\p{Script=Katakana}ー]+|[\p{Script=Latin}\p{N}\p{M}]+|\p{Script=Greek}/gu;

/**
 * "CD16- monocytes" lack the marker that "CD16+ monocytes" have; in "CD4-T-Zellen" the hyphen only
 * joins.
 */
const MARKER = /^CD\d+\p{L}*$/iu;
const MINUS = /^[-−–](?:$|[\s,;/)]|CD\d)/iu;

/**
 * "αCD3", "αTNF": shorthand for an antibody against it. In names ("TGFα", "α-tocopherol") the
 * letter stands otherwise.
 */
const ANTIBODY = /^α(?=\p{Lu}{2})/u;

/**
 * Splits `text` into tokens. Linear in its length; control and invisible characters only separate.
 */
export function tokenise(text: string): Token[] {
  const tokens: Token[] = [];
  let skipTo = 0;
  for (const match of text.matchAll(CHUNK)) {
    const start = match.index;
    if (start < skipTo) continue;
    const chinese = CHINESE_WORDS.find(([word]) => text.startsWith(word, start));
    if (chinese !== undefined) {
      skipTo = start + chinese[0].length;
      tokens.push({ key: chinese[1], plain: chinese[1], start, end: skipTo });
      continue;
    }
    const negative =
      MARKER.test(match[0]) &&
      MINUS.test(text.slice(start + match[0].length, start + match[0].length + 4));
    const end = start + match[0].length + (negative ? 1 : 0);
    const standsAlone = start === 0 || !/[\p{L}\p{N}]/u.test(text[start - 1] ?? "");
    const antibody = standsAlone && ANTIBODY.test(text.slice(start, start + 3));
    const plain = antibody ? "anti" : plainWord(match[0]) + (negative ? "neg" : "");
    if (plain !== "")
      tokens.push({ key: WORDS.get(plain) ?? germanCognate(plain), plain, start, end });
  }
  return tokens;
}

/** The tokens joined: "IFN-β", "IFN beta" and "interferon beta" all give "ifnbeta". */
export function labelKey(text: string): string {
  return joined(tokenise(text)).asWritten;
}

/**
 * A joined form of the tokens, and the same with each token in the singular ("CD4 T cells":
 * "cd4tcell").
 */
export function joined(
  tokens: readonly Token[],
  form: "key" | "plain" = "key",
): { asWritten: string; singular: string } {
  return {
    asWritten: tokens.map((token) => token[form]).join(""),
    singular: tokens.map((token) => singular(token[form])).join(""),
  };
}

/** Without its plural s; words that end in ss, us or is, and those under three letters, stay. */
function singular(key: string): string {
  return key.length > 2 && /[^sui]s$/.test(key) ? key.slice(0, -1) : key;
}

function plainWord(word: string): string {
  const lower = word.normalize("NFKC").toLowerCase();
  const spelled = lower.replace(
    /[α-ωäöüß]/g,
    (letter) => GREEK[letter] ?? UMLAUTS[letter] ?? letter,
  );
  return spelled.normalize("NFD").replace(/[^\p{L}\p{N}]/gu, "");
}

/**
 * "Monozyten" -> "monocyte", "Plasmazellen" -> "plasmacell", "Fibroblasten" -> "fibroblast",
 * "dendritischen" -> "dendritisch".
 */
function germanCognate(word: string): string {
  if (word.length < 7) return word;
  return word
    .replace(/(?<=isch|lich)e[mnrs]?$/, "")
    .replace(/zyten?$/, "cyte")
    .replace(/zellen?$/, "cell")
    .replace(/blasten$/, "blast")
    .replace(/phagen$/, "phage");
}
