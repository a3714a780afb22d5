"""A template and what it shows in, one HTML page that needs nothing but itself out.

Every string is escaped unless it is SVG of our own making. The page's content security policy
forbids whatever is not in it: no script, no font, no request to anyone.
"""

from collections.abc import Mapping
from typing import Any

from edgeemg import __version__
from edgeemg.errors import needs_extra
from edgeemg.pages.families import LOOKS
from edgeemg.pages.plot import short


def page(template: str, content: Mapping[str, Any]) -> str:
    """Fill a template of this package; a name that is lacking is a bug and raises."""
    with needs_extra("train", "a report"):
        from jinja2 import Environment, PackageLoader, StrictUndefined
    environment = Environment(
        loader=PackageLoader("edgeemg.pages", ""),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters |= {
        "share": share,
        "signed": signed,
        "short": short,
        "percent": lambda one: f"{100 * one:.0f}",
    }
    shown = {"version": __version__, "looks": LOOKS, **content}
    return environment.get_template(template).render(shown)


def share(number: float) -> str:
    """A fraction from 0 to 1 with three digits, as the command line writes it."""
    return f"{number:.3f}"


def signed(number: float) -> str:
    """A difference of fractions with its sign; a real minus, so that columns line up."""
    return f"{number:+.3f}".replace("-", "\N{MINUS SIGN}")
