"""`retinue completion`: the script that makes the shell complete commands and options."""

from __future__ import annotations

import click
from click.shell_completion import get_completion_class

from retinue.cli import app
from retinue.cli.session import Cli, command
from retinue.errors import Invalid


@command()
@click.argument("shell", type=click.Choice(["bash", "zsh", "fish"]))
def completion(cli: Cli, shell: str) -> None:
    """Print the completion script of SHELL.

    \b
    bash:  retinue completion bash > ~/.local/share/bash-completion/completions/retinue
    zsh:   retinue completion zsh > "${fpath[1]}/_retinue"
    fish:  retinue completion fish > ~/.config/fish/completions/retinue.fish
    """
    found = get_completion_class(shell)
    if found is None:
        raise Invalid(f"There is no completion for {shell}.")
    cli.out.text(found(app, {}, "retinue", "_RETINUE_COMPLETE").source())
