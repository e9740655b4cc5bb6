# Runs as CPU jobs of their own (DISPATCH=batch), in an account apart from that of GPU jobs: theirs may read the secrets.
locals {
  dispatch_settings = {
    DISPATCH                 = "batch"
    DISPATCH_IMAGE           = try(var.images.orchestrator, "")
    DISPATCH_SERVICE_ACCOUNT = one(google_service_account.run_jobs[*].email)
    DISPATCH_SECRETS         = join(",", [for name, version in var.secrets : "${name}=${google_secret_manager_secret.secret[name].id}/versions/${version}"])
  }
}

resource "google_service_account" "run_jobs" {
  count = var.dispatch ? 1 : 0

  account_id   = "haystack-run-jobs"
  display_name = "HAYSTACK run jobs"

  depends_on = [google_project_service.api]
}

resource "google_service_account_iam_member" "daemon_gives_run_jobs_their_account" {
  count = var.dispatch ? 1 : 0

  service_account_id = google_service_account.run_jobs[0].name
  role               = "roles/iam.serviceAccountUser"
  member             = google_service_account.daemon.member
}

resource "google_project_iam_member" "run_jobs_submit_jobs" {
  count = var.dispatch ? 1 : 0

  project = var.project
  role    = "roles/batch.jobsEditor"
  member  = google_service_account.run_jobs[0].member
}

resource "google_service_account_iam_member" "run_jobs_give_jobs_their_account" {
  count = var.dispatch ? 1 : 0

  service_account_id = google_service_account.jobs.name
  role               = "roles/iam.serviceAccountUser"
  member             = google_service_account.run_jobs[0].member
}

resource "google_storage_bucket_iam_member" "run_jobs_keep_objects" {
  count = var.dispatch ? 1 : 0

  bucket = google_storage_bucket.data.name
  role   = "roles/storage.objectUser"
  member = google_service_account.run_jobs[0].member
}

resource "google_pubsub_subscription_iam_member" "run_jobs_receive_events" {
  count = var.dispatch ? 1 : 0

  subscription = google_pubsub_subscription.jobs.name
  role         = "roles/pubsub.subscriber"
  member       = google_service_account.run_jobs[0].member
}

resource "google_project_iam_member" "run_jobs_report" {
  count = var.dispatch ? 1 : 0

  project = var.project
  role    = "roles/batch.agentReporter"
  member  = google_service_account.run_jobs[0].member
}

resource "google_project_iam_member" "run_jobs_log" {
  count = var.dispatch ? 1 : 0

  project = var.project
  role    = "roles/logging.logWriter"
  member  = google_service_account.run_jobs[0].member
}

resource "google_artifact_registry_repository_iam_member" "run_jobs_pull_image" {
  count = var.dispatch ? 1 : 0

  repository = google_artifact_registry_repository.images.name
  location   = var.region
  role       = "roles/artifactregistry.reader"
  member     = google_service_account.run_jobs[0].member
}

resource "google_pubsub_topic_iam_member" "run_jobs_publish_changes" {
  count = var.dispatch ? 1 : 0

  topic  = google_pubsub_topic.jobs.name
  role   = "roles/pubsub.publisher"
  member = google_service_account.run_jobs[0].member
}

resource "google_secret_manager_secret_iam_member" "run_jobs_read_secrets" {
  for_each = { for name, secret in google_secret_manager_secret.secret : name => secret if var.dispatch }

  secret_id = each.value.id
  role      = "roles/secretmanager.secretAccessor"
  member    = google_service_account.run_jobs[0].member
}
