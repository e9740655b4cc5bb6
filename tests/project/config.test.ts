import { globSync, readFileSync } from "node:fs";
import { expect, test } from "vitest";
import {
  describeConfig,
  gpuOffers,
  handedOn,
  loadConfig,
  mongodbOf,
  promptsPerRound,
  redactor,
} from "../../config.ts";
import { variables } from "../../config/variables.ts";

const CLOUD = {
  BATCH_PROJECT: "p",
  BATCH_IMAGE: "worker:1",
  GCS_BUCKET: "b",
  PUBSUB_TOPIC: "t",
  PUBSUB_SUBSCRIPTION: "s",
};
const DISPATCHING = {
  ...CLOUD,
  DISPATCH: "batch",
  DISPATCH_IMAGE: "haystack:1",
  MONGODB_URI: "mongodb://127.0.0.1",
  SENDGRID_API_KEY: "SG.x",
  MAIL_FROM: "haystack@example.org",
  DISPATCH_SECRETS: "SENDGRID_API_KEY=projects/p/secrets/s/versions/1",
};

const ON_L4 = "us-central1/g2-standard-8 with 1 nvidia-l4";

test.each<[string, Record<string, string>, readonly string[]]>([
  [
    "Batch without anything that it needs",
    { BATCH_PROJECT: "p" },
    ["BATCH_IMAGE", "GCS_BUCKET", "PUBSUB_TOPIC", "PUBSUB_SUBSCRIPTION"],
  ],
  [
    "a machine without a price",
    { ...CLOUD, BATCH_MACHINE_TYPE: "a2-highgpu-1g", BATCH_ACCELERATOR: "nvidia-tesla-a100" },
    ["BATCH_PRICES \\(has no price for a2-highgpu-1g with 1 nvidia-tesla-a100\\)"],
  ],
  [
    "an image's ENTRYPOINT on a machine with accelerators",
    { ...CLOUD, BATCH_ENTRYPOINT: "image" },
    ["BATCH_ENTRYPOINT \\(Google Batch does not start an image's ENTRYPOINT"],
  ],
  [
    "offers that name no price, and a region that is none",
    { ...CLOUD, BATCH_OFFERS: "us-central1/g2-standard-8 with 1 nvidia-l4/SPOT" },
    ["BATCH_OFFERS"],
  ],
  [
    "a subnetwork of one region for machines of several",
    {
      ...CLOUD,
      BATCH_OFFERS: "us-central1/g2-standard-8/SPOT=0.3,us-east4/g2-standard-8/SPOT=0.3",
      BATCH_SUBNETWORK: "regions/us-central1/subnetworks/s",
    },
    ["BATCH_SUBNETWORK \\(is of one region"],
  ],
  [
    "prices that are no numbers",
    { ...CLOUD, BATCH_PRICES: "g2-standard-8 with 1 nvidia-l4=cheap" },
    ["BATCH_PRICES"],
  ],
  [
    "a program of this machine beside Batch",
    { ...CLOUD, INFERENCE_COMMAND: "predict {prompt} {query} {output}" },
    ["INFERENCE_COMMAND"],
  ],
  [
    "the parts of Batch and Pub/Sub without it",
    { BATCH_IMAGE: "worker:1", PUBSUB_TOPIC: "t", GCS_PREFIX: "runs" },
    [
      "BATCH_IMAGE \\(has no effect without BATCH_PROJECT",
      "PUBSUB_TOPIC",
      "GCS_PREFIX \\(has no effect without GCS_BUCKET",
    ],
  ],
  [
    "parts of other services without them",
    {
      SENDGRID_SANDBOX: "true",
      OPENAI_MODEL: "gpt-5",
      MODEL_MAX_USD: "2",
      INFERENCE_MODEL: "stack",
      MONGODB_DATABASE: "d",
      IAP_AUDIENCE: "a",
      DISPATCH_MAX_JOBS: "2",
      KEGG_BASE_URL: "http://127.0.0.1",
    },
    [
      "MONGODB_DATABASE",
      "INFERENCE_MODEL",
      "SENDGRID_SANDBOX",
      "OPENAI_MODEL",
      "MODEL_MAX_USD",
      "KEGG_BASE_URL",
      "IAP_AUDIENCE",
      "DISPATCH_MAX_JOBS",
    ],
  ],
  [
    "misspelt names",
    { BATCH_MACHINETYPE: "g2-standard-8", MAX_ACTIVE_RUN: "4", MONGODB_URL: "mongodb://127.0.0.1" },
    [
      "BATCH_MACHINETYPE \\(is not a variable; did you mean BATCH_MACHINE_TYPE",
      "MAX_ACTIVE_RUN ",
      "MONGODB_URL",
    ],
  ],
  [
    "jobs that would go without the daemon's secrets",
    {
      ...DISPATCHING,
      MONGODB_URI: "mongodb://ada:secret@db.example",
      OPENAI_API_KEY: "sk",
      OPENAI_BASE_URL: "https://ada:secret@models.example/v1",
      OTEL_EXPORTER_OTLP_HEADERS: "key=k",
      NCBI_API_KEY: "k",
      DISPATCH_SECRETS: "NCBI_API_KEY=projects/p/secrets/n/versions/1",
    },
    [
      "DISPATCH_SECRETS \\(jobs need MONGODB_URI, SENDGRID_API_KEY, OTEL_EXPORTER_OTLP_HEADERS, OPENAI_API_KEY, OPENAI_BASE_URL from",
    ],
  ],
  ["a bucket without Batch", { GCS_BUCKET: "b" }, ["BATCH_PROJECT"]],
  [
    "dispatch without anything that it needs",
    { DISPATCH: "batch" },
    ["BATCH_PROJECT", "DISPATCH_IMAGE", "MONGODB_URI", "SENDGRID_API_KEY"],
  ],
  ["Identity-Aware Proxy without an audience", { AUTH: "iap" }, ["IAP_AUDIENCE"]],
  ["open to other machines without sign-in", { HTTP_HOST: "0.0.0.0" }, ["AUTH"]],
  ["SendGrid without a sender", { SENDGRID_API_KEY: "SG.x" }, ["MAIL_FROM"]],
  [
    "a port that is none, and open to other machines",
    { HTTP_PORT: "http", HTTP_HOST: "0.0.0.0" },
    ["HTTP_PORT", "AUTH"],
  ],
  [
    "a list of locations with a bare zone",
    { ...CLOUD, BATCH_ALLOWED_LOCATIONS: "zones/us-central1-a,us-central1-b" },
    ["BATCH_ALLOWED_LOCATIONS"],
  ],
  [
    "a zone in place of the region",
    { ...CLOUD, BATCH_LOCATION: "us-central1-a" },
    ["BATCH_LOCATION \\(must be a region"],
  ],
  [
    "machines in another region than their jobs",
    { ...CLOUD, BATCH_ALLOWED_LOCATIONS: "zones/us-central1-a, zones/europe-west4-b" },
    ["BATCH_ALLOWED_LOCATIONS \\(zones/europe-west4-b is not in BATCH_LOCATION, us-central1"],
  ],
  [
    "a region and zones of it",
    { ...CLOUD, BATCH_ALLOWED_LOCATIONS: "regions/us-central1,zones/us-central1-a" },
    ["BATCH_ALLOWED_LOCATIONS \\(is one region or several zones"],
  ],
  [
    "labels that are none, or reserved",
    { ...CLOUD, BATCH_LABELS: "Team=a,haystack-run=r" },
    ["BATCH_LABELS \\(Team=a is no label", "BATCH_LABELS \\(haystack-run is reserved"],
  ],
  [
    "more labels than a job may have",
    { ...CLOUD, BATCH_LABELS: Array.from({ length: 60 }, (_, at) => `l${at}=v`).join(",") },
    ["BATCH_LABELS \\(has 60 labels"],
  ],
  [
    "a network by its bare name, and a subnetwork of another region",
    {
      ...CLOUD,
      BATCH_NETWORK: "default",
      BATCH_SUBNETWORK: "regions/europe-west4/subnetworks/jobs",
    },
    ["BATCH_NETWORK", "BATCH_SUBNETWORK \\(is no subnetwork in BATCH_LOCATION"],
  ],
  [
    "no external addresses, and no network to do without them",
    { ...CLOUD, BATCH_NO_EXTERNAL_IP: "true" },
    ["BATCH_NO_EXTERNAL_IP"],
  ],
  [
    "a Persistent Disk on a machine that takes none, and an image by its bare name",
    {
      ...CLOUD,
      BATCH_MACHINE_TYPE: "g4-standard-48",
      BATCH_ACCELERATOR: "nvidia-rtx-pro-6000",
      BATCH_PRICES: "g4-standard-48 with 1 nvidia-rtx-pro-6000=1/4",
      BATCH_BOOT_DISK_TYPE: "pd-ssd",
      BATCH_BOOT_DISK_IMAGE: "my-image",
    },
    ["BATCH_BOOT_DISK_IMAGE", "BATCH_BOOT_DISK_TYPE \\(g4-standard-48 starts from Hyperdisk only"],
  ],
  [
    "a reservation for Spot machines",
    { ...CLOUD, BATCH_RESERVATION: "ours" },
    ["BATCH_RESERVATION \\(needs BATCH_PROVISIONING=STANDARD"],
  ],
  [
    "a reservation for Spot machines among those that are offered",
    {
      ...CLOUD,
      BATCH_PROVISIONING: "STANDARD",
      BATCH_OFFERS: `${ON_L4}/STANDARD=0.85,${ON_L4}/SPOT=0.3`,
      BATCH_RESERVATION: "ours",
    },
    ["BATCH_RESERVATION \\(needs .* BATCH_OFFERS without SPOT"],
  ],
  [
    "one reservation for machines of two regions",
    {
      ...CLOUD,
      BATCH_OFFERS: `${ON_L4}/STANDARD=0.85,us-east4/g2-standard-8 with 1 nvidia-l4/STANDARD=0.85`,
      BATCH_RESERVATION: "ours",
    },
    ["BATCH_RESERVATION \\(is of one machine in one region"],
  ],
  [
    "one reservation for two kinds of machine",
    {
      ...CLOUD,
      BATCH_OFFERS: `${ON_L4}/STANDARD=0.85,us-central1/g2-standard-12 with 1 nvidia-l4/STANDARD=1`,
      BATCH_RESERVATION: "ours",
    },
    ["BATCH_RESERVATION \\(is of one machine in one region"],
  ],
  [
    "machines in a region that is neither offered nor that of jobs",
    {
      ...CLOUD,
      BATCH_OFFERS: "us-east4/g2-standard-8 with 1 nvidia-l4/SPOT=0.3",
      BATCH_ALLOWED_LOCATIONS: "zones/us-east4-c,zones/europe-west4-b",
    },
    ["BATCH_ALLOWED_LOCATIONS \\(zones/europe-west4-b is in no region of BATCH_OFFERS"],
  ],
  [
    "a region and zones of it, beside another one that is offered",
    {
      ...CLOUD,
      BATCH_OFFERS: `${ON_L4}/SPOT=0.3,us-east4/g2-standard-8 with 1 nvidia-l4/SPOT=0.3`,
      BATCH_ALLOWED_LOCATIONS: "zones/us-central1-a,regions/us-east4,zones/us-east4-c",
    },
    ["BATCH_ALLOWED_LOCATIONS \\(is one region or several zones"],
  ],
  [
    "a Persistent Disk where no machine that is offered takes one",
    {
      ...CLOUD,
      BATCH_OFFERS: "us-central1/g4-standard-48 with 1 nvidia-rtx-pro-6000/SPOT=1",
      BATCH_BOOT_DISK_TYPE: "pd-ssd",
    },
    ["BATCH_BOOT_DISK_TYPE \\(g4-standard-48 starts from Hyperdisk only"],
  ],
  [
    "a subnetwork elsewhere than the runs that are jobs",
    {
      ...DISPATCHING,
      BATCH_OFFERS: "us-east4/g2-standard-8 with 1 nvidia-l4/SPOT=0.3",
      BATCH_SUBNETWORK: "regions/us-east4/subnetworks/s",
    },
    ["BATCH_SUBNETWORK \\(is of one region"],
  ],
  [
    "image streaming with what it ignores, of an image that cannot be streamed",
    { ...CLOUD, BATCH_IMAGE_STREAMING: "true", BATCH_CONTAINER_OPTIONS: "--shm-size=8g" },
    ["BATCH_CONTAINER_OPTIONS", "BATCH_IMAGE_STREAMING"],
  ],
  [
    "accounts that are no addresses",
    { ...DISPATCHING, BATCH_SERVICE_ACCOUNT: "jobs", DISPATCH_SERVICE_ACCOUNT: "runs" },
    ["BATCH_SERVICE_ACCOUNT", "DISPATCH_SERVICE_ACCOUNT"],
  ],
  [
    "lists with parts that are no pairs",
    {
      ...CLOUD,
      BATCH_ENVIRONMENT: "A=1,B",
      BATCH_LABELS: "team",
      DISPATCH_SECRETS: "MONGODB_URI=",
    },
    ["BATCH_ENVIRONMENT", "BATCH_LABELS", "DISPATCH_SECRETS"],
  ],
  [
    "several at once",
    { ...CLOUD, DISPATCH: "batch", HTTP_PORT: "http", AUTH: "iap" },
    ["HTTP_PORT", "IAP_AUDIENCE", "DISPATCH_IMAGE", "MONGODB_URI"],
  ],
])("%s: refused, with every variable to correct", (_, environment, names) => {
  expect(() => loadConfig(environment)).toThrow(
    expect.objectContaining({
      code: "CONFIG_INVALID",
      message: expect.stringMatching(new RegExp(names.join("[^]*"))),
    }),
  );
});

