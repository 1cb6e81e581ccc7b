"""Analyses that misbehave, each in its own way, in the third row."""

import os
import signal
import threading
from typing import ClassVar

import numpy as np

from cgnmc_bluesky.analysis.estimate import Estimate, Status
from cgnmc_bluesky.callbacks import LiveAnalysis
from cgnmc_bluesky.callbacks.task import RunAnalysis
from cgnmc_bluesky.results import Subject


class Counting(RunAnalysis):
    name = "counting"
    section = "xanes"
    version = "1"

    def __init__(self, run, emit):
        super().__init__(run, emit)
        self.rows = 0

    def take(self, block):
        self.rows += len(block)
        if self.rows >= 3:
            self.misbehave()

    def misbehave(self):
        pass

    def lacks(self):
        return []

    def estimates(self, *, ended):
        status = Status.FINAL if ended else Status.PROVISIONAL
        yield self.subject(), Estimate(status, "", {"rows": ""}, {"rows": float(self.rows)})

    def nothing(self):
        return self.subject(), {"rows": ""}

    def subject(self):
        return Subject(self.run.start["uid"], None, None, None, self.name, self.version)


class Raising(Counting):
    def misbehave(self):
        raise RuntimeError("of all things")


class Hanging(Counting):
    def misbehave(self):
        if self.run.start.get("trouble", True):
            threading.Event().wait()


class Devouring(Counting):
    def misbehave(self):
        self.eaten = np.ones(2**33 // 8)


class Dying(Counting):
    def misbehave(self):
        if self.run.start.get("trouble", True):
            os.kill(os.getpid(), signal.SIGKILL)


class Live(LiveAnalysis):
    def __init__(self, kind, *arguments, **options):
        self.kinds: ClassVar = (kind,)
        super().__init__(*arguments, **options)
