# Copyright (c) 2026, rpaops.uipath contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Sphinx: the guides are Markdown, the reference is what antsibull-docs writes. Nothing is fetched."""

from __future__ import annotations

project = "rpaops.uipath"
html_title = "rpaops.uipath"
project_copyright = "rpaops.uipath contributors"
extensions = ["myst_parser", "sphinx.ext.intersphinx", "sphinx_antsibull_ext"]
html_theme = "furo"
html_copy_source = False
html_show_sphinx = False
html_use_index = False
highlight_language = "yaml+jinja"
pygments_style = "ansible"
myst_heading_anchors = 4
intersphinx_mapping = {"ansible": ("https://docs.ansible.com/projects/ansible/devel/", "ansible.inv")}
nitpicky = True
