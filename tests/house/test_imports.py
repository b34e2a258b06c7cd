"""The rooms of the library: a file imports only from its own room or a lower one.

Importing the package itself must be quick and must not load the compiler, scipy or pandas.
"""

import ast
import importlib.util
import re
import subprocess
import sys
from collections import Counter
from pathlib import Path
from xml.etree import ElementTree

import pytest
from room_imports import EDGES, IMPORTS, MODULES, PACKAGE, statements

import fastglm

# every folder and every module beside them, the lowest first: a total order; a new one must be placed here
ROOMS = """
    errors core __init__ special
    kernels linalg family families links
    matrix design source files
    engines options folds types rows objective
    solver solvers penalties
    inference postestimation export plots result
    fitting
    planning online nn smoothing simulate datasets sklearn statsmodels loading installation
    cli __main__
""".split()
# Imports inside functions, and why. All others stand at the top of their files, where circles show.
LIBRARIES = {
    "not everyone has it": """pandas polars pyarrow narwhals formulaic dask distributed ray duckdb fsspec threadpoolctl
        matplotlib tqdm patsy sklearn statsmodels glum torch keras""".split(),
    "it is slow to load": ["scipy", "asyncio"],
    "the doctor looks whether it is there": ["numba", "llvmlite"],
}
OURS = {
    "results are read without the compiler": {
        "result.codecs": ("design", "design.validity", "families", "links", "linalg.inverse"),
        "inference": ("inference.coordinates",),
        "rows.schema": ("rows.supplied",),
        "inference.residuals": ("kernels.evaluate", "links"),
        "inference.several": ("family.means", "families", "kernels.evaluate", "links"),
        "inference.summary": ("design.groups",),
        "inference.wald": ("family.means", "kernels.evaluate"),
        "result.multinomial": ("postestimation.row_answers", "inference.multinomial"),
        "result.several": ("postestimation.row_answers",),
        "result.row_verbs": (
            "postestimation.row_answers", "postestimation.covariances", "postestimation.scores", "family.means",
            "inference.new_responses",
        ),
        "inference.inflation": ("design.groups",),
        "result.table_verbs": ("design.groups", "postestimation.augmented"),
        "result.diagnostic_verbs": (
            "inference.inflation", "postestimation.added_columns", "postestimation.binary",
            "postestimation.fit_tests", "postestimation.linear_tests",
        ),
        "result.effect_verbs": ("postestimation.margins", "postestimation.comparisons", "postestimation.emmeans"),
        "loading": ("smoothing.result", "nn.result", "online.online_glm"),
    },
    "the command line answers --help at once": {
        "cli.completion": ("families", "links"),
        "cli.compare": ("rows", "rows.arrays", "core.column_names"),
        "cli.cv": ("fitting.cross_validation",),
        "cli.demo": ("fitting.entry", "simulate"),
        "cli.etable": ("inference.etable",),
        "cli.fit": ("fitting.entry", "files.find", "result.report"),
        "cli.input": ("files.find",),
        "cli.show": ("loading",),
        "cli.lecture": ("fitting.entry",),
        "cli.options": ("files.find", "families"),
        "cli.local": ("smoothing.entry",),
        "cli.peers": ("families", "links"),
        "cli.path": ("fitting.path",),
        "cli.plan": ("planning",),
        "cli.predict": ("loading",),
        "cli.simulate": ("simulate",),
        "cli.examination": ("fitting.entry", "kernels.passes", "source.threads"),
    },
    "an exact fit needs no loops of first-order solvers": {
        "fitting.run": ("fitting.stochastic",), "fitting.perform": ("solver.sgd.training_rows",),
    },
    "only names that there are not need it": {"statsmodels": ("statsmodels.refusals",)},
    "one mean a row needs no softmax": {"inference.row_scores": ("special",), "inference.bias": ("special",),
                                        "postestimation.averages": ("inference.multinomial",)},
}  # fmt: skip
MOST = {
    "not everyone has it": 169, "it is slow to load": 69, "the doctor looks whether it is there": 2,
    "results are read without the compiler": 51,
    "the command line answers --help at once": 28, "only names that there are not need it": 2,
    "one mean a row needs no softmax": 3, "an exact fit needs no loops of first-order solvers": 2,
}  # fmt: skip
OPTIONAL = ("pandas", "tqdm", "matplotlib", "pyarrow", "statsmodels", "sklearn", "torch", "keras", "onnx")
HEAVY = ("numba", "llvmlite", "scipy", "threadpoolctl", *OPTIONAL)


