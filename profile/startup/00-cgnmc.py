"""A session at the prompt of `ipython --profile-dir=profile`, or in a queue of plans."""

from cgnmc_bluesky.startup import open_session

globals().update(open_session().namespace())
