import { labelKey } from "./tokens.ts";

/**
 * Names of one substance that the public vocabularies have apart or not at all: British and
 * international names, the anions of acids, and what laboratories write on their bottles.
 */

const SAME = `
Acetaminophen: paracetamol
Acyclovir: aciclovir
Angiotensin II: Ang II, AngII
ATP: adenosine triphosphate
Beclomethasone: beclometasone
Cephalexin: cefalexin
Certolizumab pegol: certolizumab
Chlorpheniramine: chlorphenamine
Cholecalciferol: colecalciferol
corticotropin: ACTH, adrenocorticotropic hormone
Cuprizon: cuprizone
Dipyrone: metamizole
Epinephrine: adrenaline
Estrogen: oestrogen
Folic Acid: folate
Follicle Stimulating Hormone: FSH
gamma-Aminobutyric Acid: GABA
Glucagon-like peptide 1: GLP-1
Glutamic Acid: glutamate
Isoproterenol: isoprenaline
itaconic acid: itaconate
Lactic Acid: lactate
Levothyroxine: thyroxine
Linoleic Acid: linoleate
Liothyronine: triiodothyronine
Meperidine: pethidine
Mesalazine: mesalamine
Metribolone: R1881
Niacinamide: nicotinamide
Norepinephrine: noradrenaline
Oleic Acid: oleate
oxidopamine: 6-OHDA, 6-hydroxydopamine
Palmitic Acid: palmitate
potassium chloride: KCl
Propionic Acid: propionate
Rifampin: rifampicin
Streptozocin: STZ
Thyrotropin: TSH
`;

const byOther: ReadonlyMap<string, string> = new Map(
  SAME.trim()
    .split("\n")
    .flatMap((line) => {
      const [name = "", others = ""] = line.split(": ");
      return others.split(", ").map((other) => [labelKey(other), labelKey(name)] as const);
    }),
);

/** The key (see labelKey) under which a vocabulary has what is named so. */
export const usualKey = (key: string): string => byOther.get(key) ?? key;
