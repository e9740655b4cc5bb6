import { describe, expect, test } from "vitest";
import { HaystackError } from "../../errors.ts";
import { loadKnowledge } from "../../science/knowledge/load.ts";
import type { StructuredQuery } from "../../science/query/structured-query.ts";
import { understandQuestion } from "../../science/query/understand.ts";
import { atlasIndex, refusalOf } from "./query-atlas.ts";

/** Words of question, time and dose in other languages are no names; what is not known is refused. */

const everything = atlasIndex({
  cellTypes: loadKnowledge().cellTypes.map(({ name }) => name),
  perturbations: ["IFN-beta", "TNF"],
});

const REFUSED = null;
type Row = readonly [
  question: string,
  cell: string | null,
  perturbation: string | null,
  time?: string | null,
  dose?: string | null,
];

const READ: Readonly<Record<string, readonly Row[]>> = {
  German: [
    ["Welche Wirkung hat Dexamethason auf Makrophagen?", "macrophage", "dexamethasone"],
    [
      "Was passiert mit NK-Zellen, wenn man ihnen sechs Stunden lang IL-15 gibt?",
      "natural killer cell",
      "il-15",
      "6 h",
    ],
    [
      "Wie antworten Keratinozyten auf 100 ng/ml IL-17A über zwei Tage?",
      "keratinocyte",
      "il-17a",
      "2 d",
      "100 ng/ml",
    ],
    ["Zeige die Antwort menschlicher Hepatozyten auf IL-6.", "hepatocyte", "il-6"],
    ["Reagieren Fibroblasten der Haut auf TGF-beta?", "skin fibroblast", "tgf-beta1"],
    ["Einfluss von Metformin auf Hepatozyten in niedriger Dosis", "hepatocyte", "metformin"],
    ["Könnten Astrozyten durch TNF aktiviert werden?", "astrocyte", "tnf"],
    [
      "Welche Gene ändern sich in dendritischen Zellen unter LPS nach vier Stunden?",
      "dendritic cell",
      "lps",
      "4 h",
    ],
    ["Würden Makrophagen ohne TNF auf IL-4 antworten?", "macrophage", "il-4"],
    ["Wie antworten Monozyten auf einen Antikörper gegen TNF?", "monocyte", "adalimumab"],
  ],
  French: [
    [
      "Comment les lymphocytes B répondent-ils à l'IL-4 pendant 24 heures ?",
      "B cell",
      "il-4",
      "24 h",
    ],
    ["Quel est l'effet de la dexaméthasone sur les macrophages ?", "macrophage", "dexamethasone"],
    [
      "Que se passe-t-il dans les cellules NK traitées par IL-15 pendant deux jours ?",
      "natural killer cell",
      "il-15",
      "2 d",
    ],
    ["Réponse des kératinocytes à l'IL-17A à 50 ng/ml", "keratinocyte", "il-17a", null, "50 ng/ml"],
    [
      "Les fibroblastes pulmonaires réagissent-ils au TGF-bêta après 6 h ?",
      "fibroblast of lung",
      "tgf-beta1",
      "6 h",
    ],
    ["Quels gènes changent dans les hépatocytes exposés à l'IL-6 ?", "hepatocyte", "il-6"],
    ["Effet d'une faible dose de metformine sur les hépatocytes", "hepatocyte", "metformin"],
    ["Traitement des cellules dendritiques par le LPS durant la nuit", REFUSED, REFUSED],
    [
      "Comment les monocytes réagissent-ils à un antagoniste de l'IL-6 ?",
      "monocyte",
      "tocilizumab",
    ],
    ["Comment les monocytes sans TNF réagissent-ils à l'IL-4 ?", "monocyte", "il-4"],
  ],
  Spanish: [
    ["¿Cómo responden los linfocitos B a la IL-4 durante 24 horas?", "B cell", "il-4", "24 h"],
    ["¿Qué efecto tiene la dexametasona sobre los macrófagos?", REFUSED, REFUSED],
    [
      "¿Qué ocurre en las células NK tratadas con IL-15 durante dos días?",
      "natural killer cell",
      "il-15",
      "2 d",
    ],
    ["Respuesta de los queratinocitos a IL-17A a 50 ng/ml", REFUSED, REFUSED],
    [
      "¿Reaccionan los fibroblastos pulmonares al TGF-beta después de 6 h?",
      "fibroblast of lung",
      "tgf-beta1",
      "6 h",
    ],
    ["¿Qué genes cambian en los hepatocitos expuestos a IL-6?", "hepatocyte", "il-6"],
    ["Efecto de una dosis baja de metformina en los hepatocitos", "hepatocyte", "metformin"],
    ["Influencia del TNF en los astrocitos humanos", "astrocyte", "tnf"],
    ["¿Cómo responden los monocitos sin TNF a IL-4?", "monocyte", "il-4"],
    ["Efecto de un inhibidor de la IL-6 en los hepatocitos", "hepatocyte", "tocilizumab"],
  ],
  Japanese: [
    ["B細胞はIL-4に24時間でどう反応しますか？", "B cell", "il-4", "24 h"],
    ["マクロファージに対するデキサメタゾンの効果は何ですか？", REFUSED, REFUSED],
    ["NK細胞をIL-15で2日間処理するとどうなりますか？", "natural killer cell", "il-15", "2 d"],
    ["ケラチノサイトのIL-17A（50 ng/ml）への応答", REFUSED, REFUSED],
    ["肝細胞をIL-6で刺激したときに変化する遺伝子は？", "hepatocyte", "il-6"],
    ["低用量メトホルミンの肝細胞への影響", REFUSED, REFUSED],
    ["TNFアンタゴニストに対するB細胞の反応", "B cell", "adalimumab"],
    ["STAT1ノックアウトのB細胞", "B cell", "stat1-knockout"],
    ["樹状細胞のLPSによる一晩の処理", REFUSED, REFUSED],
    ["抗TNF抗体で処理したB細胞", "B cell", "adalimumab"],
  ],
  Chinese: [
    ["B细胞在IL-4处理24小时后如何反应？", "B cell", "il-4", "24 h"],
    ["地塞米松对巨噬细胞有什么影响？", "macrophage", "dexamethasone"],
    ["角质形成细胞对50 ng/ml IL-17A的反应", "keratinocyte", "il-17a", null, "50 ng/ml"],
    ["成纤维细胞在6小时后对TGF-β有反应吗？", "fibroblast", "tgf-beta1", "6 h"],
    ["肝细胞在IL-6刺激下哪些基因会变化？", "hepatocyte", "il-6"],
    ["低剂量二甲双胍对肝细胞的影响", REFUSED, REFUSED],
    ["健康供者的单核细胞对IFN-β会如何反应？", "monocyte", "ifn-beta"],
    ["树突状细胞经LPS过夜处理", "dendritic cell", "lps", "overnight"],
    ["TNF对人星形胶质细胞的作用", "astrocyte", "tnf"],
    ["抗TNF抗体对单核细胞的作用", "monocyte", "adalimumab"],
  ],
};

