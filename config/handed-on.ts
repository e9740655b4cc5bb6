/**
 * Variables that a run's job needs as the daemon has them; none of them may hold a secret. RUN_ID
 * is added for each.
 */
const AS_THEY_ARE =
  /^(MONGODB_DATABASE|GCS_\w+|BATCH_\w+|PUBSUB_\w+|MAIL_FROM|SENDGRID_(SANDBOX|TIMEOUT_SECONDS)|PUBLIC_URL|OTEL_SERVICE_NAME|OPENAI_(MODEL|EMBEDDING_MODEL|EFFORT|TEMPERATURE|PRICE_\w+)|MODEL_\w+|LITERATURE\w*|LOOKUPS|NCBI_EMAIL|RECONCILE_SECONDS|LEASE_SECONDS|POLL_MILLISECONDS)$/;
/** A password may be in them. */
const ADDRESSES =
  /^(MONGODB_URI|(OPENAI|NCBI|UNIPROT|REACTOME|KEGG|SENDGRID)_BASE_URL|OTEL_EXPORTER_OTLP_ENDPOINT)$/;
const SECRETS = /^(OPENAI_API_KEY|SENDGRID_API_KEY|NCBI_API_KEY|OTEL_EXPORTER_OTLP_HEADERS)$/;

/**
 * How a variable of the daemon reaches the jobs of DISPATCH=batch, if it does: in their
 * description, or by DISPATCH_SECRETS only.
 */
export function handedOn(name: string, value: string): "openly" | "as a secret" | undefined {
  if (SECRETS.test(name)) return "as a secret";
  if (ADDRESSES.test(name)) return value.includes("@") ? "as a secret" : "openly";
  return AS_THEY_ARE.test(name) ? "openly" : undefined;
}
