import type { PubSub } from "@google-cloud/pubsub";
import { globSync, readFileSync } from "node:fs";
import { beforeAll, expect, test } from "vitest";
import { loadConfig } from "../../config.ts";
import { given } from "../../given.ts";
import { DELIVERY } from "../../services/job-events/google/events.ts";
import { makeResources } from "../../services/job-events/google/resources.ts";
import {
  readModule,
  type Body,
  type Resource,
  type TerraformModule,
} from "../support/terraform.ts";

let module: TerraformModule;
beforeAll(async () => {
  module = await readModule("deploy/terraform");
});
const resource = (address: string): Resource => {
  const found = module.resources.find((one) => one.address === address);
  if (found === undefined) throw new Error(`There is no ${address}.`);
  return found;
};
const text = (value: unknown): string => (typeof value === "string" ? value : "");
const block = (body: Body, name: string): Body => {
  const [first] = (body[name] ?? []) as readonly Body[];
  return first ?? {};
};

/** What a plan would put in place of expressions that the configuration looks at. */
const PLANNED: Readonly<Record<string, string>> = {
  "var.region": "us-central1",
  'join(",", var.administrators)': "ada@example.org",
  "local.address": "https://haystack-1.us-central1.run.app",
  "tostring(var.gpu_usd.run)": "20",
  "tostring(var.gpu_usd.user_month)": "200",
  "google_service_account.jobs.email": "haystack-jobs@p.iam.gserviceaccount.com",
  "one(google_service_account.run_jobs[*].email)": "haystack-run-jobs@p.iam.gserviceaccount.com",
  "google_compute_network.this.id": "projects/p/global/networks/haystack",
  'replace(google_compute_subnetwork.this.id, "/regions/${var.region}/", "/regions/{region}/")':
    "projects/p/regions/{region}/subnetworks/haystack",
};

function planned(...names: readonly string[]): Record<string, string> {
  const settings = names.flatMap((name) =>
    Object.entries(module.locals[name] as Readonly<Record<string, string>>),
  );
  return Object.fromEntries(
    settings.map(([name, value]) => [
      name,
      name === "DISPATCH_SECRETS"
        ? "MONGODB_URI=projects/p/secrets/m/versions/1,SENDGRID_API_KEY=projects/p/secrets/s/versions/1"
        : (PLANNED[/^\$\{(.*)\}$/s.exec(value)?.[1] ?? ""] ?? value).replaceAll(
            /\$\{([^}]*)\}/g,
            (_, expression: string) => PLANNED[expression] ?? "p",
          ),
    ]),
  );
}
const plannedSettings = (): Record<string, string> => planned("settings");
const MONGODB = { MONGODB_URI: "mongodb+srv://u:p@cluster.example.net/haystack" };

test("the daemon takes the settings of the module as they are", () => {
  expect(loadConfig({ ...plannedSettings(), ...MONGODB })).toMatchObject({
    AUTH: "iap",
    IAP_AUDIENCE: "/projects/p/locations/us-central1/services/p",
    HTTP_HOST: "0.0.0.0",
    HTTP_PORT: 8080,
    BATCH_NO_EXTERNAL_IP: true,
    PUBSUB_CREATE: false,
  });
});

test("it takes those of runs on machines of their own, with every secret that their jobs need", () => {
  const settings = { ...planned("settings", "dispatch_settings"), ...MONGODB };
  expect(() => loadConfig(settings)).toThrow("SENDGRID_API_KEY");
  const mail = { SENDGRID_API_KEY: "SG.x", MAIL_FROM: "haystack@example.org" };
  expect(loadConfig({ ...settings, ...mail })).toMatchObject({
    DISPATCH: "batch",
    DISPATCH_SERVICE_ACCOUNT: "haystack-run-jobs@p.iam.gserviceaccount.com",
  });
});

