import re
from pathlib import Path

from haystack_worker.failure import ExitCode


def test_each_exit_code_is_documented() -> None:
    text = (Path(__file__).parents[2] / "docs" / "stack-worker.md").read_text()
    table = text.split("## Exit codes")[1].split("\n## ")[0]
    assert {int(code) for code in re.findall(r"^\| (\d+) \|", table, re.MULTILINE)} == {0, *map(int, ExitCode)}