test("what is whole is accepted", () => {
  expect(loadConfig({})).toMatchObject({ AUTH: "none", HTTP_HOST: "127.0.0.1" });
  expect(loadConfig(DISPATCHING)).toMatchObject(CLOUD);
  expect(
    loadConfig({
      ...DISPATCHING,
      OPENAI_API_KEY: "sk",
      DISPATCH_SECRETS: `${DISPATCHING.DISPATCH_SECRETS},OPENAI_API_KEY=projects/p/secrets/o/versions/1`,
    }),
  ).toMatchObject(CLOUD);
});

test("every variable has its meaning, and something reads it", () => {
  const readers = globSync("{adapters,actors,cli,insight,server}/**/*.ts")
    .concat(globSync("{*,config/{batch-adapter,mongodb,prices,secrets}}.ts"))
    .map((file) => readFileSync(file, "utf8"))
    .join("\n");
  const described = describeConfig(loadConfig({}));
  expect(described.filter(({ meaning }) => meaning === "").map(({ name }) => name)).toEqual([]);
  expect(described.filter(({ name }) => !new RegExp(`\\b${name}\\b`).test(readers))).toEqual([]);
});

test("what other programs set is left alone", () => {
  const theirs = {
    BATCH_TASK_INDEX: "0",
    BATCH_TASK_COUNT: "1",
    BATCH_JOB_ID: "j",
    HAYSTACK_SERVICE_HOST: "10.0.0.1",
    HAYSTACK_PORT: "tcp://10.0.0.1:80",
    HTTP_PROXY: "http://p",
    PATH: "/bin",
    AUTHOR: "ada",
    ADMIN: "ada",
  };
  const shared = {
    PUBSUB_EMULATOR_HOST: "127.0.0.1:1",
    OPENAI_BASE_URL: "http://127.0.0.1/v1",
    NCBI_API_KEY: "k",
    NCBI_EMAIL: "ada@example.org",
    OTEL_SERVICE_NAME: "s",
  };
  expect(loadConfig({ ...theirs, ...shared })).toMatchObject(shared);
  expect(
    loadConfig({ MONGODB_URI: "mongodb://127.0.0.1", MONGODB_URL: "mongodb://elsewhere" }),
  ).toMatchObject({ MONGODB_URI: "mongodb://127.0.0.1" });
});

