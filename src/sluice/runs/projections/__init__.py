"""How each protocol tells a run: one file a protocol."""
