locals {
  # Cloud Run gives a service this address, beside another one that cannot be known beforehand.
  service = "haystack"
  address = "https://${local.service}-${data.google_project.this.number}.${var.region}.run.app"

  settings = {
    HTTP_HOST                  = "0.0.0.0"
    HTTP_PORT                  = "8080"
    HTTP_UPLOAD_GB             = "0" # its disk is memory; import from the bucket
    AUTH                       = "iap"
    IAP_AUDIENCE               = "/projects/${data.google_project.this.number}/locations/${var.region}/services/${local.service}"
    ADMINS                     = join(",", var.administrators)
    PUBLIC_URL                 = local.address
    LOG_FORMAT                 = "json"
    GRACE_SECONDS              = "8"
    GCS_BUCKET                 = google_storage_bucket.data.name
    GCS_CACHE_GB               = "1"
    BATCH_PROJECT              = var.project
    BATCH_LOCATION             = var.region
    BATCH_IMAGE                = try(var.images.worker, "")
    BATCH_SERVICE_ACCOUNT      = google_service_account.jobs.email
    BATCH_NETWORK              = google_compute_network.this.id
    BATCH_SUBNETWORK           = replace(google_compute_subnetwork.this.id, "/regions/${var.region}/", "/regions/{region}/")
    BATCH_NO_EXTERNAL_IP       = "true"
    BATCH_ENVIRONMENT          = "STACK_CHECKPOINT=/mnt/disks/haystack/${var.checkpoint.model},STACK_GENELIST=/mnt/disks/haystack/${var.checkpoint.genes}"
    PUBSUB_TOPIC               = google_pubsub_topic.jobs.name
    PUBSUB_SUBSCRIPTION        = google_pubsub_subscription.jobs.name
    PUBSUB_DEAD_LETTER_TOPIC   = google_pubsub_topic.dead_letters.name
    MAX_GPU_USD_PER_RUN        = tostring(var.gpu_usd.run)
    MAX_GPU_USD_PER_USER_MONTH = tostring(var.gpu_usd.user_month)
  }

  environment = merge(local.settings, { for name, value in local.dispatch_settings : name => value if var.dispatch }, var.settings)
}

resource "google_cloud_run_v2_service" "daemon" {
  count = var.images == null ? 0 : 1

  provider            = google-beta
  project             = var.project
  name                = local.service
  location            = var.region
  launch_stage        = "BETA"
  ingress             = "INGRESS_TRAFFIC_ALL"
  iap_enabled         = true
  deletion_protection = false

  template {
    service_account                  = google_service_account.daemon.email
    execution_environment            = "EXECUTION_ENVIRONMENT_GEN2"
    timeout                          = "3600s"
    max_instance_request_concurrency = 1000

    # It works between requests too: one instance, always with its CPUs. Two run while a new revision takes over, by the leases of runs.
    scaling {
      min_instance_count = 1
      max_instance_count = 1
    }

    vpc_access {
      egress = "ALL_TRAFFIC"
      network_interfaces {
        network    = google_compute_network.this.id
        subnetwork = google_compute_subnetwork.this.id
      }
    }

    containers {
      image = var.images.orchestrator

      ports {
        container_port = 8080
      }

      resources {
        cpu_idle = false
        limits = {
          cpu    = var.daemon.cpu
          memory = var.daemon.memory
        }
      }

      startup_probe {
        period_seconds    = 5
        timeout_seconds   = 5
        failure_threshold = 48
        http_get {
          path = "/readyz"
        }
      }

      liveness_probe {
        period_seconds    = 30
        timeout_seconds   = 5
        failure_threshold = 4
        http_get {
          path = "/livez"
        }
      }

      dynamic "env" {
        for_each = local.environment
        content {
          name  = env.key
          value = env.value
        }
      }

      dynamic "env" {
        for_each = var.secrets
        content {
          name = env.key
          value_source {
            secret_key_ref {
              secret  = google_secret_manager_secret.secret[env.key].secret_id
              version = env.value
            }
          }
        }
      }
    }
  }

  lifecycle {
    precondition {
      condition     = !var.dispatch || (contains(keys(var.secrets), "SENDGRID_API_KEY") && contains(keys(var.settings), "MAIL_FROM"))
      error_message = "With dispatch the daemon needs the secret SENDGRID_API_KEY and the setting MAIL_FROM: mails of a run would go with its machine."
    }
  }

  # Without these the first instance has no route out, or ends at its first call.
  depends_on = [
    google_artifact_registry_repository_iam_member.daemon_looks_at_images,
    google_compute_router_nat.this,
    google_project_iam_member.daemon_submits_jobs,
    google_pubsub_subscription_iam_member.daemon_receives_events,
    google_secret_manager_secret_iam_member.daemon_reads_secrets,
    google_storage_bucket_iam_member.daemon_keeps_objects,
  ]
}

resource "google_cloud_run_v2_service_iam_member" "iap_invokes_daemon" {
  count = length(google_cloud_run_v2_service.daemon)

  project  = var.project
  location = var.region
  name     = google_cloud_run_v2_service.daemon[0].name
  role     = "roles/run.invoker"
  member   = local.iap_agent

  depends_on = [google_project_service_identity.agent]
}

resource "google_iap_web_cloud_run_service_iam_member" "users_reach_daemon" {
  for_each = var.images == null ? [] : var.users

  project                = var.project
  location               = var.region
  cloud_run_service_name = google_cloud_run_v2_service.daemon[0].name
  role                   = "roles/iap.httpsResourceAccessor"
  member                 = each.value
}
