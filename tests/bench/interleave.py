"""interleave.py - several programs that answer N with the seconds of one of N steps, in turn."""
import os
import statistics
import subprocess

TUNED = {
    "MALLOC_TOP_PAD_": "1073741824",
    "MALLOC_MMAP_THRESHOLD_": "4294967296",
    "MALLOC_TRIM_THRESHOLD_": "4294967296",
}


class Contender:
    def __init__(self, name, command, tuned, threads):
        env = {k: v for k, v in os.environ.items()
               if k not in ("OPENBLAS_CORETYPE", "OPENBLAS_L2_SIZE") and k not in TUNED}
        # A pool that spins while it waits takes the processor from the next in turn.
        env["OMP_WAIT_POLICY"] = "passive"
        env["OMP_NUM_THREADS"] = str(threads)
        if tuned:
            env.update(TUNED)
        self.name = name
        self.times = []
        self.process = subprocess.Popen(command, env=env, text=True, stdin=subprocess.PIPE,
                                        stdout=subprocess.PIPE)

    def run(self, steps):
        self.process.stdin.write(f"{steps}\n")
        self.process.stdin.flush()
        line = self.process.stdout.readline()
        if not line:
            raise SystemExit(f"{self.name} ended with status {self.process.wait()}")
        return float(line)

    @property
    def median(self):
        return statistics.median(self.times)

    def close(self):
        self.process.stdin.close()
        _, status, used = os.wait4(self.process.pid, 0)
        self.process.returncode = os.waitstatus_to_exitcode(status)
        self.peak = used.ru_maxrss // 1024  # MiB


def measure(contenders, rounds, steps):
    """A B C, then C B A, and so on; the first turn of each is not counted."""
    for c in contenders:
        c.run(max(1, steps // 4))
    for r in range(rounds):
        for c in contenders if r % 2 == 0 else contenders[::-1]:
            c.times.append(c.run(steps))
    for c in contenders:
        print(f"  {c.name:34s} {1e3 * c.median:8.2f} ms"
              f"   [{1e3 * min(c.times):.2f} to {1e3 * max(c.times):.2f}]", flush=True)
        c.close()


def ratio(other, ours):
    """Medians, and the spread of the rounds' own ratios."""
    each = [a / b for a, b in zip(other.times, ours.times)]
    return other.median / ours.median, min(each), max(each)
