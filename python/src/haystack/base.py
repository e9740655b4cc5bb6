"""What all answers of the API have in common."""

from pydantic import BaseModel, ConfigDict


class Answer(BaseModel):
    """An answer as the server gave it. Fields that are new to this release are left out."""

    model_config = ConfigDict(frozen=True, extra="ignore", protected_namespaces=())