test("it takes offers of several regions as more settings, each with a subnetwork of the same name", () => {
  const settings = {
    ...plannedSettings(),
    ...MONGODB,
    BATCH_OFFERS:
      "us-central1/g2-standard-8 with 1 nvidia-l4/SPOT=0.35,us-east4/g2-standard-8 with 1 nvidia-l4/STANDARD=0.85",
  };
  expect(loadConfig(settings)).toMatchObject({
    BATCH_SUBNETWORK: "projects/p/regions/{region}/subnetworks/haystack",
  });
  const [home, others] = ["this", "others"].map(
    (name) => resource(`google_compute_subnetwork.${name}`).body,
  );
  expect(others).toMatchObject({
    name: home?.["name"],
    network: home?.["network"],
    private_ip_google_access: true,
    for_each: "${var.offered_regions}",
    region: "${each.key}",
  });
});

test("the bucket lets objects go as the published lifecycle does", () => {
  const rulesOf = (bucket: Body): unknown =>
    ((bucket["lifecycle_rule"] ?? []) as readonly Body[]).map((rule) => {
      const { age, matches_prefix, matches_suffix } = block(rule, "condition");
      return {
        type: block(rule, "action")["type"],
        age:
          age === "${var.batch_io_days}" ? module.variables.get("batch_io_days")?.["default"] : age,
        ...given({ matchesPrefix: matches_prefix, matchesSuffix: matches_suffix }),
      };
    });
  const published = JSON.parse(readFileSync("docs/bucket-lifecycle.json", "utf8")) as {
    readonly rule: readonly { readonly action: Body; readonly condition: Body }[];
  };
  expect(rulesOf(resource("google_storage_bucket.data").body)).toEqual(
    published.rule.map(({ action, condition }) => ({ ...action, ...condition })),
  );
});

test.each([
  "IAP_AUDIENCE",
  "BATCH_PROJECT",
  "BATCH_IMAGE",
  "GCS_BUCKET",
  "PUBSUB_TOPIC",
  "PUBSUB_SUBSCRIPTION",
])("without %s it would refuse them", (name) => {
  const { [name]: _, ...others } = plannedSettings();
  expect(() => loadConfig({ ...others, ...MONGODB })).toThrow(name);
});

test("Cloud Run asks the daemon on its port, lets it work between requests, and gives it time to stop", () => {
  const template = block(resource("google_cloud_run_v2_service.daemon").body, "template");
  const container = block(template, "containers");
  expect(block(container, "ports")["container_port"]).toBe(8080);
  expect(block(container, "resources")["cpu_idle"]).toBe(false);
  expect(block(block(container, "startup_probe"), "http_get")["path"]).toBe("/readyz");
  expect(block(block(container, "liveness_probe"), "http_get")["path"]).toBe("/livez");
  const CLOUD_RUN_KILLS_AFTER_SECONDS = 10;
  expect(Number(plannedSettings()["GRACE_SECONDS"])).toBeLessThan(CLOUD_RUN_KILLS_AFTER_SECONDS);
});

const seconds = (value: unknown): number => Number(text(value).replace(/s$/, ""));

test("topic and subscriptions have the properties that the daemon would give them", async () => {
  const made: { readonly topic: string; readonly name: string; readonly options: Body }[] = [];
  const recording = {
    topic: (name: string) => ({ name }),
    createTopic: async () => undefined,
    createSubscription: async (topic: string, name: string, options: Body) =>
      void made.push({ topic, name, options }),
  };
  const named = (address: string): string => text(resource(address).body["name"]);
  await makeResources(recording as unknown as PubSub, {
    topic: named("google_pubsub_topic.jobs"),
    subscription: named("google_pubsub_subscription.jobs"),
    deadLetterTopic: named("google_pubsub_topic.dead_letters"),
    maxDeliveryAttempts: DELIVERY.maxAttempts,
    redeliverySeconds: DELIVERY.againSeconds,
    answerMs: 1,
  });
  const ofModule = module.resources.filter(({ type }) => type === "google_pubsub_subscription");
  expect(made.map(({ name }) => name).toSorted()).toEqual(
    ofModule.map(({ body }) => text(body["name"])).toSorted(),
  );
  for (const { body } of ofModule) expect(block(body, "expiration_policy")).toEqual({ ttl: "" });
  const { body } = resource("google_pubsub_subscription.jobs");
  const again = block(body, "retry_policy");
  const dead = block(body, "dead_letter_policy");
  expect(made.find(({ name }) => name === body["name"])?.options).toMatchObject({
    retryPolicy: {
      minimumBackoff: { seconds: seconds(again["minimum_backoff"]) },
      maximumBackoff: { seconds: seconds(again["maximum_backoff"]) },
    },
    deadLetterPolicy: { maxDeliveryAttempts: dead["max_delivery_attempts"] },
  });
  expect(dead["dead_letter_topic"]).toBe("${google_pubsub_topic.dead_letters.id}");
});

