"""Make the site of the documentation: ``python docs/make_site.py [FOLDER]``, by default ``site`` beside ``docs``.

The pages of docs/ are copied to a folder that is thrown away, with those that are made: the reference from docstrings,
notebooks and the gallery from scripts that are run, measured figures from stored runs. Sphinx makes HTML of them, and
every warning is an error. ``--pages FOLDER`` keeps the copied pages in that folder.
"""

from __future__ import annotations

import argparse
import os
import re
import shutil
import sys
import tempfile
from pathlib import Path

DOCS = Path(__file__).resolve().parent
ROOT = DOCS.parent
sys.path.insert(0, str(DOCS / "building"))

import site_cells  # noqa: E402
import site_commands  # noqa: E402
import site_navigation  # noqa: E402
import site_reference  # noqa: E402
import site_results  # noqa: E402

REPOSITORY = "https://github.com/fastglm/fastglm"
BLANK_END = re.compile(r"\n\n+```$", re.MULTILINE)
HIDDEN = re.compile(r"<!--.*?-->\n?", re.DOTALL)
LINK = re.compile(r"\]\(([^)\s]+)\)")
# pages that stand at the root of the repository, and are pages of the site
FROM_ROOT = {"CONTRIBUTING.md": "contributing.md", "CHANGELOG.md": "changes.md", "README.md": "index.md"}


def write_pages(folder: Path) -> None:
    """Write every page of the site, as Sphinx is to read it."""
    for path in sorted(DOCS.glob("*.md")):
        text = BLANK_END.sub("\n```", HIDDEN.sub("", path.read_text()))
        (folder / path.name).write_text(with_links(text, "docs"))
    for path in [*DOCS.glob("*.png"), *DOCS.glob("*.svg")]:
        shutil.copy(path, folder)
    for name, target in FROM_ROOT.items():
        if name != "README.md":
            (folder / target).write_text(with_links((ROOT / name).read_text(), ""))
    with (folder / "index.md").open("a") as index:
        index.write(site_navigation.contents())
    made = {"notebooks/": [f"notebooks/{path.stem}" for path in notebooks()]}
    for path in [*notebooks(), DOCS / "gallery.py"]:
        write_script(path, folder / path.parent.relative_to(DOCS))
    made["reference/"] = [f"api/{name}" for name in site_reference.pages()]
    (folder / "api").mkdir()
    for name, page in site_reference.pages().items():
        (folder / "api" / f"{name}.rst").write_text(site_reference.source(page))
    (folder / "measured.md").write_text(site_results.markdown(DOCS / "results"))
    (folder / "commands.md").write_text(site_commands.markdown())
    for name in site_navigation.CHAPTERS:
        (folder / f"{name}.md").write_text(site_navigation.chapter_markdown(name, made))


def notebooks() -> list[Path]:
    """The sources of the notebooks, in their order."""
    return sorted((DOCS / "notebooks").glob("*.py"))


def write_script(path: Path, folder: Path) -> None:
    """Run a script in cells, and write its page and figures."""
    folder.mkdir(exist_ok=True)
    page = site_cells.run(path.read_text(), path.stem)
    (folder / f"{path.stem}.md").write_text(page.markdown)
    for name, image in page.figures.items():
        (folder / name).write_bytes(image)


def with_links(text: str, folder: str) -> str:
    """A page of a folder of the repository, its links to where the site has their targets."""
    return LINK.sub(lambda found: f"]({on_site(found[1], folder)})", text)


def on_site(target: str, folder: str) -> str:
    """Where the site has what a page of this folder links to: a page of it, or the file in the repository."""
    if "://" in target or target.startswith("#"):
        return target
    address, _, anchor = target.partition("#")
    path = os.path.normpath(os.path.join(folder, address))
    mark = f"#{anchor}" if anchor else ""
    if path in FROM_ROOT:
        return FROM_ROOT[path] + mark
    if path.startswith("docs/notebooks/"):
        return path.removeprefix("docs/").removesuffix(".py") + ".md" + mark
    inside = path.startswith("docs/") and path.endswith((".md", ".png", ".svg"))
    return path.removeprefix("docs/") + mark if inside else f"{REPOSITORY}/blob/main/{path}{mark}"


def main(argv: list[str] | None = None) -> int:
    """Write the pages, and run Sphinx over them."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("folder", nargs="?", type=Path, default=ROOT / "site")
    parser.add_argument("--pages", type=Path, help="keep the pages that Sphinx reads here")
    args = parser.parse_args(argv)
    from sphinx.cmd.build import build_main

    with tempfile.TemporaryDirectory() as scratch:
        pages = args.pages or Path(scratch) / "pages"
        shutil.rmtree(pages, ignore_errors=True)
        pages.mkdir(parents=True)
        write_pages(pages)
        options = ["-W", "--keep-going", "-q", "-b", "html", "-c", str(DOCS / "building"), "-d", f"{scratch}/read"]
        return build_main([*options, str(pages), str(args.folder)])


if __name__ == "__main__":
    sys.exit(main())
