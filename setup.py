"""The one compiled extension, and the loops that are compiled ahead; everything else stands in pyproject.toml."""

import os
import shutil
import subprocess
import sys
import tempfile

import numpy
from Cython.Build import cythonize
from setuptools import Extension, setup
from setuptools.command.build_ext import build_ext

# No -march: the kernels carry several instruction sets and choose when loaded.
# No contraction: every instruction set then gives the same bits.
UNIX = ["-pthread", "-O3", "-ffp-contract=off", "-fno-math-errno", "-fno-trapping-math"]
# Microsoft's compiler has one instruction set and no pool of threads here; /fp:precise does not contract
MSVC = ["/O2", "/std:c11", "/fp:precise"]
MOST_PARTS = 4  # processes that compile loops at the same time; more would wait for the longest loop


class Build(build_ext):
    """Compile with the flags of the compiler that is there, then the loops of most first fits.

    FASTGLM_LOOPS=0 leaves the loops out, as wheels for other machines should: they run where they were compiled.
    """

    def run(self):
        super().run()
        if os.environ.get("FASTGLM_LOOPS") != "0" and (self.editable_mode or not self.inplace):
            self.build_loops(os.path.dirname(__file__) if self.editable_mode else self.build_lib)

    def build_loops(self, root):
        """A fit compiles what is missing, so that a build without them is none that failed."""
        root = os.path.abspath(root)
        loops = os.path.join(root, "fastglm", "loops")
        shutil.rmtree(loops, ignore_errors=True)
        with tempfile.TemporaryDirectory() as scratch:
            path = os.pathsep.join([root, *filter(None, sys.path)])  # with what an isolated build brings
            beside = {"PYTHONPATH": path, "PYTHONDONTWRITEBYTECODE": "1", "NUMBA_CACHE_DIR": scratch}
            parts = min(os.cpu_count() or 1, MOST_PARTS)

            def started(part, parts):
                program = f"from fastglm.installation import build; build({part}, {parts})"
                return subprocess.Popen([sys.executable, "-c", program], cwd=scratch, env={**os.environ, **beside})

            failed = any([process.wait() for process in [started(part, parts) for part in range(parts)]])
            # the last one, in seconds, makes what two may have written at the same moment, and looks for all
            failed = failed or started(0, 1).wait()
        if failed:
            shutil.rmtree(loops, ignore_errors=True)
            self.warn("the loops of first fits were not compiled: the first fits will take some seconds")

    def build_extensions(self):
        msvc = self.compiler.compiler_type == "msvc"
        for extension in self.extensions:
            extension.extra_compile_args = MSVC if msvc else UNIX
            extension.extra_link_args = [] if msvc else ["-pthread"]
        super().build_extensions()


extension = Extension(
    "fastglm.special._special",
    ["fastglm/special/_special.pyx"],
    depends=[f"fastglm/special/{name}.h" for name in ("elementary", "loops", "parallel", "softmax", "softmax_chunk")],
    include_dirs=[numpy.get_include(), "fastglm/special"],
    define_macros=[("NPY_NO_DEPRECATED_API", "NPY_1_7_API_VERSION")],
)

setup(ext_modules=cythonize([extension], language_level=3), cmdclass={"build_ext": Build})
