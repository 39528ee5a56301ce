"""typer's command class with conventional usage lines, and errors that know their command."""

from typing import Any

from typer import TyperException
from typer.core import TyperCommand


class Command(TyperCommand):
    """A command of mlptrain."""

    def collect_usage_pieces(self, ctx: Any) -> list[str]:
        """Required arguments without the braces that typer puts around them."""
        return [
            piece.translate({ord("{"): "", ord("}"): ""})
            for piece in super().collect_usage_pieces(ctx)
        ]

    def parse_args(self, ctx: Any, args: list[str]) -> list[str]:
        """Add the command's context to errors about an option, where typer leaves it out."""
        try:
            return super().parse_args(ctx, args)
        except TyperException as error:
            if getattr(error, "ctx", None) is None:
                error.ctx = ctx  # type: ignore[attr-defined]
            raise
