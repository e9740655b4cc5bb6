import { expect, it } from "vitest";
import { controlReading } from "../../../science/atlas/columns/control-labels.ts";

/** What a file knows besides: its genes and the labels that name substances. */
const known = new Set(["STAT1", "WT1", "NT5E", "LUC7L", "TF", "LPS", "IFNB1", "Dexamethasone"]);
const isOther = (word: string) =>
  [...known].some((each) => each.toLowerCase() === word.toLowerCase());

it.each([
  ["non-targeting", "NT NTC NT-1 NTg7 sgNT sgNTC-1 nontargeting Non-Targeting_0012 NegCtrl0"],
  ["non-targeting", "NegCtrl10_NegCtrl0__NegCtrl10_NegCtrl0 safe-targeting_7 scrambled shScr"],
  ["non-targeting", "INTERGENIC216151 AAVS1 non-targeting_00025|non-targeting_00123"],
  ["non-targeting", "3x_neg_ctrl_pMJ144-1 Safe_H sgGAL4-4 Gal4-4(mod)_pBA582 NT--safe-targeting"],
  ["control", "control CTRL ctrl_1 CTRL1 negative_control siControl ctrl+ctrl healthy_control"],
  [
    "vehicle",
    "DMSO DMSO_1 DMSO_0.1% 0.1%_DMSO vehicle_(DMSO) PBS Mock_6h H2O water isotype_control",
  ],
  ["untreated", "unstimulated unstim UNTREATED no_stim resting WT Unperturbed non-treated"],
  ["none", "None"],
  ["like a control", "DMSO_TF CONTROL_A549 GFP mCherry EGFP DMSO_PLX4720 [('DMSO_TF',0.0,'uM')]"],
  [null, "GFP+ GFP- GFP_high mCherry+ KLF1-GFP"],
  [null, "STAT1--NT [('LPS',1.0,'uM')] [('DMSO',0.0,'uM'),('LPS',1.0,'uM')]"],
  [null, "STAT1+ctrl ctrl+STAT1 ctrl_STAT1 DMSO_Dexamethasone LPS+DMSO DMSO+LPS control_LPS"],
  [null, "WT1 NT5E LUC7L NTRK1 NTF3 SCRIB WTAP H2O2 IFNB1 PBS_IFNB1 naive NOTCH1"],
])("%s: %s", (kind, labels) => {
  for (const label of labels.split(" "))
    expect([
      label,
      controlReading(label.replaceAll(/_(?=\(|DMSO$)/g, " "), isOther)?.kind ?? null,
    ]).toEqual([label, kind]);
});
