import { status } from "@grpc/grpc-js";
import type { protos } from "@google-cloud/batch";
import type { GoogleJob } from "./batch-server-job.ts";

export class CallError extends Error {
  readonly code: number;
  readonly details: string;

  constructor(code: number, details: string) {
    super(details);
    this.code = code;
    this.details = details;
  }
}

const JOB_ID = /^[a-z]([a-z0-9-]{0,61}[a-z0-9])?$/;
const UUID = /^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$/i;
const LABEL_KEY = /^(?!goog-|google-)[\p{Ll}\p{Lo}][\p{Ll}\p{Lo}\p{N}_-]{0,62}$/u;
const LABEL_VALUE = /^[\p{Ll}\p{Lo}\p{N}_-]{0,63}$/u;

/**
 * What Google Batch refuses at createJob, as far as it is documented.
 */
export function checkCreate({
  parent,
  jobId,
  job,
  requestId,
}: protos.google.cloud.batch.v1.ICreateJobRequest): void {
  const location = /^projects\/[^/]+\/locations\/([^/]+)$/.exec(parent ?? "")?.[1];
  const problems = [
    location === undefined && `parent ${parent} is malformed`,
    (jobId ?? "") !== "" && !JOB_ID.test(jobId ?? "") && `job id ${jobId} is malformed`,
    (requestId ?? "") !== "" &&
      (!UUID.test(requestId ?? "") || /^[0-]+$/.test(requestId ?? "")) &&
      `request id ${requestId} is not a non-zero UUID`,
    ...checkBody(job ?? {}, location ?? ""),
  ].filter((problem) => typeof problem === "string");
  if (problems.length > 0) throw new CallError(status.INVALID_ARGUMENT, problems.join("; "));
}

function checkBody(
  { taskGroups, allocationPolicy, labels, notifications }: GoogleJob,
  region: string,
): (string | false)[] {
  const spec = taskGroups?.[0]?.taskSpec;
  const locations = allocationPolicy?.location?.allowedLocations ?? [];
  return [
    taskGroups?.length !== 1 && "exactly one task group is supported",
    (spec?.runnables ?? []).length === 0 && "a task needs a runnable",
    (spec?.maxRetryCount ?? 0) > 10 && "maxRetryCount is above 10",
    (spec?.lifecyclePolicies ?? []).length > 1 && "more than one lifecycle policy is given",
    Number(taskGroups?.[0]?.taskCount ?? 1) > 10_000 && "taskCount is above 10000",
    // Google Batch takes a comma for an attempt at shell injection.
    ...(spec?.volumes ?? []).flatMap(({ mountOptions }) =>
      (mountOptions ?? []).map(
        (option) =>
          !/^-{1,2}[\w-]+([= ][\w.:/-]+)?$/.test(option) &&
          `mount option ${option} has potential shell injection`,
      ),
    ),
    (allocationPolicy?.instances?.[0]?.policy?.machineType ?? "") === "" &&
      "machineType is missing",
    locations.length > 1 &&
      locations.some((place) => place.startsWith("regions/")) &&
      "allowedLocations has a region beside other places",
    ...(allocationPolicy?.network?.networkInterfaces ?? []).map(
      ({ network, subnetwork }) =>
        (network ?? "") === "" &&
        (subnetwork ?? "") === "" &&
        "a network interface names neither network nor subnetwork",
    ),
    ...(allocationPolicy?.instances ?? []).flatMap(({ policy }) => [
      // Where no type is given, it is pd-balanced.
      /^(g4|a4|c4|n4)-/.test(policy?.machineType ?? "") &&
        !(policy?.bootDisk?.type ?? "").startsWith("hyperdisk-") &&
        `${policy?.machineType} takes no Persistent Disk`,
      /^(e2|g2|n1)-/.test(policy?.machineType ?? "") &&
        (policy?.bootDisk?.type ?? "").startsWith("hyperdisk-") &&
        `${policy?.machineType} starts from no Hyperdisk`,
      !["", "NO_RESERVATION"].includes(policy?.reservation ?? "") &&
        policy?.provisioningModel === "SPOT" &&
        "Spot machines use no reservation",
    ]),
    ...locations.map(
      (place) =>
        !(place === `regions/${region}` || place.startsWith(`zones/${region}-`)) &&
        `location ${place} is not in ${region}`,
    ),
    ...[labels, allocationPolicy?.labels].flatMap((given) =>
      Object.entries(given ?? {}).map(
        ([key, value]) =>
          !(LABEL_KEY.test(key) && LABEL_VALUE.test(value)) && `label ${key}=${value} is invalid`,
      ),
    ),
    ...(notifications ?? []).map(
      ({ pubsubTopic }) =>
        !/^projects\/[^/]+\/topics\/[^/]+$/.test(pubsubTopic ?? "") &&
        `topic ${pubsubTopic} is malformed`,
    ),
  ];
}

/** The states that a filter of listJobs asks for, of the forms that are documented. */
export function statesOfFilter(filter: string | null | undefined): string[] | undefined {
  if (filter === undefined || filter === null || filter === "") return undefined;
  return filter.split(" OR ").map((part) => {
    const state = /^status\.state="([A-Z_]+)"$/.exec(part)?.[1];
    if (state === undefined)
      throw new CallError(status.INVALID_ARGUMENT, `filter ${filter} cannot be read`);
    return state;
  });
}
