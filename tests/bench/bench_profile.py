"""Where processor time goes while CT images come in over 16 associations, and how many system calls an image costs."""
import os
import re
import shutil
import subprocess

from common import HOST, Teleread, Trouble, figures


def load(bench, node, per):
    env = {"LABEL": "teleread", "SERVER_PID": node.pids(), "SERIES": "20", "PER": str(per), "MIN": "1"}
    lines = bench.raw([f"{bench.tools}/bench-store", HOST, node.port, node.aet, 16], env)
    if not lines:
        raise Trouble("nothing was stored")
    return figures(lines[0])["n"]


def watched(command, pid):
    """Starts a watcher of the node; the caller ends it with SIGINT, which makes it write its report."""
    return subprocess.Popen(command + ["-p", str(pid)], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)


def processor(bench, node, per):
    data = os.path.join(bench.tmp, "perf.data")
    watcher = watched(["perf", "record", "-q", "-g", "-F", "999", "-o", data], node.pid)
    load(bench, node, per)
    watcher.send_signal(2)
    watcher.wait()
    for title, sort in (("by thread", "comm"), ("by library", "dso"), ("by function", "dso,symbol")):
        done = subprocess.run(["perf", "report", "-i", data, "--stdio", "--no-children", "-g", "none", "-s", sort,
                               "--percent-limit", "0.7"], capture_output=True, text=True)
        bench.say(f"\n{title}:")
        for line in done.stdout.splitlines():
            if line.strip() and not line.startswith("#"):
                bench.say("  " + re.sub(r"(\s+-)*\s*$", "", re.sub(r"\s{2,}", "  ", line.strip())))


def committer(bench, node):
    """What the node counted itself: how large groups were, and what the committing thread's time went into."""
    with open(os.path.join(node.data, "metrics.prom")) as f:
        found = dict(line.split() for line in f if not line.startswith("#"))
    groups = float(found.get("teleread_commit_groups_total", 0))
    if not groups:
        return
    sync, index = (float(found[f"teleread_commit_{x}_seconds_sum"]) for x in ("sync", "index"))
    bench.say(f"\ncommitter: {groups:.0f} groups of {float(found['teleread_commit_instances_total']) / groups:.1f} instances; "
              f"{sync / groups * 1e3:.2f} ms sync and {index / groups * 1e3:.2f} ms index each, {sync + index:.2f} s in all")


def calls(bench, node, per):
    report = os.path.join(bench.tmp, "calls")
    watcher = watched(["strace", "-f", "-c", "-S", "calls", "-U", "calls,errors,time-total,name", "-o", report], node.pid)
    n = load(bench, node, per)
    watcher.send_signal(2)
    watcher.wait()
    bench.say("\nsystem calls an image (seconds under strace tell the order only):")
    with open(report) as f:
        for line in f:
            word = line.split()
            if len(word) >= 3 and word[0].isdigit() and int(word[0]) >= n / 50:
                bench.say(f"  {int(word[0]) / n:8.2f}  {word[-1]:<18} {word[-2]} s in all")


def run(bench, _rounds):
    per = int(os.environ.get("PER") or 100)
    node = Teleread(bench, bench.folder("profile"))
    with node:
        load(bench, node, per)
    committer(bench, node)
    if shutil.which("perf"):
        with Teleread(bench, bench.folder("profile")) as node:
            processor(bench, node, per)
    else:
        bench.say("# perf is not installed: left out (Debian: linux-perf)")
    if shutil.which("strace"):
        with Teleread(bench, bench.folder("profile")) as node:
            calls(bench, node, max(1, per // 4))
    else:
        bench.say("# strace is not installed: left out")
