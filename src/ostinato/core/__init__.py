"""Floor 0: what everything else is made of.

In: nothing. Out: time (`clock`, `units`), randomness (`rng`), identity (`ids`), the records that
travel through the loop (`records`), the seams behind which the outside world lies (`ports`), the
error tree (`errors`) and the plain form of state (`snapshot`). State kept: none.
"""
