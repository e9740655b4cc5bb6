import { MOST_GROUPS } from "../limits.ts";
import type { IsOther } from "./control-labels.ts";
import type { Controls } from "./controls.ts";
import { controlCells, controlsByCells, findControls } from "./controls.ts";
import { labelAmounts } from "./label-amounts.ts";
import type { CodedLabels, ReadLabels } from "./labels.ts";
import { idShare, nesting } from "./labels.ts";
import { TYPE_COLUMN } from "./perturbation-kind.ts";
import {
  allOf,
  NOT_PERTURBATION,
  OUTCOME,
  PERTURBATION,
  PERTURBATION_IF_CONTROL,
  PERTURBATION_LIKE,
  plain,
} from "./usual-names.ts";

export interface PerturbationChoice {
  readonly name: string;
  readonly controls: Controls | null;
  /** Columns that could have told the perturbation too. */
  readonly others: readonly string[];
}

interface Candidate {
  readonly column: CodedLabels;
  readonly controls: Controls;
  readonly marked: Uint8Array;
}

/** Columns with more distinct values than this share of the cells name cells, not treatments. */
const NEARLY_UNIQUE = 0.5;
const FLAG = /^(?:is|neg)?(?:control|ctrl|vehicle|ntc)(?:cell|flag)?$/;
const SET = /^(?:true|1|1\.0|yes)$/i;
/** How well two columns have to agree on which cells are controls. */
const AGREEING = 0.99;

/**
 * The column that tells the perturbation: the first usual name that marks control cells and others,
 * unless another one agrees on the controls and tells more: a finer one nested in it, or one in words
 * where it has ids. Guides, wells and doses that only number the coarser labels are not finer.
 */
export function choosePerturbation(
  obs: readonly string[],
  read: ReadLabels,
  isOther: IsOther,
  isKnown: (label: string) => boolean,
): PerturbationChoice | null {
  const likely = allOf(PERTURBATION, obs);
  const like = obs.filter(
    (name) =>
      PERTURBATION_LIKE.test(plain(name)) &&
      !NOT_PERTURBATION.test(plain(name)) &&
      !OUTCOME.test(plain(name)),
  );
  const fitting = [...new Set([...likely, ...allOf(PERTURBATION_IF_CONTROL, obs), ...like])].filter(
    (name) => likely.includes(name) || !TYPE_COLUMN.test(plain(name)),
  );
  const names = fitting.length > 0 ? fitting : withAmounts(obs, read, isOther);
  const columns = names.map(read).filter((column) => isLabelling(column));
  const own = columns.flatMap((column): Candidate[] => {
    const controls = findControls(column, isOther);
    return controls === null ? [] : [{ column, controls, marked: controlCells(column, controls) }];
  });
  const byLabel = own.filter(({ controls }) => controls.main !== null);
  const telling = byLabel.filter(hasPerturbed);
  const named = telling.length === 0 ? byLabel : telling;
  const base =
    telling[0] ??
    flagged(obs, columns, read) ??
    own.find(({ column, controls }) => likely.includes(column.name) && controls.main === null) ??
    byLabel[0];
  if (base === undefined) {
    const name = likely[0];
    return name === undefined ? null : { name, controls: null, others: [] };
  }
  const agreeing = columns.flatMap((column): Candidate[] => {
    if (column === base.column) return [base];
    const mine = named.find((one) => one.column === column);
    if (mine !== undefined && agree(mine.marked, base.marked)) return [mine];
    const controls = controlsByCells(column, base.marked);
    return controls === null ? [] : [{ column, controls, marked: controlCells(column, controls) }];
  });
  let chosen = base;
  for (const other of agreeing) if (tellsMore(other, chosen, isKnown)) chosen = other;
  return {
    name: chosen.column.name,
    controls: chosen.controls,
    others: [...new Set([...named, ...agreeing].map(({ column }) => column.name))].filter(
      (name) => name !== chosen.column.name,
    ),
  };
}

