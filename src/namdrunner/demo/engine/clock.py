"""TIMING, PERFORMANCE and Benchmark lines."""

from __future__ import annotations

import math
import time

from namdrunner.demo.engine.console import Console

SECONDS_PER_DAY = 86400.0
INITIAL_REPORTS, BENCHMARK_REPORTS = 1, 5


def memory_mb() -> float:
    """Highest memory use of this process so far, MB; 0 where the system does not tell."""
    try:
        import resource
    except ImportError:
        return 0.0
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024


class Stopwatch:
    """Measures steps; one per simulation, so that averages span runs."""

    def __init__(self, console: Console, threads: int) -> None:
        self.console = console
        self.threads = threads
        self.wall0 = self.wall = time.monotonic()
        self.cpu0 = self.cpu = time.process_time()
        self.step = 0
        self.timestep = 1.0
        self.rates: list[float] = []
        self.reports = 0

    def begin(self, step: int, timestep: float) -> None:
        """A run begins at this step; timestep in fs."""
        self.step, self.timestep = step, timestep
        self.wall, self.cpu = time.monotonic(), time.process_time()

    def report(self, step: int, target: int) -> None:
        """Print the lines for the steps since the last report."""
        done = step - self.step
        if done <= 0:
            return
        wall, cpu = time.monotonic(), time.process_time()
        per_step = max((wall - self.wall) / done, 1e-9)
        cpu_per_step = (cpu - self.cpu) / done
        self.rates.append(per_step)
        self._benchmark(per_step)
        hours = (target - step) * per_step / 3600
        self.console.line(
            f"TIMING: {step}  CPU: {cpu - self.cpu0:g}, {cpu_per_step:g}/step  Wall: {wall - self.wall0:g}, "
            f"{per_step:g}/step, {hours:g} hours remaining, {memory_mb():f} MB of memory in use."
        )
        mean = sum(self.rates) / len(self.rates)
        spread = 0.0
        if len(self.rates) > 1:
            spread = math.sqrt(sum((rate - mean) ** 2 for rate in self.rates) / (len(self.rates) - 1))
        self.console.line(
            f"PERFORMANCE: {step}  averaging {self.ns_per_day(mean):g} ns/day, {mean:g} sec/step "
            f"with standard deviation {spread:g}"
        )
        self.step, self.wall, self.cpu = step, wall, cpu

    def ns_per_day(self, per_step: float) -> float:
        """Speed for a time per step (s)."""
        return self.timestep * 1e-6 * SECONDS_PER_DAY / per_step

    def _benchmark(self, per_step: float) -> None:
        self.reports += 1
        if self.timestep <= 0 or self.reports > INITIAL_REPORTS + BENCHMARK_REPORTS:
            return
        word = "Initial" if self.reports <= INITIAL_REPORTS else "Benchmark"
        days = 1 / self.ns_per_day(per_step)
        self.console.info(
            f"{word} time: {self.threads} CPUs {per_step:g} s/step {days:g} days/ns {memory_mb():g} MB memory"
        )
