resource "google_pubsub_topic" "jobs" {
  name = "haystack-jobs"

  depends_on = [google_project_service.api]
}

# Of the same properties as those that PUBSUB_CREATE makes.
resource "google_pubsub_subscription" "jobs" {
  name  = "haystack-jobs"
  topic = google_pubsub_topic.jobs.id

  expiration_policy {
    ttl = ""
  }

  retry_policy {
    minimum_backoff = "1s"
    maximum_backoff = "60s"
  }

  dead_letter_policy {
    dead_letter_topic     = google_pubsub_topic.dead_letters.id
    max_delivery_attempts = 20
  }
}

resource "google_pubsub_topic" "dead_letters" {
  name = "haystack-dead-letters"

  depends_on = [google_project_service.api]
}

resource "google_pubsub_subscription" "dead_letters" {
  name                       = "haystack-dead-letters"
  topic                      = google_pubsub_topic.dead_letters.id
  message_retention_duration = "604800s"

  expiration_policy {
    ttl = ""
  }
}
