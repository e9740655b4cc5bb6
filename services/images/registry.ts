import { HaystackError } from "../../errors.ts";
import type { Images } from "./index.ts";

/** Where an image is kept: a registry that speaks the OCI distribution protocol. */
interface Place {
  readonly registry: string;
  readonly repository: string;
  /** A tag, or a digest. */
  readonly reference: string;
}

const IMAGE = /^([^/]+)\/([^@:]+?)(?::([\w.-]+))?(?:@(sha256:[0-9a-f]{64}))?$/;
const OF_GOOGLE = /^([a-z0-9-]+-docker\.pkg\.dev|([a-z]+\.)?gcr\.io)$/;
const ON_THIS_MACHINE = /^(127\.0\.0\.1|localhost):\d+$/;
const MANIFESTS = [
  "application/vnd.oci.image.index.v1+json",
  "application/vnd.oci.image.manifest.v1+json",
  "application/vnd.docker.distribution.manifest.list.v2+json",
  "application/vnd.docker.distribution.manifest.v2+json",
];
const SCOPE = "https://www.googleapis.com/auth/cloud-platform";

function registryOf(image: string): ReturnType<Images["registryOf"]> {
  const { registry } = placeOf(image);
  return OF_GOOGLE.test(registry)
    ? "Google"
    : ON_THIS_MACHINE.test(registry)
      ? "this machine"
      : undefined;
}

function placeOf(image: string): Place {
  const [, registry = "", repository = "", tag = "latest", digest] = IMAGE.exec(image) ?? [];
  return { registry, repository, reference: digest ?? tag };
}

async function check(image: string, signal: AbortSignal): Promise<void> {
  const place = placeOf(image);
  const status = await statusOf(place, registryOf(image) === "Google", signal).catch(
    (cause: unknown) => {
      throw new HaystackError(
        "BATCH_UNAVAILABLE",
        `The registry ${place.registry} does not answer for ${image}; check the address, the network and the credentials.`,
        { cause },
      );
    },
  );
  if (status === 200) return;
  if (status === 404)
    throw new HaystackError(
      "BATCH_REFUSED",
      `There is no image ${image}; build and push it, or correct its name.`,
    );
  if (status === 401 || status === 403)
    throw new HaystackError(
      "BATCH_REFUSED",
      `This account may not read ${image} (status ${status}); grant it roles/artifactregistry.reader.`,
    );
  throw new HaystackError(
    "BATCH_UNAVAILABLE",
    `The registry ${place.registry} answered with status ${status} for ${image}; try again later.`,
  );
}

/** Images in registries that speak the OCI distribution protocol. */
export const registryImages: Images = { registryOf, check };

async function ownToken(): Promise<string | undefined> {
  const { GoogleAuth } = await import("google-auth-library");
  return (await new GoogleAuth({ scopes: SCOPE }).getAccessToken()) ?? undefined;
}

async function statusOf(
  { registry, repository, reference }: Place,
  isGoogle: boolean,
  signal: AbortSignal,
): Promise<number> {
  const token = isGoogle ? await ownToken() : undefined;
  const { status } = await fetch(
    `${isGoogle ? "https" : "http"}://${registry}/v2/${repository}/manifests/${reference}`,
    {
      method: "HEAD",
      signal,
      headers: {
        accept: MANIFESTS.join(", "),
        ...(token === undefined ? {} : { authorization: `Bearer ${token}` }),
      },
    },
  );
  return status;
}
