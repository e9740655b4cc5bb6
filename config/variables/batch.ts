import { z } from "zod";
import { anyText, flag, listOf, serviceAccount, whole } from "../forms.ts";

/** Region, machine with its accelerators, provisioning model, US dollars per hour. */
export const OFFER =
  /^([a-z]+-[a-z]+\d+)\/([a-z0-9-]+(?: with \d+ [a-z0-9-]+)?)\/(SPOT|STANDARD|FLEX_START)=\s*(\d+(?:\.\d+)?)$/;

/** GPU jobs on Google Batch, and their events by Pub/Sub. */
export const batch = {
  BATCH_PROJECT: anyText()
    .optional()
    .describe("Google Cloud project of the GPU jobs; they run on this machine if unset"),
  BATCH_LOCATION: anyText()
    .regex(
      /^[a-z]+(-[a-z]+)+\d+$/,
      "must be a region, such as us-central1; BATCH_ALLOWED_LOCATIONS takes zones",
    )
    .default("us-central1")
    .describe("Region of the jobs"),
  BATCH_IMAGE: anyText().optional().describe("Container image of the STACK worker"),
  BATCH_ENTRYPOINT: anyText()
    .trim()
    .min(1)
    .default("python -m haystack_worker")
    .describe(
      "Program and first arguments in BATCH_IMAGE; image for the image's ENTRYPOINT, which Batch does not start on machines with accelerators",
    ),
  BATCH_MODEL: anyText().default("stack").describe("Name of the model in BATCH_IMAGE"),
  BATCH_MACHINE_TYPE: anyText().default("g2-standard-8").describe("Machine type of a GPU job"),
  BATCH_ACCELERATOR: anyText()
    .default("nvidia-l4")
    .describe("Accelerator type of a GPU job; none for a machine without accelerators"),
  BATCH_ACCELERATOR_COUNT: whole(1, 16).default(1).describe("Number of accelerators of a GPU job"),
  BATCH_INSTALL_GPU_DRIVERS: flag()
    .optional()
    .describe("Have Batch install the accelerator drivers; true unless there are no accelerators"),
  BATCH_PROVISIONING: z
    .enum(["SPOT", "STANDARD"])
    .default("SPOT")
    .describe("Provisioning model of the first attempts"),
  BATCH_SPOT_PREEMPTIONS: whole(0, 100)
    .default(2)
    .describe(
      "Number of preemptions and shortages after which a job gets the next offer: a standard machine, or the next of BATCH_OFFERS",
    ),
  BATCH_PRICES: listOf(
    /^[^=]+=\s*\d+(\.\d+)?\/\d+(\.\d+)?$/,
    "MACHINE=SPOT/STANDARD",
    "g2-standard-8 with 1 nvidia-l4=0.35/0.85",
  ).describe(
    "US dollars per hour of machines with their accelerators, in the form MACHINE with COUNT ACCELERATOR=SPOT/STANDARD,...",
  ),
  BATCH_OFFERS: listOf(OFFER, "REGION/MACHINE/SPOT, STANDARD or FLEX_START=USD").describe(
    "Machines for a GPU job in the order in which they are tried, with US dollars per hour, in the form us-central1/g2-standard-8 with 1 nvidia-l4/SPOT=0.35,...; in place of BATCH_MACHINE_TYPE, BATCH_ACCELERATOR, BATCH_PROVISIONING and BATCH_PRICES",
  ),
  BATCH_OFFER_MINUTES: whole(1, 20_160)
    .default(30)
    .describe(
      "Minutes without capacity or quota for its machine after which a waiting job is moved to the next offer",
    ),
  BATCH_BOOT_DISK_GB: whole(10, 65_536).default(100).describe("Size of a job's boot disk, in GB"),
  BATCH_BOOT_DISK_IMAGE: anyText()
    .optional()
    .describe(
      "Boot disk image: batch-debian, batch-cos, batch-hpc-rocky, or projects/PROJECT/global/images/NAME",
    ),
  BATCH_BOOT_DISK_TYPE: anyText()
    .optional()
    .describe(
      "Boot disk type of a GPU job, such as pd-ssd; by default hyperdisk-balanced on machines that start from no other",
    ),
  BATCH_CPU_MILLI: whole(1, 1_000_000)
    .default(8_000)
    .describe("CPU of a GPU job, in thousandths of a core"),
  BATCH_MEMORY_MIB: whole(1, 16_777_216).default(30_000).describe("Memory of a GPU job, in MiB"),
  BATCH_ALLOWED_LOCATIONS: listOf(
    /^(regions|zones)\/[a-z0-9-]+$/,
    "regions/NAME or zones/NAME",
  ).describe(
    "Regions or zones for the machines, such as zones/us-central1-a,...; BATCH_LOCATION if empty",
  ),
  BATCH_CONTAINER_OPTIONS: anyText()
    .optional()
    .describe("Options of docker run, such as --shm-size=8g"),
  BATCH_MOUNT_OPTIONS: anyText().optional().describe("Options of gcsfuse, separated by commas"),
  BATCH_ENVIRONMENT: listOf(/^[^=\s]+\s*=/, "NAME=value").describe(
    "Environment variables of the worker, such as STACK_CHECKPOINT=/path,...",
  ),
  BATCH_SERVICE_ACCOUNT: serviceAccount().describe("Service account of GPU jobs"),
  BATCH_NETWORK: anyText().optional().describe("Network of the jobs, such as global/networks/NAME"),
  BATCH_SUBNETWORK: anyText()
    .optional()
    .describe("Subnetwork of the jobs, such as regions/REGION/subnetworks/NAME"),
  BATCH_NO_EXTERNAL_IP: flag()
    .default(false)
    .describe("Give jobs no external IP address; needs BATCH_NETWORK and BATCH_SUBNETWORK"),
  BATCH_RESERVATION: anyText()
    .optional()
    .describe("Reservation that GPU jobs use, or NO_RESERVATION; any that fits if unset"),
  BATCH_IMAGE_STREAMING: flag()
    .default(false)
    .describe("Start GPU jobs while their image is still being fetched from Artifact Registry"),
  BATCH_LABELS: listOf(/^[^=\s]+\s*=/, "name=value").describe(
    "Additional labels of the jobs, in the form name=value,...",
  ),
  BATCH_ENDPOINT: anyText()
    .optional()
    .describe("Batch server on this machine to use instead of Google's, host:port"),
  PUBSUB_TOPIC: anyText().optional().describe("Topic that Batch publishes job changes to"),
  PUBSUB_SUBSCRIPTION: anyText()
    .optional()
    .describe("Pull subscription to PUBSUB_TOPIC, used by this deployment alone"),
  PUBSUB_DEAD_LETTER_TOPIC: anyText()
    .optional()
    .describe("Topic for messages that were rejected too often"),
  PUBSUB_CREATE: flag().default(false).describe("Create missing topics and subscriptions"),
  PUBSUB_EMULATOR_HOST: anyText().optional().describe("Pub/Sub emulator, host:port"),
};
