"""The settings of a demo in few words: what is shortened first, specialists with the same setting together."""

from collections.abc import Iterator, Sequence

from guardian_cluster.cli.demo.events import Setting

_TOLD_AS_MODELS = ("url", "model", "tier", "price", "endpoint")


def condensed(settings: Sequence[Setting]) -> Iterator[tuple[str, str]]:
    """Yield a label and a text for each kind of setting; none is left out but what is told of models already."""
    shown = {_shown(each): _is_shorter(each) for each in settings if not _is_told(each)}
    for label, wanted in (("shortened", True), ("set", False)):
        if chosen := [text for text, is_shorter in shown.items() if is_shorter is wanted]:
            yield label, "; ".join(chosen)


def _is_told(setting: Setting) -> bool:
    section, *rest = setting.key.split(".")
    return section == "specialist" and len(rest) > 1 and rest[1].partition("[")[0] in _TOLD_AS_MODELS


def _shown(setting: Setting) -> str:
    section, *rest = setting.key.split(".")
    key = ".".join([section, "*", *rest[1:]]) if section == "specialist" else setting.key
    default = f" (not {setting.default})" if setting.default not in (None, setting.value) else ""
    return f"{key} = {setting.value}{default}"


def _is_shorter(setting: Setting) -> bool:
    """Return whether it is a time that is shorter than by default."""
    if not setting.key.endswith("_s") or setting.default is None:
        return False
    return float(setting.value) < float(setting.default)
