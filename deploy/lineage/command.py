"""`touchstone verify-lineage`: says what verifies and what doesn't, and ends with a code for each kind of fault."""

from collections.abc import Mapping
from contextlib import ExitStack
from pathlib import Path
from typing import Final

import click
import orjson

from deploy.lineage.release_files import DownloadedRelease, NotARelease
from deploy.lineage.verification import NoLineage, VerificationReport, verify
from services.qa.domain.release_lineage import LineageFault
from shared.kit.signatures import PublicKey

EXIT_CODES: Final[Mapping[LineageFault, int]] = {
    LineageFault.LABEL: 10,
    LineageFault.ENTRY: 11,
    LineageFault.PROOF: 12,
    LineageFault.LINE: 13,
    LineageFault.SEAL: 14,
    LineageFault.KEY: 15,
    LineageFault.SIGNATURE: 16,
    LineageFault.CONTINUITY: 17,
    LineageFault.MANIFEST: 18,
    LineageFault.FILE: 19,
}
"""What the command ends with; where several kinds are found, with the first of them in this order."""

_EXISTING = click.Path(exists=True, path_type=Path)


@click.command()
@click.argument("release", type=_EXISTING)
@click.option(
    "--public-key",
    "public_keys",
    type=click.Path(exists=True, dir_okay=False, path_type=Path),
    multiple=True,
    help="Take only what these keys signed: the answer of `GET /v1/seal-keys`, or lines of 64 hexadecimal digits.",
)
@click.option("--previous", type=_EXISTING, help="An earlier release: this one must go on from its seals.")
def verify_lineage(release: Path, public_keys: tuple[Path, ...], previous: Path | None) -> None:
    """Verify a downloaded RELEASE by itself: a folder of its files, or a zip or tar archive of them."""
    with ExitStack() as opened:
        try:
            pinned = {one.key_id: one for path in public_keys for one in _keys_in(path)} if public_keys else None
            found = opened.enter_context(DownloadedRelease.open(release))
            before = None if previous is None else opened.enter_context(DownloadedRelease.open(previous))
            report = verify(found, pinned, before)
        except (NotARelease, NoLineage) as error:
            raise click.ClickException(str(error)) from error
    _show(report, pinned=pinned is not None)
    if report.worst is not None:
        raise SystemExit(EXIT_CODES[report.worst])


def _keys_in(path: Path) -> list[PublicKey]:
    """Raises click.ClickException when these are no keys."""
    content = path.read_bytes()
    try:
        if content.lstrip().startswith(b"{"):
            return [PublicKey.parse(one["public_key"]) for one in orjson.loads(content)["keys"]]
        return [PublicKey.parse(line) for line in content.decode("ascii").split()]
    except (KeyError, TypeError, ValueError) as error:
        raise click.ClickException(f"{path} holds no public keys.") from error


def _show(report: VerificationReport, *, pinned: bool) -> None:
    for one in report.faults:
        click.echo(f"{one.kind}: {one.words}")
    for kind, count in report.counts.items():
        hidden = count - sum(one.kind is kind for one in report.faults)
        if hidden:
            click.echo(f"{kind}: and {hidden} more")
    verified = f"{report.labels} labels and {report.seals} seals verify"
    if report.worst is not None:
        click.echo(f"REFUSED. {verified}, the rest does not.")
        return
    click.echo(f"{verified}; sealed from {report.first_sealed_at} to {report.last_sealed_at}.")
    for key_id in sorted(report.key_ids):
        click.echo(f"Signed by key {key_id}.")
    if not pinned:
        click.echo("The keys are the release's own: compare their ids with those you know, or give --public-key.")
