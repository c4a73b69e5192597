"""What holds for every test."""

from hypothesis import settings

# A slow machine is no failure of the code: no test depends on time.
settings.register_profile("untimed", deadline=None)
settings.load_profile("untimed")
