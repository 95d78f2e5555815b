"""The compiled display fonts, by name.

This package knows names and paths only; firmware/drivers/font.py reads the files, tools/font.py makes them.
Spec: README.md beside this file says where the glyphs come from; OFL.txt is their licence.
"""

SIGN_12 = "sign-12"
SIGN_16 = "sign-16"
SIGN_16_BOLD = "sign-16-bold"
SIGN_24_BOLD = "sign-24-bold"


def path(name):
    """Where the compiled font of that name lies."""
    return __file__.rsplit("/", 1)[0] + "/" + name + ".bin"
