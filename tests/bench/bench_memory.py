"""Memory of the node: idle, while 16 large instances come in at once, and while one of nearly 4 GiB comes in."""
import os
import subprocess
import threading
import time

from common import HOST, Teleread, Trouble, show

EVERY = 0.05  # seconds between two looks


def memory(pid):
    """Resident and proportional megabytes; the last is what belongs to nobody else and is not a file's."""
    found = {}
    with open(f"/proc/{pid}/smaps_rollup") as f:
        for line in f:
            word = line.split()
            if len(word) == 3 and word[2] == "kB":
                found[word[0].rstrip(":")] = int(word[1]) / 1024
    return found["Rss"], found["Pss"], found["Anonymous"]


class Watch:
    """Highest figures of a process while something runs."""

    def __init__(self, pid):
        self.pid = pid
        self.most = memory(pid)
        self.done = threading.Event()

    def _look(self):
        while not self.done.wait(EVERY):
            self.most = tuple(max(a, b) for a, b in zip(self.most, memory(self.pid)))

    def __enter__(self):
        self.thread = threading.Thread(target=self._look)
        self.thread.start()
        return self

    def __exit__(self, *_):
        self.done.set()
        self.thread.join()


def send(bench, node, associations, mebibytes, seed):
    with Watch(node.pid) as watch:
        done = subprocess.run([str(x) for x in (bench.tool("bigload"), HOST, node.port, node.aet, associations, mebibytes, seed)],
                              stdout=subprocess.PIPE, text=True)
    rss, pss, anonymous = watch.most
    bench.say(f"big teleread {done.stdout.strip()} rss_mb={rss:.1f} pss_mb={pss:.1f} anon_mb={anonymous:.1f}")
    if done.returncode != 0:
        raise Trouble(f"{associations} x {mebibytes} MiB: not everything was stored")
    return watch.most


def run(bench, _rounds):
    each, one = int(os.environ.get("BIG") or 1024), int(os.environ.get("HUGE") or 4094)
    bench.need_disk((16 * each + one) / 1000 + 6)
    bench.tool("bigload")
    with Teleread(bench, bench.folder("memory")) as node:
        time.sleep(1)
        idle = memory(node.pid)
        bench.say("idle teleread rss_mb={:.1f} pss_mb={:.1f} anon_mb={:.1f}".format(*idle))
        rows = [["idle", "< 60 MB", *(show(x, 1) for x in idle), ""]]
        for name, n, size, seed in ((f"16 x {each} MiB", 16, each, 1), (f"1 x {one} MiB", 1, one, 2)):
            most = send(bench, node, n, size, seed)
            rows.append([name, "< 100 MB more", *(show(x, 1) for x in most), show(most[0] - idle[0], 1)])
        time.sleep(2)
        rows.append(["idle afterwards", "", *(show(x, 1) for x in memory(node.pid)), ""])
    bench.table(["when", "goal (RSS)", "RSS MB", "PSS MB", "anonymous MB", "RSS above idle"], rows)
