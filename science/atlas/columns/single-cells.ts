import type { CodedLabels, ReadLabels } from "./labels.ts";
import { plain } from "./usual-names.ts";

/**
 * Columns in which the maker of a file says that some of its cells are no single cells, or not good:
 * those of doublet finders, demultiplexing and quality checks.
 */

/** Plain labels of what is no single cell. */
export const NO_SINGLE_CELL =
  /^(?:(?:heterotypic|homotypic|predicted)?(?:doublets?|multiplets?)|multipletdoublet|empty(?:droplets?)?|ambient|debris)$/;
/** As demultiplexing calls them, beside doublets. */
const SINGLE = /^(?:singlets?|sng)$/;
const SHORT = /^(?:dbl|mul|multi)$/;
const UNCLEAR = /^(?:negative|ambs?|ambiguous)$/;
const NAMES =
  /doublet|singlet|multiplet|dbl|classif|class(?:global)?$|^hto|hashtag|hashing|demux|freemux|souporcell|vireo|scrublet|droplet|quality|status/;
/** Flags of doublets: predicted_doublet, is_doublet, doublet. */
const FLAG =
  /^(?:is|predicted|pred|scrublet|called|solo|dd|df)*doublets?(?:predicted|prediction|pred|call|called|flag)?$/;
const SET = /^(?:true|1|1\.0|yes)$/i;
/** Of columns of such names the mark is that of a cell that is not good. */
const BAD_FLAG =
  /^(?:is)?(?:(?:low|bad|poor)quality(?:cells?)?|(?:mt|qc|mito)?outliers?|(?:qc)?(?:fail(?:s|ed)?|discard(?:ed)?|excluded?)(?:qc|filters?|cells?)?|dead(?:cells?)?|dying)$/;
const OF_QUALITY = new RegExp(`quality|pass|qc|${BAD_FLAG.source}`);
const NOT_GOOD = /^(?:lowquality|low|bad|poor|fail(?:ed)?|minimal|dead|dying)$/;
const PASSES =
  /^(?:is)?(?:pass(?:ed|es|ing)?(?:filters?|qc|quality)|qcpass(?:ed)?|filterpass(?:ed)?)$/;
/** Columns of more labels name other things as well. */
const MOST_LABELS = 20;
/** A file that calls most of its cells doublets means something else. */
const MOST = 0.5;

export interface NotSingle {
  readonly column: CodedLabels;
  /** The labels of cells that are left out. */
  readonly out: ReadonlySet<string>;
}

/** The columns that mark cells which are no single cells, with the labels that do. */
export function notSingle(obs: readonly string[], read: ReadLabels): NotSingle[] {
  return columns(obs, read, NAMES).flatMap((column) => {
    const isFlag = FLAG.test(plain(column.name));
    const marks = column.labels.filter((label) =>
      isFlag
        ? SET.test(label) || NO_SINGLE_CELL.test(plain(label))
        : NO_SINGLE_CELL.test(plain(label)),
    );
    const hasSinglets = column.labels.some((label) => SINGLE.test(plain(label)));
    const short = hasSinglets ? column.labels.filter((label) => SHORT.test(plain(label))) : [];
    const unclear = column.labels.filter((label) => UNCLEAR.test(plain(label)));
    const several = [...marks, ...short];
    const out = new Set([...several, ...(hasSinglets && several.length > 0 ? unclear : [])]);
    const n = cellsOf(column, out);
    return n === 0 || n > MOST * column.codes.length ? [] : [{ column, out }];
  });
}

/** What is to be known of cells that their maker found not good, one sentence a column. */
export function notGood(obs: readonly string[], read: ReadLabels): string[] {
  return columns(obs, read, OF_QUALITY).flatMap((column) => {
    const isPass = PASSES.test(plain(column.name));
    const isFlag = BAD_FLAG.test(plain(column.name));
    const bad = column.labels.filter(
      (label) =>
        NOT_GOOD.test(plain(label)) ||
        (isPass && /^(?:false|0|0\.0|no)$/i.test(label)) ||
        (isFlag && SET.test(label)),
    );
    const good = column.labels.filter((label) => !bad.includes(label));
    const n = cellsOf(column, new Set(bad));
    return n === 0 || good.length === 0
      ? []
      : [
          `${n} cells are not good by ${column.name} (${bad.join(", ")}) and were kept (--only "${column.name}=${good[0] ?? ""}" imports the others).`,
        ];
  });
}

const columns = (obs: readonly string[], read: ReadLabels, names: RegExp): CodedLabels[] =>
  obs
    .filter((name) => names.test(plain(name)) && !/score|prob|fraction|percent/.test(plain(name)))
    .map(read)
    .filter(({ labels }) => labels.length <= MOST_LABELS);

function cellsOf({ labels, codes }: CodedLabels, those: ReadonlySet<string>): number {
  const isOne = labels.map((label) => those.has(label));
  return codes.reduce((n, code) => n + (isOne[code] === true ? 1 : 0), 0);
}
