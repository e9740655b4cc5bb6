/**
 * Machine series that start from no Persistent Disk, which is what Google Batch gives where no type
 * is named: https://cloud.google.com/compute/docs/disks/hyperdisks, and the series that
 * nextflow-io/nextflow#6841 found so.
 */
const HYPERDISK_ONLY = /^(a3-ultragpu|a4|a4x|a4x-max|c4|c4a|c4d|c4n|g4|h4d|m4|m4n|n4|n4a|n4d|x4)-/;

export const isHyperdiskOnly = (machineType: string): boolean => HYPERDISK_ONLY.test(machineType);

const HYPERDISK = "hyperdisk-balanced";

/** The type of a machine's boot disk; undefined: that of Google Batch, pd-balanced. */
export function bootDiskType(machineType: string, wanted: string | undefined): string | undefined {
  if (!isHyperdiskOnly(machineType)) return wanted;
  return wanted?.startsWith("hyperdisk-") === true ? wanted : HYPERDISK;
}

/**
 * The same for a job that runs on another machine than the one that `wanted` was chosen for: older
 * series start from no Hyperdisk.
 */
export const bootDiskTypeElsewhere = (
  machineType: string,
  wanted: string | undefined,
): string | undefined =>
  isHyperdiskOnly(machineType) || wanted?.startsWith("hyperdisk-") !== true
    ? bootDiskType(machineType, wanted)
    : undefined;
