# No machine has an external address. Google's services are reached by Private Google Access; what else the daemon calls (database,
# language model, PubMed, mail) sees one fixed address, which a database's access list can name.
resource "google_compute_network" "this" {
  name                    = "haystack"
  auto_create_subnetworks = false

  depends_on = [google_project_service.api]
}

resource "google_compute_subnetwork" "this" {
  name                     = "haystack"
  network                  = google_compute_network.this.id
  region                   = var.region
  ip_cidr_range            = "10.64.0.0/20"
  private_ip_google_access = true
}

# Of GPU jobs elsewhere, by the same name. They call Google's services only, so no router is needed there.
resource "google_compute_subnetwork" "others" {
  for_each = var.offered_regions

  name                     = "haystack"
  network                  = google_compute_network.this.id
  region                   = each.key
  ip_cidr_range            = each.value
  private_ip_google_access = true
}

resource "google_compute_address" "outgoing" {
  name   = "haystack-outgoing"
  region = var.region

  depends_on = [google_project_service.api]
}

resource "google_compute_router" "this" {
  name    = "haystack"
  network = google_compute_network.this.id
  region  = var.region
}

resource "google_compute_router_nat" "this" {
  name                               = "haystack"
  router                             = google_compute_router.this.name
  region                             = var.region
  nat_ip_allocate_option             = "MANUAL_ONLY"
  nat_ips                            = [google_compute_address.outgoing.self_link]
  source_subnetwork_ip_ranges_to_nat = "ALL_SUBNETWORKS_ALL_IP_RANGES"

  log_config {
    enable = true
    filter = "ERRORS_ONLY"
  }
}
