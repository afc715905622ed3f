"""The walks in the documentation, with their shell commands as they stand there."""

import json
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

import pytest

from deploy.embedded.supervisor import Suite
from shared.contracts.values import Role

ROOT = Path(__file__).parents[2]
_BLOCK = re.compile(r"^```sh\n(.*?)^```$", re.MULTILINE | re.DOTALL)
_TIMEOUT_S = 120

needs_jq = pytest.mark.skipif(not (shutil.which("jq") and shutil.which("curl")), reason="needs jq and curl")


_AS_INSTALLED = f'touchstone() {{ "{sys.executable}" -m deploy.cli "$@"; }}'


def blocks_of(document: str, which: slice = slice(None)) -> list[str]:
    """The document's shell commands, or some blocks of them."""
    return _BLOCK.findall((ROOT / document).read_text(encoding="utf-8"))[which]


def walk(suite: Suite, blocks: Sequence[str], folder: Path) -> str:
    """Run these shell commands with the suite's URLs; returns what they print."""
    script = "\n".join(("set -eu -o pipefail", _AS_INSTALLED, *blocks))
    urls = {service.upper(): url for service, url in suite.urls.items()}
    script, asked = re.subn(r'^eval "\$\(.*$', "", script, flags=re.MULTILINE)
    assert asked == 1, "it begins with where the services are"
    environment = os.environ | urls | {"TOKEN": suite.token(Role.ADMIN), "PYTHONPATH": str(ROOT)}
    done = subprocess.run(
        ["bash", "-c", script],
        cwd=folder,
        env=environment,
        capture_output=True,
        text=True,
        timeout=_TIMEOUT_S,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


ON_ONE_BUS = pytest.mark.parametrize("suite", ["postgres"], indirect=True, scope="session")
"""What a document says doesn't depend on the bus."""


@needs_jq
@ON_ONE_BUS
def test_a_newcomer_gets_from_nothing_to_a_dataset_without_a_surprise(suite: Suite, tmp_path: Path) -> None:
    printed = walk(suite, blocks_of("docs/first-project.md") + blocks_of("docs/verify-a-release.md"), tmp_path)
    assert '"accepted": 3' in printed
    assert re.search('"leases":\\[\\],"reason":"(done|all_answered)"', printed)
    rows = [json.loads(line) for line in (tmp_path / "train.jsonl").read_text(encoding="utf-8").splitlines()]
    assert len(rows) == 3
    assert {row["answers"]["topic"]["label"] for row in rows} == {"billing", "delivery", "other"}
    texts = " ".join(row["fields"]["text"] for row in rows)
    assert "😡\nPlease" in texts
    assert '"topic":"billing"' in printed
    assert "ann@example.com" not in texts
    assert "[EMAIL]" in texts
    assert re.search(r"3 labels and \d+ seals verify; sealed", printed)


@needs_jq
@ON_ONE_BUS
def test_the_lines_of_the_readme_do_what_it_says(suite: Suite, tmp_path: Path) -> None:
    printed = walk(suite, blocks_of("README.md", slice(2, 3)), tmp_path)
    assert '"verified": true' in printed
