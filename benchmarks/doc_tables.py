"""A page with two marks in, and lines; the page with those lines between its marks, out.

<!-- NAME: made by COMMAND -->
...
<!-- NAME ends -->
"""

import re
from collections.abc import Sequence
from pathlib import Path

from edgeemg.errors import OutputExistsError


def put_between(page: Path, name: str, lines: Sequence[str]) -> None:
    """Replace what stands between the marks. OutputExistsError where the page lacks them."""
    text = page.read_text(encoding="utf-8") if page.is_file() else ""
    begins, ends = rf"<!-- {re.escape(name)}: [^\n]*-->\n", f"<!-- {name} ends -->"
    marked = re.compile(rf"({begins}).*?({re.escape(ends)})", re.DOTALL)
    between = "\n".join(["", *lines, "", ""])
    written, found = marked.subn(lambda marks: marks[1] + between + marks[2], text)
    if found != 1:
        raise OutputExistsError(
            f"{page} must have the marks <!-- {name}: ... --> and {ends} once, each on a line; "
            f"found {found} pairs: leave out --page, or put them where the table belongs"
        )
    page.write_text(written, encoding="utf-8")
