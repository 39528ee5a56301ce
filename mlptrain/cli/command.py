"""What a command adds to typer's: usage lines in the common notation, and errors that know where
they belong."""

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
        """Complaints about an option carry the context of its command, which typer leaves out of
        some."""
        try:
            return super().parse_args(ctx, args)
        except TyperException as error:
            if getattr(error, "ctx", None) is None:
                error.ctx = ctx  # type: ignore[attr-defined]
            raise
