"""The version of this set of modules; `vuzol release build` writes it anew into each release."""

FIRMWARE = (0, 1, 0)
