# The table of docs/deploy.md, role by role; a test holds the two equal.
resource "google_service_account" "daemon" {
  account_id   = "haystack-daemon"
  display_name = "HAYSTACK daemon"

  depends_on = [google_project_service.api]
}

resource "google_service_account" "jobs" {
  account_id   = "haystack-jobs"
  display_name = "HAYSTACK GPU jobs"

  depends_on = [google_project_service.api]
}

locals {
  pubsub_agent = "serviceAccount:service-${data.google_project.this.number}@gcp-sa-pubsub.iam.gserviceaccount.com"
  iap_agent    = "serviceAccount:service-${data.google_project.this.number}@gcp-sa-iap.iam.gserviceaccount.com"
}

resource "google_project_iam_member" "daemon_submits_jobs" {
  project = var.project
  role    = "roles/batch.jobsEditor"
  member  = google_service_account.daemon.member
}

resource "google_service_account_iam_member" "daemon_gives_jobs_their_account" {
  service_account_id = google_service_account.jobs.name
  role               = "roles/iam.serviceAccountUser"
  member             = google_service_account.daemon.member
}

resource "google_service_account_iam_member" "daemon_signs_links" {
  service_account_id = google_service_account.daemon.name
  role               = "roles/iam.serviceAccountTokenCreator"
  member             = google_service_account.daemon.member
}

resource "google_storage_bucket_iam_member" "daemon_keeps_objects" {
  bucket = google_storage_bucket.data.name
  role   = "roles/storage.objectUser"
  member = google_service_account.daemon.member
}

resource "google_pubsub_subscription_iam_member" "daemon_receives_events" {
  subscription = google_pubsub_subscription.jobs.name
  role         = "roles/pubsub.subscriber"
  member       = google_service_account.daemon.member
}

resource "google_pubsub_subscription_iam_member" "daemon_looks_at_subscription" {
  subscription = google_pubsub_subscription.jobs.name
  role         = "roles/pubsub.viewer"
  member       = google_service_account.daemon.member
}

resource "google_pubsub_topic_iam_member" "daemon_looks_at_dead_letters" {
  topic  = google_pubsub_topic.dead_letters.name
  role   = "roles/pubsub.viewer"
  member = google_service_account.daemon.member
}

resource "google_artifact_registry_repository_iam_member" "daemon_looks_at_images" {
  repository = google_artifact_registry_repository.images.name
  location   = var.region
  role       = "roles/artifactregistry.reader"
  member     = google_service_account.daemon.member
}

resource "google_secret_manager_secret_iam_member" "daemon_reads_secrets" {
  for_each = google_secret_manager_secret.secret

  secret_id = each.value.id
  role      = "roles/secretmanager.secretAccessor"
  member    = google_service_account.daemon.member
}

resource "google_project_iam_member" "jobs_report" {
  project = var.project
  role    = "roles/batch.agentReporter"
  member  = google_service_account.jobs.member
}

resource "google_project_iam_member" "jobs_log" {
  project = var.project
  role    = "roles/logging.logWriter"
  member  = google_service_account.jobs.member
}

resource "google_storage_bucket_iam_member" "jobs_mount_bucket" {
  bucket = google_storage_bucket.data.name
  role   = "roles/storage.objectUser"
  member = google_service_account.jobs.member
}

resource "google_artifact_registry_repository_iam_member" "jobs_pull_image" {
  repository = google_artifact_registry_repository.images.name
  location   = var.region
  role       = "roles/artifactregistry.reader"
  member     = google_service_account.jobs.member
}

resource "google_pubsub_topic_iam_member" "jobs_publish_changes" {
  topic  = google_pubsub_topic.jobs.name
  role   = "roles/pubsub.publisher"
  member = google_service_account.jobs.member
}

resource "google_pubsub_topic_iam_member" "pubsub_publishes_dead_letters" {
  topic  = google_pubsub_topic.dead_letters.name
  role   = "roles/pubsub.publisher"
  member = local.pubsub_agent

  depends_on = [google_project_service_identity.agent]
}

resource "google_pubsub_subscription_iam_member" "pubsub_takes_dead_letters" {
  subscription = google_pubsub_subscription.jobs.name
  role         = "roles/pubsub.subscriber"
  member       = local.pubsub_agent

  depends_on = [google_project_service_identity.agent]
}
