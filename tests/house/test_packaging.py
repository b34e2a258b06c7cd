"""What is published: one version number, extras, interpreters, links that hold elsewhere, whole sources."""

import ast
import re
import shutil
import subprocess
from pathlib import Path

import pytest

import fastglm

ROOT = Path(__file__).parents[2]
tomllib = pytest.importorskip("tomllib")
SETTINGS = tomllib.loads((ROOT / "pyproject.toml").read_text())
PROJECT = SETTINGS["project"]
LINK = re.compile(r"(!?)\[[^\]]*\]\(([^)\s]+)\)")
SOURCE = PROJECT["urls"]["Source"]
FILE, IMAGE = f"{SOURCE}/blob/main/", SOURCE.replace("github.com", "raw.githubusercontent.com") + "/main/"


def test_one_version_number():
    assert PROJECT["dynamic"] == ["version"] and "version" not in PROJECT
    assert SETTINGS["tool"]["setuptools"]["dynamic"]["version"] == {"attr": "fastglm.core.version.__version__"}
    beside = ["recipe/meta.yaml", "CITATION.cff", "docs/building/conf.py", "pyproject.toml", "setup.py"]
    assert [name for name in beside if re.search(rf"\b{re.escape(fastglm.__version__)}\b", read(name))] == []
    pattern = re.search(r"regex_pattern='(.+?)'", read("recipe/meta.yaml"))[1]
    assert re.search(pattern, read("fastglm/core/version.py"))[1] == fastglm.__version__


def read(name):
    return (ROOT / name).read_text()


def test_interpreters_are_the_same_everywhere():
    classifiers = [c.rsplit(" ", 1)[1] for c in PROJECT["classifiers"] if re.search(r"Python :: 3\.\d+$", c)]
    assert PROJECT["requires-python"] == f">={classifiers[0]}"
    built = [name.removeprefix("cp3").removesuffix("-*") for name in SETTINGS["tool"]["cibuildwheel"]["build"]]
    assert [f"3.{minor}" for minor in built] == classifiers
    matrix = ast.literal_eval(re.search(r"python: (\[.*?\])", read(".github/workflows/checks.yml"))[1])
    assert matrix == classifiers


def test_all_is_all():
    extras = PROJECT["optional-dependencies"]
    named = set(re.search(r"\[(.*)\]", extras["all"][0])[1].split(","))
    assert len(extras["all"]) == 1
    assert named == set(extras) - {"all", "docs", "test", "clusters"}
    inner = [re.fullmatch(r"fastglm\[(.*)\]", need) for needs in extras.values() for need in needs]
    assert {name for found in inner if found for name in found[1].split(",")} <= set(extras)


def test_the_recipe_needs_what_the_project_needs():
    text = read("recipe/meta.yaml")
    run = re.search(r"  run:\n(.*?)  run_constrained", text, re.DOTALL)[1]
    asked = {line.strip("- ").replace(" ", "") for line in run.splitlines()}
    assert asked == {*PROJECT["dependencies"], "python" + PROJECT["requires-python"]}
    host = re.search(r"  host:\n(.*?)  run:", text, re.DOTALL)[1]
    built = {line.strip("- ").replace(" ", "") for line in host.splitlines()}
    assert built >= set(SETTINGS["build-system"]["requires"])


def test_links_of_the_front_page_hold_away_from_the_repository():
    links = LINK.findall(read("README.md"))
    assert [target for _, target in links if not target.startswith("https://")] == []
    inside = [(target.removeprefix(IMAGE if bang else FILE), bang) for bang, target in links if SOURCE[19:] in target]
    assert [path for path, _ in inside if not (ROOT / path.partition("#")[0]).is_file()] == []
    assert len(inside) > 30


def test_the_source_distribution_has_every_tracked_file():
    if shutil.which("git") is None or not (ROOT / ".git").exists():
        pytest.skip("no repository here")
    done = subprocess.run(["git", "ls-files"], cwd=ROOT, capture_output=True, text=True)
    if done.returncode:
        pytest.skip(done.stderr.strip())
    rules = [line.split() for line in read("MANIFEST.in").splitlines()]
    folders = {rule[1] for rule in rules if rule[0] == "graft"} | {"fastglm"}
    files = {name for rule in rules if rule[0] == "include" for name in rule[1:]}
    # what setuptools takes by itself, and what only a repository needs
    files |= {"LICENSE", "README.md", "pyproject.toml", "setup.py", "MANIFEST.in", ".gitignore"}
    tracked = done.stdout.split("\n")[:-1]
    assert [path for path in tracked if path.split("/")[0] not in folders and path not in files] == []
    assert [path for path in files if not (ROOT / path).exists()] == []


def test_tables_of_data_are_published():
    patterns = SETTINGS["tool"]["setuptools"]["package-data"]["fastglm.datasets"]
    files = {path for path in (ROOT / "fastglm/datasets").rglob("*") if path.suffix not in (".py", ".pyc", "")}
    assert len(files) > 10 and files == {path for each in patterns for path in (ROOT / "fastglm/datasets").glob(each)}
    endings = " ".join(sorted({f"*{path.suffix}" for path in files}))
    assert f"recursive-include fastglm/datasets/data {endings}\n" in read("MANIFEST.in")


@pytest.mark.parametrize("folder", [".github", "."])
def test_settings_are_yaml(folder):
    yaml = pytest.importorskip("yaml")
    own = [ROOT / "CITATION.cff", ROOT / ".pre-commit-config.yaml"]
    found = own if folder == "." else (ROOT / folder).rglob("*.yml")
    read_files = {path.name: yaml.safe_load(path.read_text()) for path in found}
    assert read_files and all(read_files.values())
    forms = [form for name, form in read_files.items() if isinstance(form, dict) and "body" in form]
    assert all({"name", "description", "body"} <= set(form) for form in forms)


def test_a_version_joins_the_site_of_the_others(tmp_path):
    import sys

    sys.path.insert(0, str(ROOT / "docs"))
    from add_version import add

    (tmp_path / "site").mkdir()
    (tmp_path / "site/index.html").write_text("one")
    for version in ("v0.9.0", "0.10.0", "dev"):
        entries = add(tmp_path / "site", tmp_path / "all", version)
    assert [entry["version"] for entry in entries] == ["dev", "0.10.0", "0.9.0"]
    assert [entry["version"] for entry in entries if entry.get("preferred")] == ["0.10.0"]
    assert "url=0.10.0/" in (tmp_path / "all/index.html").read_text()
    assert (tmp_path / "all/dev/index.html").read_text() == "one"
