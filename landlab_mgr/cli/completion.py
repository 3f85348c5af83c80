"""`landlab completion`: the lines that make a shell complete verbs and options."""

from typing import Annotated, Literal

import typer

app = typer.Typer()
VARIABLE = "_LANDLAB_COMPLETE"
"""Environment variable by which a shell asks for completions."""


@app.command()
def completion(
    shell: Annotated[Literal["bash", "zsh", "fish"], typer.Argument(help="Your shell", show_default=False)],
) -> None:
    """Print the lines that make a shell complete verbs and options: `landlab completion bash >> ~/.bashrc`."""
    from typer.completion import get_completion_script

    print(get_completion_script(prog_name="landlab", complete_var=VARIABLE, shell=shell))
