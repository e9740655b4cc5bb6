import { join } from "node:path";

/** The measured data sets that the bench asks, and how each is asked. */
export interface TruthSet {
  readonly name: string;
  readonly file: string;
  readonly columns: {
    readonly cell_type: string;
    readonly perturbation: string;
    readonly donor?: string;
  };
  /** Column of times or doses that set groups apart. */
  readonly amount?: string;
  readonly control: string;
  /** What is left out: a cell type, a donor of a type, a time, or a perturbation of a type. */
  readonly withhold: "cell_type" | "donor" | "amount" | "perturbation";
  readonly question: (target: Target) => string;
}

/** The cells to predict; `donor` and `amount` null: all of them. */
export interface Target {
  readonly cell_type: string;
  readonly perturbation: string;
  readonly donor: string | null;
  readonly amount: string | null;
}

const plain = ({ cell_type, perturbation }: Target): string =>
  `How would ${cell_type} respond to ${perturbation}?`;
const ofDonor = ({ cell_type, perturbation, donor }: Target): string =>
  `How would ${cell_type} of donor ${donor} respond to ${perturbation}?`;

export const SETS: readonly TruthSet[] = [
  {
    name: "kang_5_types",
    file: "kang18_ifnb_pbmc.h5ad",
    columns: { cell_type: "cell_type", perturbation: "perturbation", donor: "donor_id" },
    control: "control",
    withhold: "cell_type",
    question: plain,
  },
  {
    name: "kang_8_types",
    file: "kang2018_pbmc_ifnb.h5ad",
    columns: { cell_type: "cell_type", perturbation: "perturbation", donor: "donor_id" },
    control: "control",
    withhold: "cell_type",
    question: plain,
  },
  {
    name: "kang_3_donors",
    file: "kang2018_pbmc_ifnb_3donors.h5ad",
    columns: { cell_type: "cell_type", perturbation: "perturbation", donor: "donor_id" },
    control: "control",
    withhold: "donor",
    question: ofDonor,
  },
  {
    name: "glioblastoma",
    file: "gbm_panobinostat.h5ad",
    columns: { cell_type: "celltype", perturbation: "condition", donor: "patient" },
    control: "ctrl",
    withhold: "donor",
    question: ofDonor,
  },
  {
    name: "thp1_crispr",
    file: "papalexi2021_thp1_crispr.h5ad",
    columns: { cell_type: "cell_type", perturbation: "perturbation", donor: "replicate" },
    control: "control",
    withhold: "donor",
    question: ({ cell_type, perturbation, donor }) =>
      `How would ${cell_type} of donor ${donor} respond to knock-out of ${perturbation}?`,
  },
  {
    name: "k562_activation",
    file: "norman2019_k562_crispra.h5ad",
    columns: { cell_type: "cell_type", perturbation: "perturbation" },
    control: "control",
    withhold: "perturbation",
    question: ({ cell_type, perturbation }) =>
      `How would ${cell_type} respond to overexpression of ${perturbation.replace("+", " and ")}?`,
  },
  {
    name: "a549_time",
    file: "scicar2018_a549_dexamethasone.h5ad",
    columns: { cell_type: "cell_type", perturbation: "perturbation" },
    amount: "time_h",
    control: "control",
    withhold: "amount",
    question: ({ cell_type, perturbation, amount }) =>
      `How would ${cell_type} respond to ${perturbation} after ${Number(amount)} h?`,
  },
];

export const placeOf = (set: TruthSet, folder: string): string => join(folder, set.file);
