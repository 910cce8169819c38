"""Examination: rows of two times in, what changed and what carries it out.

In: `Sample` of the reference and of the time asked about, `Champion`. Out: `Findings`. State kept:
none; everything depends on the rows alone. The kernel asks for it with the effect
`ExaminationRequested`, whoever runs the kernel carries it out.
"""

from ostinato.watch.examine.examine import examine
from ostinato.watch.examine.findings import Findings
from ostinato.watch.examine.sample import Champion, Sample, drawn, row_keys

__all__ = ["Champion", "Findings", "Sample", "drawn", "examine", "row_keys"]