def room(name):
    """The place of a module's room in the order."""
    assert name.split(".")[0] in ROOMS, f"{name} is in no room: place it in ROOMS"
    return ROOMS.index(name.split(".")[0])


@pytest.mark.parametrize("name", MODULES)
def test_no_import_goes_upward(name):
    assert room(name) >= 0
    assert [target for source, target in EDGES if source == name and room(target) > room(source)] == []


def test_every_room_is_there_and_has_one_place():
    assert sorted(ROOMS) == sorted({name.split(".")[0] for name in MODULES})


def test_the_order_is_the_documented_one():
    table = (Path(__file__).parents[2] / "docs/design.md").read_text().split("| rooms, in their order |")[1]
    cells = [line.split("|")[1] for line in table.split("\n\n")[0].splitlines()[2:]]
    names = [name.strip("/") for cell in cells for name in re.findall(r"`(.*?)`", cell)]
    assert ["__init__" if name == "fastglm" else name for name in names] == ROOMS


def test_the_picture_is_that_of_the_imports():
    """``python docs/draw_house.py`` draws it anew; its first comment lists the arrows between rooms."""
    docs = Path(__file__).parents[2] / "docs"
    spec = importlib.util.spec_from_file_location("draw_house", docs / "draw_house.py")
    script = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(script)
    picture = (docs / "house.svg").read_text()
    root = ElementTree.fromstring(picture)
    shown = {name for text in root.iter("{http://www.w3.org/2000/svg}text") for name in re.findall(r"\w+", text.text)}
    assert {name for name in ROOMS if name[0] != "_"} <= shown
    listed = re.search("<!-- (.*) -->", picture)[1].split("; ")
    assert set(listed) == {f"{a} > {b}" for a, b in script.arrows()} and len(listed) > 100
    assert picture == script.svg()


def test_no_files_import_each_other_in_a_circle():
    """Files that import none that is left are taken away again and again; what stays is in a circle or above one."""
    left = {name: {target for source, target in EDGES if source == name} for name in MODULES}
    while free := [name for name, targets in left.items() if not targets & left.keys()]:
        for name in free:
            del left[name]
    assert left == {}


def test_inside_the_package_nothing_is_asked_of_its_face():
    shown = [
        (name, alias.name)
        for name, path in MODULES.items()
        for node, _ in statements(ast.parse(path.read_text()))
        if isinstance(node, ast.ImportFrom) and not node.module
        and node.level == name.count(".") + 1 + (path.name == "__init__.py")
        for alias in node.names
        if alias.name not in MODULES
    ]  # fmt: skip
    assert shown == []


def reason(source, target, ours):
    """Why a file may import at the moment of use, or None."""
    if not ours:
        return next((why for why, libraries in LIBRARIES.items() if target in libraries), None)
    return next((why for why, table in OURS.items() if target in table.get(source, ())), None)


def test_imports_inside_functions_are_the_declared_ones():
    at_use = [(source, target, ours) for source, target, ours, top in IMPORTS if not top]
    hidden = [found[:2] for found in at_use if reason(*found) is None]
    assert hidden == [], "put them at the top of the file; if that makes a circle, move what both need further down"
    counts = Counter(reason(*found) for found in at_use)
    assert counts == MOST, "more of them need a reason, fewer a smaller number in MOST"
    declared = {(source, target) for table in OURS.values() for source, targets in table.items() for target in targets}
    assert declared == {(source, target) for source, target, ours in at_use if ours}


def test_modules_imported_by_their_names_are_faces_and_other_libraries():
    """``__init__``, ``matrix`` and ``statsmodels`` show what is in files below them, ``result.model_verbs`` calls what
    puts its name there; the others name libraries."""
    users = {name for name, path in MODULES.items() if "import_module(" in path.read_text()}
    shown = "__init__ matrix rows families statsmodels export core.frames_out cli.compare source.journal".split()
    assert users == {*shown, "result.model_verbs"}


def test_the_reader_of_imports_sees_them():
    assert ("objective.passes", "kernels.passes", True, True) in IMPORTS
    assert ("result.row_verbs", "postestimation.covariances", True, False) in IMPORTS
    assert ("rows.stored", "rows.arguments", True, True) in IMPORTS
    assert len(EDGES) > 600


