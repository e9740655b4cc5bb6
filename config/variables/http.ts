import { z } from "zod";
import { address, anyText, whole } from "../forms.ts";

/** The address of the HTTP server, its limits, and who may use it. */
export const http = {
  HTTP_HOST: anyText()
    .default("127.0.0.1")
    .describe(
      "Address that the daemon listens on; any but a loopback address needs AUTH=token or AUTH=iap",
    ),
  HTTP_PORT: whole(0, 65_535)
    .default(8_080)
    .describe("Port that the daemon listens on; 0 picks a free one"),
  HTTP_BODY_BYTES: whole(1_024, 16_777_216)
    .default(65_536)
    .describe("Maximum size of a request body"),
  HTTP_REQUEST_SECONDS: whole(1, 600)
    .default(15)
    .describe("Seconds that a client has to send a whole request"),
  HTTP_REQUESTS_PER_MINUTE: whole(1, 1_000_000)
    .default(600)
    .describe("Maximum number of requests per user and minute"),
  HTTP_FAILURES_PER_MINUTE: whole(1, 1_000_000)
    .default(30)
    .describe("Maximum number of failed sign-ins per address and minute"),
  HTTP_STREAMS: whole(1, 100_000).default(1_000).describe("Maximum number of open event streams"),
  HTTP_STREAMS_PER_USER: whole(1, 100_000)
    .default(20)
    .describe("Maximum number of open event streams per user"),
  HTTP_DOWNLOAD_MINUTES: whole(1, 1_440)
    .default(60)
    .describe("Minutes that the download of a file may take; it can be resumed after that"),
  HTTP_UPLOAD_GB: z.coerce
    .number()
    .min(0)
    .max(10_000)
    .default(20)
    .describe("Largest .h5ad file that an administrator may upload, in GB; 0 takes none"),
  HTTP_TRUST_PROXY: anyText()
    .default("")
    .describe(
      "Addresses or networks of proxies whose X-Forwarded-For is trusted, such as 10.0.0.0/8,...",
    ),
  CORS_ORIGINS: anyText()
    .default("")
    .describe("Web origins whose pages may call the API, such as https://a.example,..."),
  INSPECT_ORIGINS: anyText()
    .default("")
    .describe(
      "Web origins whose pages may open the inspection socket, such as https://stately.ai,...",
    ),
  AUTH: z
    .enum(["none", "token", "iap"])
    .default("none")
    .describe(
      "How users sign in: not at all (this machine only), with a bearer token, or through Google's Identity-Aware Proxy",
    ),
  ADMINS: anyText().default("").describe("E-mail addresses of administrators, separated by commas"),
  IAP_AUDIENCE: anyText()
    .optional()
    .describe("Audience of the proxy's assertions, such as /projects/N/global/backendServices/ID"),
  IAP_JWKS_URL: address()
    .default("https://www.gstatic.com/iap/verify/public_key-jwk")
    .describe("URL of the keys that the proxy signs with"),
};