test("the price is that of the configured machine", () => {
  const table = {
    BATCH_PRICES:
      "g2-standard-8 with 1 nvidia-l4=0.3/0.8, a3-highgpu-2g with 2 nvidia-h100-80gb=9/22.5",
  };
  const pricesOf = (changes: Record<string, string>) =>
    gpuOffers(loadConfig({ ...CLOUD, ...table, ...changes })).map(
      ({ provisioning, usd_per_hour }) => [provisioning, usd_per_hour],
    );
  expect(pricesOf({})).toEqual([
    ["SPOT", 0.3],
    ["STANDARD", 0.8],
  ]);
  const larger = {
    BATCH_MACHINE_TYPE: "a3-highgpu-2g",
    BATCH_ACCELERATOR: "nvidia-h100-80gb",
    BATCH_ACCELERATOR_COUNT: "2",
    BATCH_PROVISIONING: "STANDARD",
  };
  expect(pricesOf(larger)).toEqual([["STANDARD", 22.5]]);
});

test("passwords in addresses and secrets that are handed on are shown nowhere", () => {
  const config = loadConfig({
    ...CLOUD,
    OPENAI_BASE_URL: "https://ada:hunter2secret@models.example.org/v1",
    OTEL_EXPORTER_OTLP_ENDPOINT: "http://justatoken@collector.example.org:4318",
    MONGODB_URI: "mongodb://ada:p%40ssw0rd1@db.example.org",
    BATCH_CONTAINER_OPTIONS: "--shm-size=8g -e HF_TOKEN=hf_ijklmnop",
    BATCH_ENVIRONMENT: "STACK_CHECKPOINT=/models/stack.ckpt, HF_TOKEN=hf_abcdefgh,API_KEY=short",
  });
  const secrets = /hunter2secret|justatoken|p%40ssw0rd1|p@ssw0rd1|hf_abcdefgh|hf_ijklmnop/;
  const shown = Object.fromEntries(describeConfig(config).map(({ name, value }) => [name, value]));
  expect(JSON.stringify(shown)).not.toMatch(secrets);
  expect(shown).toMatchObject({
    OPENAI_BASE_URL: "https://(hidden)@models.example.org/v1",
    MONGODB_URI: "(hidden)",
    BATCH_ENVIRONMENT: "STACK_CHECKPOINT=/models/stack.ckpt, HF_TOKEN=(hidden),API_KEY=(hidden)",
    BATCH_CONTAINER_OPTIONS: "--shm-size=8g -e HF_TOKEN=(hidden)",
  });
  const local = describeConfig(
    loadConfig({ INFERENCE_COMMAND: "predict --api-key 'hf_qr' --prompt {prompt} --max-tokens 5" }),
  );
  expect(local.find(({ name }) => name === "INFERENCE_COMMAND")?.value).toBe(
    "predict --api-key '(hidden)' --prompt {prompt} --max-tokens 5",
  );
  const line = JSON.stringify({
    url: "https://ada:hunter2secret@models.example.org/v1",
    why: "no p@ssw0rd1 for justatoken",
    mail: "bo@example.org",
    env: "hf_abcdefgh",
    option: "hf_ijklmnop",
    link: "https://x",
    user: "a@b",
  });
  const redacted = redactor(config)(line);
  expect(redacted).not.toMatch(secrets);
  expect(JSON.parse(redacted)).toStrictEqual({
    url: "https://(hidden)@models.example.org/v1",
    why: "no (hidden) for (hidden)",
    env: "(hidden)",
    option: "(hidden)",
    mail: "bo@example.org",
    link: "https://x",
    user: "a@b",
  });
});

