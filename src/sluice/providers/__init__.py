"""Who serves which dialect, where, and with which credential. Rows of data; a vendor that needs code needs a named
quirk.

PURE: no async, no clock, no I/O. Imports chat and errors at most.
"""
