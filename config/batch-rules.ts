import { listed, pairsOf, type Problem } from "./forms.ts";
import { isHyperdiskOnly } from "./disks.ts";
import { gpuOffers, regionsOfJobs } from "./prices.ts";
import type { Environment } from "./variables.ts";

/**
 * What Google Batch refuses of a job, or takes and then has no machine for, as far as its reference
 * tells (job.proto and task.proto of @google-cloud/batch). Checked before the first job, as a wrong
 * setting fails every one of them.
 */
export function batchDisagreements(given: Environment): Problem[] {
  if (given.BATCH_PROJECT === undefined) return [];
  return [
    ...places(given),
    ...labels(given),
    ...network(given),
    ...disk(given),
    ...reservation(given),
    ...imageStreaming(given),
  ];
}

const regionOfPlace = (place: string): string =>
  place.startsWith("zones/")
    ? place.slice("zones/".length).replace(/-[a-z0-9]+$/, "")
    : place.slice("regions/".length);

function places(given: Environment): Problem[] {
  const { BATCH_LOCATION, BATCH_ALLOWED_LOCATIONS, BATCH_OFFERS } = given;
  const name = "BATCH_ALLOWED_LOCATIONS";
  const allowed = listed(BATCH_ALLOWED_LOCATIONS);
  const elsewhere = allowed.find((place) => !regionsOfJobs(given).has(regionOfPlace(place)));
  if (elsewhere !== undefined)
    return [
      {
        name,
        message: `${elsewhere} is ${
          BATCH_OFFERS === ""
            ? `not in BATCH_LOCATION, ${BATCH_LOCATION}`
            : "in no region of BATCH_OFFERS"
        }: a job's machines have to be in the region of the job`,
      },
    ];
  const ofARegion = [...Map.groupBy(allowed, regionOfPlace).values()];
  return ofARegion.some(
    (same) => same.length > 1 && same.some((place) => place.startsWith("regions/")),
  )
    ? [{ name, message: "is one region or several zones of it, not both" }]
    : [];
}

const LABEL_NAME = /^[\p{Ll}\p{Lo}][\p{Ll}\p{Lo}\p{N}_-]{0,62}$/u;
const LABEL_VALUE = /^[\p{Ll}\p{Lo}\p{N}_-]{0,63}$/u;
const RESERVED = /^(goog|google|haystack)-/;
/** Of Google's 64 on a resource, five are ours. */
const MOST_LABELS = 59;

function labels({ BATCH_LABELS }: Environment): Problem[] {
  const name = "BATCH_LABELS";
  const pairs = pairsOf(BATCH_LABELS);
  const wrong = pairs.find(([label, value]) => !LABEL_NAME.test(label) || !LABEL_VALUE.test(value));
  const reserved = pairs.find(([label]) => RESERVED.test(label));
  return [
    ...(wrong === undefined
      ? []
      : [
          {
            name,
            message: `${wrong.join("=")} is no label: Google takes up to 63 lower-case letters, digits, - and _, and a letter first in a name`,
          },
        ]),
    ...(reserved === undefined
      ? []
      : [
          {
            name,
            message: `${reserved[0]} is reserved: choose a name that begins with none of goog-, google- and haystack-`,
          },
        ]),
    ...(pairs.length > MOST_LABELS
      ? [{ name, message: `has ${pairs.length} labels; a job may have ${MOST_LABELS}` }]
      : []),
  ];
}

const PREFIX = String.raw`(https:\/\/www\.googleapis\.com\/compute\/(v1|beta)\/)?(projects\/[^/]+\/)?`;
const NETWORK = new RegExp(`^${PREFIX}global/networks/[a-z0-9-]+$`);
const SUBNETWORK = new RegExp(
  `^${PREFIX}regions/([a-z0-9-]+|[{]region[}])/subnetworks/[a-z0-9-]+$`,
);

/** In a name, for that of each job. */
const EACH_REGION = "{region}";