test("what carries a right by itself is hidden wherever a program says it: signed links, and tokens by their form", () => {
  const redact = redactor(loadConfig({}));
  const secret = "0123456789abcdefABCDEF0123456789abcdefABCDEF";
  const jwt = `eyJhbGciOiJub25lIn0.eyJzdWIiOiJhZGEifQ.${secret}`;
  for (const text of [
    `GET https://storage.googleapis.com/b/o.h5ad?X-Goog-Date=20261201&X-Goog-Signature=${secret} failed`,
    `https://cdn.example.org/m.ckpt?Expires=1&Signature=${secret}&Key-Pair-Id=1`,
    `https://b.s3.amazonaws.com/m?X-Amz-Expires=60&X-Amz-Signature=${secret}&X-Amz-Security-Token=${secret}`,
    `https://a.blob.core.windows.net/c/m?sv=2026&sig=${secret}`,
    `PUT https://storage.googleapis.com/upload/storage/v1/b/b/o?uploadType=resumable&upload_id=${secret}`,
    JSON.stringify({ problem: `https://example.org/?a=1\\u0026access_token=${secret}` }),
    `<a href="https://example.org/?a=1&amp;api_key=${secret}">`,
    `https://generativelanguage.googleapis.com/v1?key=${secret}`,
    `Authorization: Bearer ${secret}`,
    `{"authorization":"Bearer ${jwt}"}`,
    `the token ${jwt} has expired`,
    `401 for ya29.${secret}`,
    `Invalid user token hf_${secret}`,
    `Incorrect API key provided: sk-proj-${secret}`,
    `ghp_${secret}`,
  ]) {
    const told = redact(text);
    expect(told).not.toContain(secret);
    expect(told).toContain("(hidden)");
    if (text.startsWith("{")) expect(() => JSON.parse(told) as unknown).not.toThrow();
  }
  for (const ordinary of [
    "https://example.org/runs?status=failed&label=key%3Dvalue&limit=5",
    "The bearer of a token is who it says; skip-mitochondrial-genes-from-the-list is set.",
    "hf_hub cached; sk-learn 1.7; sha256 0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef",
  ])
    expect(redact(ordinary)).toBe(ordinary);
});

