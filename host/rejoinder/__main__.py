"""`python -m rejoinder` is the same as `rejoinder`."""

import sys

from rejoinder.cli import main

sys.exit(main())
