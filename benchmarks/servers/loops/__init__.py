"""Loop files that `ostinato serve` runs here; `steady` is the one the others change a part of."""
