# Copyright (c) 2026, rpaops.uipath contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Which characters of text from elsewhere are displayed.

Control characters can rewrite a terminal, line separators forge a line of a log, and format characters reorder or hide
what is next to them.
"""

from __future__ import annotations

import unicodedata

# Control, format, surrogate, and the separators of lines and paragraphs.
INVISIBLE = frozenset({"Cc", "Cf", "Cs", "Zl", "Zp"})


def is_invisible(char: str) -> bool:
    return unicodedata.category(char) in INVISIBLE


def displayable(text: str) -> str:
    """Return the text with a space in place of each character that cannot be seen."""
    if text.isprintable():
        return text
    return "".join(" " if is_invisible(char) else char for char in text)
