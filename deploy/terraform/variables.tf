variable "project" {
  description = "Project that all of this is made in."
  type        = string
}

variable "region" {
  description = "Region of the jobs, the bucket, the registry and the daemon. GPUs need quota there."
  type        = string
  default     = "us-central1"
}

variable "offered_regions" {
  description = "Other regions that BATCH_OFFERS (in settings) names, each with the addresses of its subnetwork, such as { us-east4 = \"10.64.16.0/20\" }."
  type        = map(string)
  default     = {}
}

variable "images" {
  description = "Images by digest. Without them everything is made but the daemon: push them to the registry, then apply again."
  type = object({
    orchestrator = string
    worker       = string
  })
  default = null

  validation {
    condition     = var.images == null ? true : alltrue([for image in values(var.images) : can(regex("@sha256:[0-9a-f]{64}$", image))])
    error_message = "Name each image by its digest (NAME@sha256:...), so that a restart never runs another one."
  }
}

variable "secrets" {
  description = "Variables of the daemon that are secrets, each with the version of its secret (haystack-NAME, made here) that the daemon reads."
  type        = map(string)
  default     = { MONGODB_URI = "1" }

  validation {
    condition     = contains(keys(var.secrets), "MONGODB_URI")
    error_message = "The daemon needs MONGODB_URI: the disk of a Cloud Run instance does not outlive it."
  }
}

variable "settings" {
  description = "More variables of the daemon (`haystack config` lists them), such as OPENAI_MODEL, MAIL_FROM or BATCH_MACHINE_TYPE."
  type        = map(string)
  default     = {}
}

variable "dispatch" {
  description = "Whether each run is a CPU job of its own instead of a guest of the daemon."
  type        = bool
  default     = false
}

variable "users" {
  description = "Who may use the service: user:, group: or domain: members."
  type        = set(string)
}

variable "administrators" {
  description = "E-mail addresses of those who see every run. They have to be among the users too."
  type        = set(string)
  default     = []
}

variable "checkpoint" {
  description = "STACK's checkpoint and gene list, as paths in the bucket."
  type = object({
    model = string
    genes = string
  })
  default = {
    model = "models/stack.ckpt"
    genes = "models/genes.pkl"
  }
}

variable "gpu_usd" {
  description = "Highest GPU cost in US dollars of a run, and of a user in a month."
  type = object({
    run        = number
    user_month = number
  })
  default = {
    run        = 20
    user_month = 200
  }
}

variable "daemon" {
  description = "CPUs and memory of the daemon. Memory also holds its files: 2 CPUs have at most 8 GiB."
  type = object({
    cpu    = string
    memory = string
  })
  default = {
    cpu    = "2"
    memory = "8Gi"
  }
}

variable "batch_io_days" {
  description = "Days after which inputs and predictions of GPU jobs are removed. A failed run cannot be retried from them afterwards; results stay."
  type        = number
  default     = 90
}

variable "billing_account" {
  description = "Billing account of the budget, such as 012345-6789AB-CDEF01. No budget without it."
  type        = string
  default     = null
}

variable "budget_usd" {
  description = "What the project may cost in a month before administrators of the billing account are told. Nothing is stopped."
  type        = number
  default     = 500
}
