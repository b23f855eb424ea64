"""Calls written down: one file of JSON lines for each, with the frames both ways, what was decided, and when.

What a call does is handed over on the front as it is (`recorder`); everything that costs time, redaction first of all, is
done by one thread beside it (`writer`), so that no disk and no length of a call ever delays a turn.
"""
