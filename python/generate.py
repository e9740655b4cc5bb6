"""Writes models.py and settings.py from the OpenAPI document of a daemon on stdin; with --check only compares.

`npm run python:models` runs it. It needs what .ci/requirements.txt installs.
"""

import argparse
import json
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

FOLDER = Path(__file__).parent / "src" / "haystack"
HEADER = '"""What the HTTP API {does}, from its OpenAPI document. Made by `npm run python:models`, not by hand."""\n'
USED = [
    "QuestionCheck",
    "QuestionOutlook",
    "RunEstimate",
    "Run",
    "RunStatus",
    "RunSummary",
    "ListedRun",
    "RunResult",
    "JobOutputs",
    "Session",
    "Error",
]
# Whoever reads answers needs their types. Bounds are the server's to keep, and new fields are no fault.
BOUNDS = {
    "minimum",
    "maximum",
    "minLength",
    "maxLength",
    "minItems",
    "maxItems",
    "maxProperties",
    "pattern",
    "propertyNames",
    "default",
}
OPTIONS = [
    "--input-file-type=openapi",
    "--target-python-version=3.11",
    "--enum-field-as-literal=all",
    "--use-standard-collections",
    "--use-union-operator",
    "--use-title-as-name",
    "--use-field-description",
    "--use-double-quotes",
    "--disable-timestamp",
]
ANSWERS = [
    "--output-model-type=pydantic_v2.BaseModel",
    "--base-class=haystack.base.Answer",
    "--output-datetime-class=AwareDatetime",
    "--reuse-model",
    "--collapse-reuse-models",
    "--use-type-alias",
]

Schema = dict[str, Any]


def title_of(schema: Schema) -> str | None:
    """A name for what the document writes in place, where the property that holds it would be a poor one."""
    fields = schema.get("properties", {})
    if fields.get("known", {}).get("const") is False:
        return "NotKnown"
    if "pearson" in fields:
        return "ExpectedAccuracy"
    if "nonsense" in fields:
        return "ScoreScale"
    if "mse_ratio" in fields:
        return "LearnedTransfer"
    if fields.get("kind", {}).get("const") == "delta":
        return "DeltaTransfer"
    if {"task_type", "cell_type"} <= fields.keys():
        return "StructuredQuery"
    if {"candidate_id", "prediction"} <= fields.keys():
        return "TriedPrompt"
    if "elsewhere" in fields:
        return "JobOutput"
    if {"code", "retryable"} <= fields.keys():
        return "RunError"
    if {"error", "message"} <= fields.keys() and "error_type" not in fields:
        return "Problem"
    return None


def simple(schema: Any, codes: list[str]) -> Any:
    if isinstance(schema, list):
        return [simple(each, codes) for each in schema]
    if not isinstance(schema, dict):
        return schema
    if schema.get("enum") == codes:
        return {"$ref": "#/components/schemas/ErrorCode"}
    plain = {
        key: (
            {name: simple(field, codes) for name, field in value.items()}
            if key == "properties"
            else simple(value, codes)
        )
        for key, value in schema.items()
        if key not in BOUNDS and value != {} and not (key == "additionalProperties" and value is False)
    }
    if schema.get("additionalProperties") == {}:
        plain["additionalProperties"] = {}
    title = title_of(schema)
    return plain if title is None else {**plain, "title": title}


def classes(schemas: Schema, options: list[str]) -> str:
    with tempfile.TemporaryDirectory() as folder:
        source, target = Path(folder, "api.json"), Path(folder, "classes.py")
        api = {
            "openapi": "3.1.0",
            "info": {"title": "HAYSTACK", "version": "1"},
            "paths": {},
            "components": {"schemas": schemas},
        }
        source.write_text(json.dumps(api))
        program = [sys.executable, "-W", "ignore::FutureWarning", "-m", "datamodel_code_generator"]
        files = ["--input", str(source), "--output", str(target), "--formatters", "black", "isort"]
        subprocess.run([*program, *OPTIONS, *options, *files], check=True)
        text = target.read_text()
    return text[text.index("\nfrom __future__") :].replace("from haystack.base", "from .base")


def models(document: Schema) -> str:
    schemas = document["components"]["schemas"]
    codes = schemas["Error"]["properties"]["error"]
    shown = {name: simple(schemas[name], codes["enum"]) for name in USED}
    for name in USED:
        shown[name].pop("title", None)
    shown["ErrorCode"] = {"type": "string", "enum": codes["enum"]}
    retryable = "".join(f"        {json.dumps(code)},\n" for code in codes["x-retryable"])
    return (
        f"{HEADER.format(does='tells')}{classes(shown, ANSWERS)}\n\n"
        f"# The codes of errors after which doing the same again later may succeed.\n"
        f"RETRYABLE: frozenset[str] = frozenset(\n    [\n{retryable}    ]\n)\n"
    )


def settings(document: Schema) -> str:
    body = document["paths"]["/api/v1/runs"]["post"]["requestBody"]["content"]["application/json"]["schema"]
    config = simple(body["properties"]["config"], [])
    return f"{HEADER.format(does='takes')}{classes({'RunSettings': config}, ['--output-model-type=typing.TypedDict'])}"


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--check", action="store_true", help="write nothing; exit with 1 where a file is another")
    is_check = parser.parse_args().check
    document = json.load(sys.stdin)
    texts = {FOLDER / "models.py": models(document), FOLDER / "settings.py": settings(document)}
    old = [file.name for file, text in texts.items() if not file.exists() or file.read_text() != text]
    if is_check and old:
        print(f"{' and '.join(old)} tell another API than this one; run `npm run python:models`.", file=sys.stderr)
        return 1
    if not is_check:
        for file, text in texts.items():
            file.write_text(text)
    return 0


if __name__ == "__main__":
    sys.exit(main())
