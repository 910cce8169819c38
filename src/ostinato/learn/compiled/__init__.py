"""Compiled: a trained model in the fastest form that is proved to score as the original.

In: a `Model` and real rows. Out: `Compiled`, which scores rows given as tuples of JSON values,
without a table and, for most models, without the library that trained them. No state is kept.

`rows` codes values, `kernels` holds the machine code, `grove` trees of any library, `linear` folded
linear models; one file per library says how it is read; `parity` proves, `choose` decides.
"""

from ostinato.learn.compiled.choose import Compiled, compile_model

__all__ = ["Compiled", "compile_model"]