/** Columns like "drugname_drugconc", whose labels name what was given and how much. */
const withAmounts = (obs: readonly string[], read: ReadLabels, isOther: IsOther): string[] =>
  obs.filter((name) => {
    if (!PERTURBATION_LIKE.test(plain(name)) || !/dose|conc/.test(plain(name))) return false;
    const { labels } = read(name);
    return labelAmounts(labels, isOther).size * 2 > labels.length;
  });

/** The controls where only a flag marks them: control = 1, is_control = True. */
function flagged(
  obs: readonly string[],
  columns: readonly CodedLabels[],
  read: ReadLabels,
): Candidate | undefined {
  for (const flag of obs.filter((name) => FLAG.test(plain(name))).map(read)) {
    const marked = Uint8Array.from(flag.codes, (code) =>
      SET.test(flag.labels[code] ?? "") ? 1 : 0,
    );
    for (const column of columns) {
      const controls = column === flag ? null : controlsByCells(column, marked);
      if (controls !== null) return { column, controls, marked };
    }
  }
  return undefined;
}

/** Not so of a treatment that is "none" in every cell, beside the genes of a screen, say. */
const hasPerturbed = ({ column, marked }: Candidate): boolean =>
  column.codes.some((code, cell) => code >= 0 && marked[cell] === 0);

function isLabelling({ labels, codes, missing }: CodedLabels): boolean {
  const given = codes.length - missing;
  if (labels.length > MOST_GROUPS) return false;
  return labels.length > 0 && (given < 8 || labels.length <= Math.max(4, NEARLY_UNIQUE * given));
}

function agree(a: Uint8Array, b: Uint8Array): boolean {
  let same = 0;
  for (let cell = 0; cell < a.length; cell += 1) if (a[cell] === b[cell]) same += 1;
  return same >= AGREEING * a.length;
}

function tellsMore(
  other: Candidate,
  chosen: Candidate,
  isKnown: (label: string) => boolean,
): boolean {
  if (other === chosen) return false;
  const [finer, coarser] = [perturbed(other), perturbed(chosen)];
  if (finer.labels.length === 0) return false;
  const relation = nesting(finer, coarser);
  if (relation === "same")
    return (
      knownShare(finer, isKnown) > knownShare(coarser, isKnown) ||
      (idShare(coarser) > 0.5 && idShare(finer) <= 0.5)
    );
  if (relation === "nested") return idShare(finer) <= 0.5 && !onlyNumbers(finer, coarser);
  return nesting(coarser, finer) === "nested" && onlyNumbers(coarser, finer);
}

/** The column without its control cells. */
function perturbed({ column, marked }: Candidate): CodedLabels {
  const codes = column.codes.map((code, cell) => (marked[cell] === 1 ? -1 : code));
  const used = new Set(codes);
  const position = new Int32Array(column.labels.length).fill(-1);
  const labels = column.labels.filter((_, code) => used.has(code));
  let at = 0;
  for (const code of column.labels.keys())
    if (used.has(code)) {
      position[code] = at;
      at += 1;
    }
  return {
    ...column,
    labels,
    codes: codes.map((code) => (code < 0 ? -1 : (position[code] as number))),
  };
}

function knownShare({ labels }: CodedLabels, isKnown: (label: string) => boolean): number {
  return labels.length === 0 ? 0 : labels.filter(isKnown).length / labels.length;
}

/** Most fine labels only add a number, a dose or a guide to the coarse one: "STAT1g2", "Dex_10". */
function onlyNumbers(fine: CodedLabels, coarse: CodedLabels): boolean {
  const coarseOf = new Map<number, number>();
  for (const [cell, code] of fine.codes.entries())
    if (code >= 0 && !coarseOf.has(code)) coarseOf.set(code, coarse.codes[cell] as number);
  const added = fine.labels.filter((label, code) => {
    const stem = plain(coarse.labels[coarseOf.get(code) ?? -1] ?? "");
    return stem.length > 1 && plain(label).includes(stem) && plain(label) !== stem;
  });
  return added.length * 2 > fine.labels.length;
}
