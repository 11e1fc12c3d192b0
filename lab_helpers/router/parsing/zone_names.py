"""Time zone abbreviations that %Z and %z of a Time_Format know, in hours east of UTC.

Source: Fluent Bit 4.2.8's table: the common meaning of each abbreviation, military letters without J.
"""

from __future__ import annotations

ZONE_HOURS = {
    "gmt": 0, "utc": 0, "z": 0, "ut": 0, "est": -5, "edt": -4, "cst": -6, "cdt": -5, "mst": -7, "mdt": -6, "pst": -8,
    "pdt": -7, "akst": -9, "akdt": -8, "hst": -10, "hadt": -9, "ast": -4, "adt": -3, "nst": -3.5, "ndt": -2.5,
    "wet": 0, "west": 1, "cet": 1, "cest": 2, "eet": 2, "eest": 3, "msk": 3, "art": -3, "brt": -3, "brst": -2,
    "clt": -4, "clst": -3, "aest": 10, "aedt": 11, "acst": 9.5, "acdt": 10.5, "awst": 8, "nzst": 12, "nzdt": 13,
    "jst": 9, "kst": 9, "sgt": 8, "ist": 5.5, "gst": 4, "ict": 7, "wib": 7, "wita": 8, "wit": 9, "myt": 8, "bdt": 6,
    "npt": 5.75, "wat": 1, "cat": 2, "eat": 3, "sast": 2, "a": 1, "b": 2, "c": 3, "d": 4, "e": 5, "f": 6, "g": 7,
    "h": 8, "i": 9, "k": 10, "l": 11, "m": 12, "n": -1, "o": -2, "p": -3, "q": -4, "r": -5, "s": -6, "t": -7, "u": -8,
    "v": -9, "w": -10, "x": -11, "y": -12,
}  # fmt: skip
