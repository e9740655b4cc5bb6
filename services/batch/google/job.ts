import type { protos } from "@google-cloud/batch";
import type { InferenceJobSpec, Provisioning } from "../index.ts";
import { given } from "../../../given.ts";
import { identityOf, INPUTS, inputsLabel } from "./labels.ts";

export type GoogleJob = protos.google.cloud.batch.v1.IJob;

/** The machine, the container and their surroundings, the same for every job of a deployment. */
export interface GoogleJobSettings {
  /** Image of the container; its program is given the work as arguments. */
  readonly image: string;
  /**
   * Program and first arguments of an inference job. On machines with accelerators Google Batch
   * starts no ENTRYPOINT of an image, so that it has to be named; "image": that of the image.
   * Default: WORKER_ENTRYPOINT.
   */
  readonly entrypoint?: readonly string[] | "image";
  readonly machineType: string;
  readonly accelerator?: { readonly type: string; readonly count: number };
  /** Default: true with an accelerator. */
  readonly installGpuDrivers?: boolean;
  readonly bootDisk?: { readonly sizeGb?: number; readonly image?: string; readonly type?: string };
  /** `regions/R` or `zones/Z` of one region. Default: the region of the jobs. */
  readonly allowedLocations?: readonly string[];
  readonly serviceAccount?: string;
  /** Name of a reservation, or NO_RESERVATION. Default: any that fits. */
  readonly reservation?: string;
  /** Start while the image is still being fetched, without Docker and its options. */
  readonly isImageStreamed?: boolean;
  readonly network?: {
    readonly network?: string;
    /** `{region}` stands for that of the job. */
    readonly subnetwork?: string;
    readonly noExternalIp?: boolean;
  };
  /** Labels on jobs and machines beside ours. */
  readonly labels?: Readonly<Record<string, string>>;
  /** What one job takes of the machine; Batch assumes 2,000 of each when absent. */
  readonly cpuMilli?: number;
  readonly memoryMib?: number;
  /** `bucket` or `bucket/prefix`; object paths are relative to it. */
  readonly bucket: string;
  /** Default /mnt/disks/haystack. */
  readonly mountPath?: string;
  /**
   * Options of gcsfuse, each for itself: Google Batch refuses one with a comma. Default:
   * MOUNT_OPTIONS.
   */
  readonly mountOptions?: readonly string[];
  /** Project that pays for requests, where the bucket's requesters do. */
  readonly userProject?: string;
  /** Options of `docker run`, such as `--shm-size=8g`. */
  readonly containerOptions?: string;
  readonly environment?: Readonly<Record<string, string>>;
  /** Variables by name of the Secret Manager version that holds them. */
  readonly secretEnvironment?: Readonly<Record<string, string>>;
  /** `projects/P/topics/T`, told of every change of a job's state. */
  readonly topic: string;
}

/** One job: what is particular to it. */
export interface GoogleJobWork {
  readonly name: string;
  /** Absent: the image's own program. */
  readonly entrypoint?: string;
  readonly commands: readonly string[];
  readonly environment?: Readonly<Record<string, string>>;
  /** By these labels a job is known as ours. */
  readonly identity: Readonly<Record<string, string>>;
  readonly provisioning: Provisioning;
  readonly maxRunSeconds: number;
  /** Whether it works on files of the bucket. */
  readonly mountsBucket: boolean;
  /** False where nobody waits for news of it by the topic. */
  readonly isAwaited?: false;
  /**
   * Several equal tasks, each on a machine of its own and repeated up to `retries` times unless it
   * ended with one of the codes `final`. Default: one, and no retries by Batch (they would hide
   * cost and overwrite outputs).
   */
  readonly tasks?: {
    readonly count: number;
    readonly retries: number;
    readonly final: readonly number[];
  };
}

/** Of the image in worker/. */
const WORKER_ENTRYPOINT: readonly string[] = ["python", "-m", "haystack_worker"];
const MOUNT_PATH = "/mnt/disks/haystack";
/**
 * Writable for user and group 10001, as which the worker's image runs; folders exist by their
 * objects' names alone.
 */
const MOUNT_OPTIONS: readonly string[] = [
  "-o rw",
  "-o allow_other",
  "-implicit-dirs",
  "--uid=10001",
  "--gid=10001",
];
/** Google's own limits: 14 days, and seven for machines of FLEX_START. */
const LONGEST_RUN_SECONDS = 1_209_600;
const LONGEST_FLEX_SECONDS = 604_800;

/** Where a job finds an object of the bucket. */
export const mountedAt = (
  { mountPath = MOUNT_PATH }: Pick<GoogleJobSettings, "mountPath">,
  object: string,
): string => `${mountPath}/${object}`;

/**
 * The arguments of an inference program: object paths below the mounted bucket. A single pair is
 * named as such, for images that know no manifest.
 */