const ask = (question: string): StructuredQuery | null => {
  try {
    return understandQuestion(question, [everything]);
  } catch (thrown) {
    if (thrown instanceof HaystackError) return null;
    throw thrown;
  }
};

describe.each(Object.entries(READ))("%s", (_language, rows) => {
  test.each(rows.map((row) => [row[0], row] as const))("%s", (question, row) => {
    const [, cell, perturbation, time = null, dose = null] = row;
    const query = ask(question);
    expect([query?.cell_type.name ?? REFUSED, query?.perturbation.id ?? REFUSED]).toEqual([
      cell,
      perturbation,
    ]);
    if (query !== null) expect([query.time, query.dose]).toEqual([time, dose]);
  });
});

test.each([
  ["How do monocytes respond to an antibody against TNF?", "adalimumab"],
  ["hepatocytes treated with an antagonist of the receptor of IL-6", "tocilizumab"],
  ["hepatocytes and an inhibitor for IL-6", "tocilizumab"],
])("%s: the opposite is not answered, whatever stands between", (question, id) => {
  expect(ask(question)?.perturbation.id ?? id).toBe(id);
  expect(ask(question)?.perturbation.id).not.toMatch(/^(?:tnf|il-6)$/);
});

describe("what is asked otherwise is asked back in each language", () => {
  test.each([
    ["Wie reagieren Makrophagen ohne STAT1 auf IFN-gamma?", "background"],
    ["Wie reagieren STAT1-defiziente Makrophagen auf IFN-gamma?", "background"],
    ["Wie reagieren Makrophagen, denen STAT1 fehlt, auf IFN-gamma?", "background"],
    ["Comment les macrophages sans STAT1 répondent-ils à l'IFN-gamma ?", "background"],
    ["Comment des macrophages déficients en STAT1 répondent-ils à l'IFN-gamma ?", "background"],
    ["¿Cómo responden los monocitos sin STAT1 al IFN-gamma?", "background"],
    ["没有STAT1的巨噬细胞对IFN-γ的反应", "background"],
    ["缺乏STAT1的巨噬细胞对IFN-γ的反应", "background"],
    ["Wie reagieren Makrophagen auf hitzeinaktiviertes LPS?", "inactive"],
    ["¿Cómo responden los monocitos al IFN-beta inactivado?", "inactive"],
    ["Comment les monocytes répondent-ils à l'IFN-bêta inactivé ?", "inactive"],
    ["热灭活的IFN-β对单核细胞的影响", "inactive"],
    ["Welche Rolle spielt STAT1 für die Antwort von Monozyten auf IFN-beta?", "need"],
    ["Brauchen Monozyten STAT1 für die Antwort auf IFN-beta?", "need"],
    ["Quel est le rôle de STAT1 dans la réponse des monocytes à l'IFN-beta ?", "need"],
    ["La dexaméthasone réduit-elle la réponse des monocytes à l'IFN-bêta ?", "combination"],
    ["¿Reduce la dexametasona la respuesta de los monocitos al IFN-beta?", "combination"],
    ["¿Cómo responden los monocitos pretratados con dexametasona al IFN-beta?", "combination"],
    ["Wie reagieren Makrophagen auf den Überstand von Monozyten mit LPS?", "combination"],
    ["Bilden Monozyten IFN-beta?", "cause"],
    ["Les monocytes produisent-ils de l'IFN-beta ?", "cause"],
    ["Reagieren B-Zellen oder T-Zellen stärker auf IFN-beta?", "comparison"],
  ])("%s", (question, asks) => {
    expect(refusalOf(() => understandQuestion(question, [everything])).details?.["asks"]).toBe(
      asks,
    );
  });

  test.each([
    ["Wie reagieren Makrophagen ohne IL-4 auf LPS?", "Lipopolysaccharide"],
    ["Wie reagieren Monozyten ohne Serum auf IFN-beta?", "Interferon beta"],
    ["¿Cómo responden los monocitos al IFN-beta sin TNF?", "Interferon beta"],
    ["Comment réagissent les monocytes à la dexaméthasone ?", "Dexamethasone"],
    ["Quel est le rôle de l'IFN-beta dans les monocytes ?", "Interferon beta"],
    ["Welche Rolle spielt IFN-beta in Monozyten?", "Interferon beta"],
  ])("but not where it is plain: %s", (question, name) => {
    expect(understandQuestion(question, [everything]).perturbation.name).toBe(name);
  });
});
