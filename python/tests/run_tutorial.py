"""Executes tutorial.ipynb in the folder that is given, beside the data, and saves its pictures there.

Prints, as JSON, what a test can hold it to.
"""

import base64
import json
import sys
from pathlib import Path

import nbformat
from nbclient import NotebookClient

folder = Path(sys.argv[1])
notebook = nbformat.read(Path(__file__).parents[1] / "tutorial.ipynb", as_version=4)
NotebookClient(notebook, timeout=600, kernel_name="python3", resources={"metadata": {"path": str(folder)}}).execute()
outputs = [output for cell in notebook.cells for output in cell.get("outputs", [])]
pictures = [output.data["image/png"] for output in outputs if "image/png" in output.get("data", {})]
for number, picture in enumerate(pictures, 1):
    (folder / f"picture-{number}.png").write_bytes(base64.b64decode(picture))
print(
    json.dumps(
        {
            "pictures": len(pictures),
            "frames": [
                output.data["text/html"]
                for output in outputs
                if "<iframe" in output.get("data", {}).get("text/html", "")
            ],
            "text": "".join(
                output.text for output in outputs if output.output_type == "stream" and output.name == "stdout"
            ),
            "errors": "".join(
                output.text for output in outputs if output.output_type == "stream" and output.name == "stderr"
            ),
        }
    )
)