export function inferenceWork(
  spec: InferenceJobSpec,
  settings: GoogleJobSettings,
  provisioning: Provisioning,
): GoogleJobWork {
  const path = (object: string): string => mountedAt(settings, object);
  const { entrypoint = WORKER_ENTRYPOINT } = settings;
  const [program, ...first] = entrypoint === "image" ? [] : entrypoint;
  const [pair, ...more] = spec.pairs;
  return {
    name: spec.kind,
    ...given({ entrypoint: program }),
    commands: [
      ...first,
      ...(pair === undefined || more.length > 0
        ? ["--manifest", path(spec.manifest)]
        : [
            "--prompt",
            path(pair.prompt),
            "--query",
            path(pair.query),
            "--output",
            path(pair.output),
          ]),
      "--seed",
      String(spec.seed),
    ],
    identity: { ...identityOf(spec), ...given({ [INPUTS]: inputsLabel(spec) }) },
    provisioning,
    maxRunSeconds: spec.max_run_seconds,
    mountsBucket: true,
  };
}

/** The body of createJob. */
export function jobBody(
  settings: GoogleJobSettings,
  work: GoogleJobWork,
  location: string,
): GoogleJob {
  const {
    image,
    machineType,
    accelerator,
    bootDisk,
    serviceAccount,
    network,
    cpuMilli,
    memoryMib,
    containerOptions,
  } = settings;
  const labels = { ...settings.labels, ...work.identity };
  const variables = { ...settings.environment, ...work.environment };
  const secretVariables = { ...settings.secretEnvironment };
  const { tasks = { count: 1, retries: 0, final: [] } } = work;
  return {
    taskGroups: [
      {
        taskCount: tasks.count,
        parallelism: tasks.count,
        ...(tasks.count === 1 ? {} : { taskCountPerNode: 1 }),
        taskSpec: {
          runnables: [
            {
              displayName: work.name,
              container: {
                imageUri: image,
                commands: [...work.commands],
                ...given({ entrypoint: work.entrypoint, options: containerOptions }),
                ...(settings.isImageStreamed === true ? { enableImageStreaming: true } : {}),
              },
              ...(Object.keys({ ...variables, ...secretVariables }).length === 0
                ? {}
                : {
                    environment: {
                      variables,
                      ...(Object.keys(secretVariables).length === 0 ? {} : { secretVariables }),
                    },
                  }),
            },
          ],
          ...(cpuMilli === undefined && memoryMib === undefined
            ? {}
            : {
                computeResource: {
                  ...given({ cpuMilli, memoryMib }),
                },
              }),
          maxRunDuration: {
            seconds: Math.min(
              work.provisioning === "FLEX_START" ? LONGEST_FLEX_SECONDS : LONGEST_RUN_SECONDS,
              Math.ceil(work.maxRunSeconds),
            ),
          },
          maxRetryCount: tasks.retries,
          ...(tasks.retries === 0
            ? {}
            : {
                lifecyclePolicies: [
                  {
                    action: "FAIL_TASK" as const,
                    actionCondition: { exitCodes: [...tasks.final] },
                  },
                ],
              }),
          volumes: !work.mountsBucket
            ? []
            : [
                {
                  gcs: { remotePath: settings.bucket },
                  mountPath: settings.mountPath ?? MOUNT_PATH,
                  mountOptions: [
                    ...(settings.mountOptions ?? MOUNT_OPTIONS),
                    ...(settings.userProject === undefined
                      ? []
                      : [`--billing-project=${settings.userProject}`]),
                  ],
                },
              ],
        },
      },
    ],
    allocationPolicy: {
      location: { allowedLocations: [...(settings.allowedLocations ?? [`regions/${location}`])] },
      labels,
      ...(serviceAccount === undefined ? {} : { serviceAccount: { email: serviceAccount } }),
      ...(network === undefined
        ? {}
        : { network: { networkInterfaces: [networkInterface(network, location)] } }),
      instances: [
        {
          installGpuDrivers: settings.installGpuDrivers ?? accelerator !== undefined,
          policy: {
            machineType,
            provisioningModel: work.provisioning,
            ...(accelerator === undefined
              ? {}
              : { accelerators: [{ type: accelerator.type, count: accelerator.count }] }),
            ...(bootDisk === undefined ? {} : { bootDisk: { ...bootDisk } }),
            ...given({ reservation: settings.reservation }),
          },
        },
      ],
    },
    labels,
    logsPolicy: { destination: "CLOUD_LOGGING" },
    notifications:
      work.isAwaited === false
        ? []
        : [{ pubsubTopic: settings.topic, message: { type: "JOB_STATE_CHANGED" } }],
  };
}

function networkInterface(
  { network, subnetwork, noExternalIp }: NonNullable<GoogleJobSettings["network"]>,
  location: string,
): protos.google.cloud.batch.v1.AllocationPolicy.INetworkInterface {
  return given({
    network,
    subnetwork: subnetwork?.replaceAll("{region}", location),
    noExternalIpAddress: noExternalIp,
  });
}