test("the name of a database's user is an ordinary word", () => {
  const redact = redactor(loadConfig({ MONGODB_URI: "mongodb://haystack@db.example.org" }));
  expect(redact("haystack answers; mongodb://haystack@db.example.org does not")).toBe(
    "haystack answers; mongodb://(hidden)@db.example.org does not",
  );
});

test.each([
  "AUTH",
  "BATCH_PROJECT",
  "DISPATCH",
  "GCS_BUCKET",
  "HAYSTACK_DATA_DIR",
  "HAYSTACK_SERVER",
  "MONGODB_URI",
])("%s chooses a place or a guard, so an empty one is refused", (name) => {
  for (const empty of ["", " ", "\t"])
    expect(() => loadConfig({ [name]: empty })).toThrowError(
      expect.objectContaining({
        code: "CONFIG_INVALID",
        message: expect.stringContaining(
          `${name} (is empty; give it a value, or leave it out for what is used without it)`,
        ),
      }),
    );
});

test("any other variable that is empty counts as unset", () => {
  const others = Object.keys(variables.shape).filter(
    (name) =>
      !/^(AUTH|BATCH_PROJECT|DISPATCH|GCS_BUCKET|HAYSTACK_DATA_DIR|HAYSTACK_SERVER|MONGODB_URI)$/.test(
        name,
      ),
  );
  const emptied = Object.fromEntries(others.map((name) => [name, ""]));
  expect(loadConfig(emptied, "/data")).toEqual(loadConfig({}, "/data"));
});

