"""System files: what operating systems, network storage and other programs leave in folders."""

from collections.abc import Sequence

from mlptrain.text import show_path

_LEFT_BEHIND = frozenset(
    (
        *("thumbs.db", "thumbs.db:encryptable", "ehthumbs.db", "ehthumbs_vista.db"),  # Windows
        *("desktop.ini", "$recycle.bin", "recycler", "recycled", "system volume information"),
        *("found.000", "picasa.ini"),
        *("icon\r", "icon\uf00d", "__macosx", "network trash folder", "temporary items"),  # macOS
        *(".ds_store", ".localized", ".apdisk", ".fseventsd", ".trashes", ".temporaryitems"),
        *(".spotlight-v100", ".documentrevisions-v100", ".volumeicon.icns"),
        *("lost+found", "aquota.user", "aquota.group", ".directory"),  # Linux
        *("@eadir", "@tmp", "@sharebin", "@sharesnap", "#recycle", "#snapshot"),  # Synology
        *("@recycle", "@recently-snapshot", ".@__thumb", "~snapshot", ".snapshot"),  # QNAP, NetApp
        *(".gitkeep", ".ipynb_checkpoints"),  # other programs
    )
)
_PREFIXES = ("._", ".trash-", ".nfs")  # macOS on foreign file systems; Linux desktops; NFS
_MOST_SHOWN = 5


def is_left_behind(name: str) -> bool:
    """Whether a file or folder of this name is a system file."""
    lower = name.lower()
    return lower in _LEFT_BEHIND or lower.startswith(_PREFIXES)


def ignored_note(folder: str, ignored: Sequence[str]) -> str:
    """A note for the user on the entries below `folder` with the names `ignored`, at least one:
    their number and names."""
    names = sorted(set(ignored))
    shown = ", ".join(map(show_path, names[:_MOST_SHOWN]))
    more = f" and {len(names) - _MOST_SHOWN} more names" if len(names) > _MOST_SHOWN else ""
    entries = "1 entry" if len(ignored) == 1 else f"{len(ignored):,} entries"
    return f"{show_path(folder)}: ignored {entries} left by the system: {shown}{more}"
