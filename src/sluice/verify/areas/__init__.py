"""One file for each area that is scored: `cells(rig)` returns its questions, in order."""
