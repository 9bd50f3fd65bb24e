"""What the words of a call hold, worked out once and sealed beside them: numbers, addresses, cards, and how the caller
felt. Pure.
"""
