"""The one compiled extension; everything else stands in pyproject.toml."""

import numpy
from Cython.Build import cythonize
from setuptools import Extension, setup
from setuptools.command.build_ext import build_ext

# No -march: the kernels carry several instruction sets and choose when loaded.
# No contraction: every instruction set then gives the same bits.
UNIX = ["-pthread", "-O3", "-ffp-contract=off", "-fno-math-errno", "-fno-trapping-math"]
# Microsoft's compiler has one instruction set and no pool of threads here; /fp:precise does not contract
MSVC = ["/O2", "/std:c11", "/fp:precise"]


class Build(build_ext):
    """Compile with the flags of the compiler that is there."""

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
