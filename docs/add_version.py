"""Put a built site among those of other versions: ``python docs/add_version.py SITE FOLDER VERSION``.

The site is copied to FOLDER/VERSION. A release becomes what FOLDER itself leads to, and ``switcher.json``, from which
every version reads its menu, lists all that are there, newest first.
"""

from __future__ import annotations

import json
import re
import shutil
import sys
from pathlib import Path

HOME = "https://fastglm.github.io/fastglm"
LEAD = '<!doctype html><title>fastglm</title><meta http-equiv="refresh" content="0; url={0}/"><a href="{0}/">{0}</a>\n'
RELEASE = re.compile(r"v?\d+(\.\d+)*")


def add(site: Path, folder: Path, version: str) -> list[dict]:
    """Copy a site and write the list of versions.

    Parameters
    ----------
    site : Path
        What ``make_site`` made.
    folder : Path
        The folders of all versions.
    version : str
        A release, as 0.1.0 or v0.1.0, or another name, as dev.

    Returns
    -------
    list of dict
        What ``switcher.json`` says.
    """
    version = version.removeprefix("v") if RELEASE.fullmatch(version) else version
    shutil.rmtree(folder / version, ignore_errors=True)
    shutil.copytree(site, folder / version)
    names = sorted((path.name for path in folder.iterdir() if (path / "index.html").exists()), key=_age, reverse=True)
    newest = next((name for name in names if RELEASE.fullmatch(name)), names[0])
    entries = [
        {"name": name + (" (newest)" if name == newest else ""), "version": name, "url": f"{HOME}/{name}/"}
        | ({"preferred": True} if name == newest else {})
        for name in names
    ]
    (folder / "switcher.json").write_text(json.dumps(entries, indent=1) + "\n")
    (folder / "index.html").write_text(LEAD.format(newest))
    (folder / ".nojekyll").touch()
    return entries


def _age(name: str) -> tuple[bool, list[int]]:
    """Names that are no release first, then the numbers of releases."""
    known = bool(RELEASE.fullmatch(name))
    return not known, [int(part) for part in name.removeprefix("v").split(".")] if known else []


if __name__ == "__main__":
    add(Path(sys.argv[1]), Path(sys.argv[2]), sys.argv[3])
