output "address" {
  description = "Where users open the service, once it has images."
  value       = local.address
}

output "bucket" {
  description = "Bucket of atlases, results and checkpoint."
  value       = google_storage_bucket.data.name
}

output "registry" {
  description = "What names of images begin with."
  value       = "${var.region}-docker.pkg.dev/${var.project}/${google_artifact_registry_repository.images.repository_id}"
}

output "secrets" {
  description = "Secrets that each need a version."
  value       = [for secret in google_secret_manager_secret.secret : secret.secret_id]
}

output "outgoing_address" {
  description = "The address that databases and other services see."
  value       = google_compute_address.outgoing.address
}

output "daemon_account" {
  description = "Account of the daemon, for those who may act as it."
  value       = google_service_account.daemon.email
}

output "environment" {
  description = "Variables of the daemon but its secrets, one a line, as --env-file takes them."
  value       = join("\n", [for name, value in local.environment : "${name}=${value}"])
}