test.each<[string, string | undefined, string]>([
  ["mongodb://h:27017", undefined, "haystack"],
  ["mongodb://h:27017/", undefined, "haystack"],
  ["mongodb://u:p@h1,h2:27018/lab?replicaSet=r", undefined, "lab"],
  ["mongodb+srv://u:p@cluster.example.net/lab%2D1?w=majority", undefined, "lab-1"],
  ["mongodb://u:p@h/lab", "runs", "runs"],
  ["mongodb://u:p@h/admin", "runs", "runs"],
  ["mongodb://h/?authSource=admin", undefined, "haystack"],
])("%s with MONGODB_DATABASE %s keeps runs in %s", (uri, named, database) => {
  const config = loadConfig({
    MONGODB_URI: uri,
    ...(named === undefined ? {} : { MONGODB_DATABASE: named }),
  });
  expect(mongodbOf(config)).toEqual({ uri, database });
});

test.each([
  { MONGODB_URI: "mongodb://u:p@h/admin" },
  { MONGODB_URI: "mongodb://u:p@h/lab", MONGODB_DATABASE: "local" },
])("no runs are kept in a database of MongoDB's own (%o)", (environment) => {
  expect(() => loadConfig(environment)).toThrow(
    /MONGODB_DATABASE \(must name a database for the runs, as MongoDB keeps its own/,
  );
});

test("what a daemon may make for itself is not made by the jobs of its runs", () => {
  expect(handedOn("PUBSUB_CREATE", "true")).toBeUndefined();
  expect(handedOn("PUBSUB_TOPIC", "t")).toBe("openly");
});

test("offers are tried in their order, each with its region, machine and price", () => {
  const config = loadConfig({
    ...CLOUD,
    BATCH_OFFERS:
      "us-central1/g2-standard-8 with 1 nvidia-l4/SPOT=0.35, us-east4/a2-highgpu-1g with 1 nvidia-tesla-a100/FLEX_START=1.8",
    BATCH_SUBNETWORK: "regions/{region}/subnetworks/s",
  });
  expect(gpuOffers(config)).toEqual([
    {
      region: "us-central1",
      machine: "g2-standard-8 with 1 nvidia-l4",
      provisioning: "SPOT",
      usd_per_hour: 0.35,
    },
    {
      region: "us-east4",
      machine: "a2-highgpu-1g with 1 nvidia-tesla-a100",
      provisioning: "FLEX_START",
      usd_per_hour: 1.8,
    },
  ]);
});

test("what an operator says of machines holds for those that are offered, not for one that no job gets", () => {
  const offered = {
    ...CLOUD,
    BATCH_OFFERS: `${ON_L4}/STANDARD=0.85`,
    BATCH_MACHINE_TYPE: "g4-standard-48",
    BATCH_BOOT_DISK_TYPE: "pd-ssd",
    BATCH_RESERVATION: "ours",
  };
  expect(loadConfig(offered)).toMatchObject({ BATCH_BOOT_DISK_TYPE: "pd-ssd" });
});

test("a round has one prompt on this machine and four on Google Batch, unless it is said", () => {
  const of = (environment: Record<string, string>): number =>
    promptsPerRound(loadConfig(environment));
  expect([of({}), of(CLOUD)]).toEqual([1, 4]);
  expect([of({ PROMPTS_PER_ROUND: "8" }), of({ ...CLOUD, PROMPTS_PER_ROUND: "1" })]).toEqual([
    8, 1,
  ]);
  for (const bad of ["0", "9", "2.5"])
    expect(() => of({ PROMPTS_PER_ROUND: bad })).toThrow("PROMPTS_PER_ROUND");
});