def test_solvers_see_an_objective_and_nothing_behind_it():
    behind = ("source.in_memory", "fitting", "rows", "result", "inference")
    seen = [(s, t) for s, t in EDGES if s.startswith("solver") and t.startswith(behind)]
    assert seen == []


def test_parallelism_lives_in_the_source():
    users = {
        name
        for name, path in MODULES.items()
        if any(word in path.read_text() for word in ("ThreadPoolExecutor", "multiprocessing", "import threading"))
    }
    assert users and all(name.startswith("source.") for name in users), users


# Classes of another room that may be asked for by ``isinstance``, and why; errors may, wherever they are caught.
ASKED_FOR = {
    ("inference.etable", "core.records.Record"): "the base of all results, which is there for this question",
    ("nn.mlp", "options.sgd.SGD"): "a record of options that users make; no other one has its fields",
}


def defined_in(module, name):
    """The module that defines a name which another one may only show."""
    for found in (module, *[target for source, target in EDGES if source == module]):
        tree = ast.parse(MODULES[found].read_text()) if found in MODULES else ast.Module([], [])
        if any(isinstance(node, ast.ClassDef) and node.name == name for node in tree.body):
            return found
    return module


def compared(tree):
    """The expressions that types are compared with: by ``isinstance``, ``issubclass``, or as ``type(x) is``."""
    for node in ast.walk(tree):
        kinds = []
        if isinstance(node, ast.Call) and getattr(node.func, "id", "") in ("isinstance", "issubclass"):
            kinds = node.args[1:]
        elif isinstance(node, ast.Compare):
            sides = [node.left, *node.comparators]
            kinds = sides if any(ast.unparse(side).startswith("type(") for side in sides) else []
        for kind in kinds:
            yield from kind.elts if isinstance(kind, ast.Tuple) else [kind]


def asked_for(name, path):
    """Classes of other rooms, as module.Class, that a file compares types with."""
    tree, package = ast.parse(path.read_text()), name.split(".")
    package, origin = package if path.name == "__init__.py" else package[:-1], {}
    for node in ast.walk(tree):
        if isinstance(node, ast.ImportFrom) and node.level:
            base = [*package[: len(package) - node.level + 1], *(node.module or "").split(".")]
            origin |= {alias.asname or alias.name: [*filter(None, base), alias.name] for alias in node.names}
    for kind in compared(tree):
        first, *words = ast.unparse(kind).split(".")
        *module, last = [*origin.get(first, [first]), *words]
        if first in origin and last[0].isupper() and [*module, last][0] != name.split(".")[0]:
            yield f"{defined_in('.'.join(module), last)}.{last}"


def test_no_room_asks_for_the_classes_of_another():
    """What differs between classes is an attribute or a method of theirs: a new class is then added in its own file."""
    found = {(name, asked) for name, path in MODULES.items() for asked in asked_for(name, path)}
    found = {(name, asked) for name, asked in found if not asked.startswith(("errors.", "core.protocols."))}
    assert found == set(ASKED_FOR)


def run(code):
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, cwd=PACKAGE.parent, timeout=600)
    assert done.returncode == 0, done.stderr
    return done.stdout.split()


def test_importing_loads_nothing_heavy():
    loaded = run(f"import fastglm, sys; print(*[m for m in {HEAVY!r} if m in sys.modules])")
    assert loaded == []
    loaded = run(f"import fastglm.errors, sys; print(*[m for m in {HEAVY!r} if m in sys.modules])")
    assert loaded == []


def test_importing_is_quick():
    clock = "import time; t = time.perf_counter(); import fastglm; print(time.perf_counter() - t)"
    assert min(float(run(clock)[0]) for _ in range(3)) < 0.4


def test_a_fit_loads_no_optional_package():
    code = "import fastglm, sys; fastglm.fit([[0.0], [1], [2]], [0, 1, 3], family='poisson')"
    assert run(f"{code}; print(*[m for m in {OPTIONAL!r} if m in sys.modules])") == []


def test_every_public_name_is_there():
    for name in fastglm.__all__:
        assert getattr(fastglm, name) is not None
    assert set(fastglm.__all__) <= set(dir(fastglm))
    with pytest.raises(AttributeError, match="nothing_like_it"):
        fastglm.nothing_like_it  # noqa: B018
