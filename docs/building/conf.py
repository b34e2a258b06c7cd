"""Sphinx's settings of the site; ``docs/make_site.py`` runs it."""

import re
from pathlib import Path

import fastglm

project = "fastglm"
author = "The fastglm developers"
copyright = author
release = version = fastglm.__version__

extensions = [
    "myst_parser",
    "sphinx.ext.autodoc",
    "sphinx.ext.napoleon",
    "sphinx_copybutton",
    "sphinx_design",
]
default_role = "code"
nitpicky = False
highlight_language = "python"
pygments_style = "a11y-high-contrast-light"

myst_heading_anchors = 4
myst_enable_extensions = ["attrs_block", "colon_fence"]
# docstrings are sentences, whose words may be the names of several attributes
suppress_warnings = ["docutils", "myst.header", "ref.python"]

autodoc_typehints = "signature"
autodoc_member_order = "bysource"
autodoc_default_options = {"members": True, "inherited-members": "tuple,BaseException", "undoc-members": False}
autodoc_preserve_defaults = True
maximum_signature_line_length = 88
napoleon_google_docstring = False
napoleon_use_param = False
napoleon_use_rtype = False
napoleon_use_ivar = True
toc_object_entries_show_parents = "hide"
add_module_names = False

copybutton_prompt_text = r">>> |\.\.\. |\$ "
copybutton_prompt_is_regexp = True

html_theme = "pydata_sphinx_theme"
html_title = "fastglm"
html_static_path = [str(Path(__file__).parent / "static")]
html_css_files = ["site.css"]
html_show_sourcelink = False
html_copy_source = False
html_context = {"default_mode": "auto"}
html_theme_options = {
    "github_url": "https://github.com/fastglm/fastglm",
    "logo": {"text": "fastglm"},
    "show_toc_level": 2,
    "navigation_with_keys": False,
    "show_prev_next": True,
    "navbar_end": ["version-switcher", "theme-switcher", "navbar-icon-links"],
    "switcher": {
        "json_url": "https://fastglm.github.io/fastglm/switcher.json",
        "version_match": release,
    },
    "check_switcher": False,
    "pygments_light_style": "a11y-high-contrast-light",
    "pygments_dark_style": "a11y-high-contrast-dark",
    "footer_start": ["copyright"],
    "footer_end": [],
}

MARK = re.compile(r"[*|]+(?=[A-Za-z0-9_(])")
SPAN = re.compile(r"(``.*?``|`[^`]*`)")


def plain_marks(app, what, name, obj, options, lines):
    """Stars and bars of a docstring are products, powers, arguments and sizes, never markup; code stays as it is."""
    for i, line in enumerate(lines):
        parts = SPAN.split(line)
        parts[::2] = [MARK.sub(lambda found: "".join(f"\\{c}" for c in found[0]), part) for part in parts[::2]]
        lines[i] = "".join(parts)


def only_ours(app, what, name, obj, skip, options):
    """Leave out what a class inherits from other libraries."""
    owner = getattr(obj, "__objclass__", None)
    module = getattr(obj, "__module__", None) or getattr(owner, "__module__", None) or "fastglm"
    request = name.endswith("_request") or name == "get_metadata_routing"
    return True if request or not module.startswith("fastglm") else None


def setup(app):
    app.connect("autodoc-process-docstring", plain_marks, priority=100)
    app.connect("autodoc-skip-member", only_ours)