function network(given: Environment): Problem[] {
  const { BATCH_LOCATION, BATCH_NETWORK, BATCH_SUBNETWORK, BATCH_NO_EXTERNAL_IP } = given;
  const region = SUBNETWORK.exec(BATCH_SUBNETWORK ?? "")?.at(-1);
  return [
    ...(BATCH_NETWORK === undefined || NETWORK.test(BATCH_NETWORK)
      ? []
      : [
          {
            name: "BATCH_NETWORK",
            message:
              "is no network as Google Batch names one: write global/networks/NAME or projects/PROJECT/global/networks/NAME",
          },
        ]),
    ...(BATCH_SUBNETWORK === undefined ||
    region === EACH_REGION ||
    regionsOfJobs(given).has(region ?? "")
      ? []
      : [
          {
            name: "BATCH_SUBNETWORK",
            message: `is no subnetwork in BATCH_LOCATION: write regions/${BATCH_LOCATION}/subnetworks/NAME, or projects/PROJECT/ before it`,
          },
        ]),
    ...(BATCH_NO_EXTERNAL_IP && (BATCH_NETWORK ?? BATCH_SUBNETWORK) === undefined
      ? [
          {
            name: "BATCH_NO_EXTERNAL_IP",
            message:
              "needs BATCH_NETWORK and BATCH_SUBNETWORK: a network with Private Google Access or Cloud NAT, without which no job leaves SCHEDULED",
          },
        ]
      : []),
  ];
}

const IMAGE = new RegExp(
  `^(batch-(debian|cos|hpc-rocky)|${PREFIX}global/images/(family/)?[a-z0-9-]+)$`,
);

/** The types of the machines of GPU jobs, each once. */
const machinesOf = (given: Environment): readonly string[] => {
  const offered = gpuOffers(given).map(({ machine }) => machine.replace(/ with .*$/, ""));
  return offered.length === 0 ? [given.BATCH_MACHINE_TYPE] : [...new Set(offered)];
};

function disk(given: Environment): Problem[] {
  const { BATCH_BOOT_DISK_IMAGE: image, BATCH_BOOT_DISK_TYPE: type } = given;
  const machines = machinesOf(given);
  return [
    ...(image === undefined || IMAGE.test(image)
      ? []
      : [
          {
            name: "BATCH_BOOT_DISK_IMAGE",
            message:
              "is no image as Google Batch names one: write batch-debian, batch-cos, batch-hpc-rocky, projects/PROJECT/global/images/NAME or projects/PROJECT/global/images/family/NAME",
          },
        ]),
    ...(type?.startsWith("pd-") === true && machines.every(isHyperdiskOnly)
      ? [
          {
            name: "BATCH_BOOT_DISK_TYPE",
            message: `${machines.join(", ")} starts from Hyperdisk only: choose hyperdisk-balanced, or leave it out`,
          },
        ]
      : []),
  ];
}

function reservation(given: Environment): Problem[] {
  const name = "BATCH_RESERVATION";
  if (given.BATCH_RESERVATION === undefined || given.BATCH_RESERVATION === "NO_RESERVATION")
    return [];
  const offers = gpuOffers(given);
  if (offers.some(({ provisioning }) => provisioning === "SPOT"))
    return [
      {
        name,
        message:
          "needs BATCH_PROVISIONING=STANDARD, or BATCH_OFFERS without SPOT: Spot machines use no reservation",
      },
    ];
  return new Set(offers.map(({ machine, region }) => `${region}/${machine}`)).size > 1
    ? [
        {
          name,
          message:
            "is of one machine in one region, and BATCH_OFFERS has others, which would wait for it for ever: offer that machine alone",
        },
      ]
    : [];
}

function imageStreaming({
  BATCH_IMAGE_STREAMING: isStreamed,
  BATCH_IMAGE: image,
  BATCH_CONTAINER_OPTIONS: options,
}: Environment): Problem[] {
  if (!isStreamed) return [];
  return [
    ...(options === undefined
      ? []
      : [
          {
            name: "BATCH_CONTAINER_OPTIONS",
            message:
              "is ignored by Google Batch under BATCH_IMAGE_STREAMING=true, which starts the container without Docker; unset one of them",
          },
        ]),
    ...(image === undefined || /^[a-z0-9-]+-docker\.pkg\.dev\//.test(image)
      ? []
      : [
          {
            name: "BATCH_IMAGE_STREAMING",
            message: "needs an image in Artifact Registry, LOCATION-docker.pkg.dev/...",
          },
        ]),
  ];
}
