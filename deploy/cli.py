"""`touchstone`, as it is installed: the commands of the services, a whole suite on this machine, checks of releases."""

import importlib
from typing import Any

import click

from services.cli import main as services

_BEYOND_THE_SERVICES = {
    "demo": ("deploy.demo.__main__", "main", "The whole loop on real data, through the public API."),
    "up": ("deploy.embedded.__main__", "up", "Start everything on this machine and stay until Ctrl-C or `down`."),
    "down": ("deploy.embedded.__main__", "down", "Stop what `up` started; the data stay."),
    "verify-lineage": (
        "deploy.lineage.command",
        "verify_lineage",
        "Verify a downloaded release by itself: files, labels, chains, proofs, signatures.",
    ),
    "env": ("deploy.embedded.__main__", "env", "Print where `up` has the services, and an admin's token."),
}
"""Commands that are imported when they are called: they need what only `touchstone[all]` installs."""


class _Commands(click.Group):
    def list_commands(self, ctx: click.Context) -> list[str]:
        return sorted({*services.list_commands(ctx), *_BEYOND_THE_SERVICES})

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        if cmd_name not in _BEYOND_THE_SERVICES:
            return services.get_command(ctx, cmd_name)
        module, name, help_text = _BEYOND_THE_SERVICES[cmd_name]
        try:
            command: click.Command = getattr(importlib.import_module(module), name)
        except ModuleNotFoundError as error:
            return _missing(cmd_name, help_text, error.name or "")
        return command


def _missing(command: str, help_text: str, module: str) -> click.Command:
    """A command in place of one that can't be imported, which says what to install."""

    def fail(**_: Any) -> None:
        raise click.ClickException(
            f"`touchstone {command}` needs {module}, which is not installed: pip install 'touchstone[all]'."
        )

    anything = click.Argument(["arguments"], nargs=-1, type=click.UNPROCESSED)
    settings = {"ignore_unknown_options": True}
    return click.Command(command, callback=fail, params=[anything], help=help_text, context_settings=settings)


main = _Commands(
    name="touchstone", help=services.help, params=services.params, context_settings=services.context_settings
)


if __name__ == "__main__":
    main()
