"""The one compiled extension; everything else stands in pyproject.toml."""

import numpy
from Cython.Build import cythonize
from setuptools import Extension, setup

# No -march: the kernels carry several instruction sets and choose when loaded.
# No contraction: every instruction set then gives the same bits.
extension = Extension(
    "fastglm.special._special",
    ["fastglm/special/_special.pyx"],
    depends=[f"fastglm/special/{name}.h" for name in ("elementary", "loops", "parallel", "softmax", "softmax_chunk")],
    include_dirs=[numpy.get_include(), "fastglm/special"],
    extra_link_args=["-pthread"],
    extra_compile_args=["-pthread", "-O3", "-ffp-contract=off", "-fno-math-errno", "-fno-trapping-math"],
    define_macros=[("NPY_NO_DEPRECATED_API", "NPY_1_7_API_VERSION")],
)

setup(ext_modules=cythonize([extension], language_level=3))
