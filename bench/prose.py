"""Text for the bodies of made-up messages."""

import random

WORDS = """
the order invoice number shipping delay please confirm address attached regards team meeting tomorrow agenda customer
support ticket updated delivery tracking link account password reset expires hours thank you for your patience we have
received payment of amount due date contract renewal proposal feedback question answer help
"""


def prose(length: int, chance: random.Random) -> str:
    """About `length` bytes of words with some numbers, which compress about as mail does."""
    vocabulary = WORDS.split()
    words: list[str] = []
    size = 0
    while size < length:
        word = chance.choice(vocabulary) if chance.random() < 0.9 else str(chance.randrange(100_000))
        words.append(word)
        size += len(word) + 1
    return " ".join(words)[:length]
