import { livingDescendants } from "./descendants.ts";
import { processesOfJob } from "./process.ts";

/** Ids of all living processes of a job that are known, by its mark or by their parents. */
export const leftOfJob = async (folder: string): Promise<number[]> => [
  ...new Set([...(await processesOfJob(folder)), ...(await livingDescendants(folder))]),
];