interface Grant {
  readonly account: string;
  readonly role: string;
  readonly on: string;
}

const ACCOUNTS: readonly (readonly [RegExp, string])[] = [
  [/google_service_account\.daemon\.member/, "daemon"],
  [/google_service_account\.jobs\.member/, "jobs"],
  [/google_service_account\.run_jobs\[0\]\.member/, "run jobs"],
  [/local\.pubsub_agent/, "Pub/Sub's agent"],
  [/local\.iap_agent/, "IAP's agent"],
  [/each\.value/, "users"],
];
const TARGETS: readonly (readonly [string, RegExp, string])[] = [
  ["service_account_id", /google_service_account\.jobs/, "the account of the jobs"],
  ["service_account_id", /google_service_account\.run_jobs/, "the account of the run jobs"],
  ["service_account_id", /google_service_account\.daemon/, "itself"],
  ["bucket", /google_storage_bucket\.data/, "the bucket"],
  ["topic", /google_pubsub_topic\.jobs/, "the topic"],
  ["topic", /google_pubsub_topic\.dead_letters/, "the dead-letter topic"],
  ["subscription", /google_pubsub_subscription\.jobs/, "the subscription"],
  ["repository", /google_artifact_registry_repository\.images/, "the repository"],
  ["secret_id", /each\.value/, "each of its secrets"],
  ["cloud_run_service_name", /google_cloud_run_v2_service\.daemon/, "the service"],
  ["name", /google_cloud_run_v2_service\.daemon/, "the service"],
  ["project", /var\.project/, "the project"],
];

function grantsOf({ resources }: TerraformModule): readonly Grant[] {
  const find = (body: Body, address: string): string => {
    const target = TARGETS.find(([key, of]) => of.test(text(body[key])));
    if (target === undefined) throw new Error(`${address} is granted on nothing that is known.`);
    return target[2];
  };
  return resources
    .filter(({ type }) => type.endsWith("_iam_member"))
    .map(({ body, address }) => ({
      account: ACCOUNTS.find(([member]) => member.test(text(body["member"])))?.[1] ?? address,
      role: text(body["role"]),
      on: find(body, address),
    }));
}

