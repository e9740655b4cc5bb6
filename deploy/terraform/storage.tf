resource "google_storage_bucket" "data" {
  name                        = "${var.project}-haystack"
  location                    = var.region
  uniform_bucket_level_access = true
  public_access_prevention    = "enforced"

  # What is removed by mistake can be had back for a week.
  soft_delete_policy {
    retention_duration_seconds = 604800
  }

  lifecycle_rule {
    action {
      type = "Delete"
    }
    condition {
      age            = var.batch_io_days
      matches_prefix = ["batch-io/"]
    }
  }

  # What a machine that was taken away left half-written; no job lasts longer.
  lifecycle_rule {
    action {
      type = "Delete"
    }
    condition {
      age            = 15
      matches_prefix = ["batch-io/"]
      matches_suffix = [".partial"]
    }
  }

  # What tasks of an import tell each other.
  lifecycle_rule {
    action {
      type = "Delete"
    }
    condition {
      age            = 30
      matches_prefix = ["imports/"]
    }
  }

  lifecycle_rule {
    action {
      type = "AbortIncompleteMultipartUpload"
    }
    condition {
      age = 7
    }
  }

  lifecycle {
    prevent_destroy = true
  }

  depends_on = [google_project_service.api]
}

resource "google_artifact_registry_repository" "images" {
  repository_id = "haystack"
  location      = var.region
  format        = "DOCKER"

  docker_config {
    immutable_tags = true
  }

  cleanup_policies {
    id     = "keep-ten"
    action = "KEEP"
    most_recent_versions {
      keep_count = 10
    }
  }

  cleanup_policies {
    id     = "remove-after-90-days"
    action = "DELETE"
    condition {
      older_than = "90d"
    }
  }

  depends_on = [google_project_service.api]
}

# Their versions are added by hand, so that no secret is in Terraform's state.
resource "google_secret_manager_secret" "secret" {
  for_each = var.secrets

  secret_id = "haystack-${each.key}"

  replication {
    auto {}
  }

  depends_on = [google_project_service.api]
}
