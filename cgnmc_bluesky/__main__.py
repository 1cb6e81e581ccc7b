"""`python -m cgnmc_bluesky` is `cgnmc`."""

import sys

from cgnmc_bluesky.cli import main

sys.exit(main())