function grantsOfDocs(): readonly Grant[] {
  const docs = readFileSync("docs/deploy.md", "utf8");
  return [...docs.matchAll(/^\| ([^|]+) \| `(roles\/[^`]+)` \| ([^|]+) \|/gm)].map(
    ([, account = "", role = "", on = ""]) => ({ account, role, on }),
  );
}

const told = (grants: readonly Grant[]): readonly string[] =>
  grants.map(({ account, role, on }) => `${account}: ${role} on ${on}`).toSorted();

test("the module grants what docs/deploy.md says, and nothing else", () => {
  expect(told(grantsOf(module))).toEqual(told(grantsOfDocs()));
  const others = module.resources.filter(({ type }) => /_iam_(binding|policy)$/.test(type));
  expect(others).toEqual([]);
});

/** The daemon's calls of Google's clients, and the role that has their permission. */
const CALLS: Readonly<Record<string, Readonly<Record<string, string>>>> = {
  "services/batch/google/*.ts": {
    "client.createJob": "roles/batch.jobsEditor on the project",
    "client.getJob": "roles/batch.jobsEditor on the project",
    "client.listJobs": "roles/batch.jobsEditor on the project",
    "client.listTasks": "roles/batch.jobsEditor on the project",
    "client.cancelJob": "roles/batch.jobsEditor on the project",
  },
  "services/objects/google/*.ts": {
    "bucket.getFiles": "roles/storage.objectUser on the bucket",
    "bucket.file": "roles/storage.objectUser on the bucket",
    getSignedUrl: "roles/iam.serviceAccountTokenCreator on itself",
  },
  "services/job-events/google/*.ts": {
    "client.subscription": "roles/pubsub.subscriber on the subscription",
    "client.subscription.getMetadata": "roles/pubsub.viewer on the subscription",
    "client.topic.getMetadata": "roles/pubsub.viewer on the dead-letter topic",
    // Under PUBSUB_CREATE, which the module leaves off.
    "client.createTopic": "",
    "client.createSubscription": "",
  },
};
const callsIn = (glob: string): ReadonlySet<string> => {
  const code = globSync(glob)
    .map((file) => readFileSync(file, "utf8"))
    .join("\n")
    .replaceAll(/\b(client\.(?:topic|subscription))\([^()]*\)\.getMetadata\(/g, "$1.getMetadata(");
  const called = code.matchAll(/\b(client\.[\w.]+|bucket\.\w+)\(|\.(getSignedUrl)\(/g);
  const ofItself = new Set(["client.close", "client.initialize", "client.topic"]);
  return new Set(
    [...called]
      .map(([, call, signed]) => call ?? signed ?? "")
      .filter((call) => !ofItself.has(call)),
  );
};

test.each(Object.entries(CALLS))("what %s calls is granted to the daemon", (glob, calls) => {
  expect([...callsIn(glob)].toSorted()).toEqual(Object.keys(calls).toSorted());
  const granted = told(grantsOf(module).filter(({ account }) => account === "daemon"));
  const needed = Object.values(calls).filter((role) => role !== "");
  expect(granted).toEqual(expect.arrayContaining(needed.map((role) => `daemon: ${role}`)));
});

const API_OF: readonly (readonly [string, string])[] = [
  ["google_artifact_registry_", "artifactregistry"],
  ["google_billing_", "billingbudgets"],
  ["google_cloud_run_", "run"],
  ["google_compute_", "compute"],
  ["google_iap_", "iap"],
  ["google_pubsub_", "pubsub"],
  ["google_secret_manager_", "secretmanager"],
  ["google_service_account", "iam"],
  ["google_storage_", "storage"],
];
/** What the daemon and its jobs call, and no resource is made of. */
const CALLED = ["batch", "iamcredentials", "logging"];

test("the services that resources are made of and that the daemon calls are switched on, and no others", () => {
  const ofProject = /^(data\.)?google_project/;
  const used = module.resources
    .filter(({ type }) => !ofProject.test(type))
    .map(({ type }) => API_OF.find(([prefix]) => type.startsWith(prefix))?.[1] ?? type);
  const on = /toset\(\[([^\]]*)\]\)/.exec(
    text(resource("google_project_service.api").body["for_each"]),
  )?.[1];
  const names = [...(on ?? "").matchAll(/"(\w+)\.googleapis\.com"/g)].map(([, name = ""]) => name);
  expect([...names].toSorted()).toEqual([...new Set([...used, ...CALLED])].toSorted());
});

test("every resource, variable and local is used", () => {
  const ends = /_iam_member$|^google_billing_budget$|_nat$/;
  const uses = (address: string): number =>
    module.text.split(new RegExp(`\\b${address.replaceAll(".", "\\.")}\\b`)).length - 1;
  const unused = module.resources
    .filter(({ type }) => !ends.test(type))
    .filter(({ address }) => uses(address) === 0)
    .map(({ address }) => address);
  expect(unused.toSorted()).toEqual([
    "google_compute_subnetwork.others",
    "google_pubsub_subscription.dead_letters",
  ]);
  const variables = [...module.variables.keys()].map((name) => `var.${name}`);
  const locals = Object.keys(module.locals).map((name) => `local.${name}`);
  expect([...variables, ...locals].filter((name) => uses(name) === 0)).toEqual([]);
});

test("docs/deploy.md names every variable of the module that has to be given", () => {
  const docs = readFileSync("docs/deploy.md", "utf8");
  const required = [...module.variables].filter(([, { default: value }]) => value === undefined);
  expect(required.map(([name]) => name)).toEqual(["project", "users"]);
  for (const [name] of required) expect(docs).toMatch(new RegExp(`^ *${name} += `, "m"));
});
