"""C-STORE: the disk's log limit, the node, and the peers that sync, each fresh, in turn; the medians against the goals."""
import os

from common import HOST, Figures, Teleread, figures, peer, peer_names, ratio, show

LOG = "append log 525000B, group fdatasync, {} thr"
ONE, MANY, TINY = "ct x1", "ct x16", "tiny x16"


def number(name, default):
    return os.environ.get(name) or str(default)


def limit_lines(bench):
    """The group-commit log of bench-limits, growing and prewritten, in the words of a server's figures."""
    found, others = bench.limits("log")
    rows = []
    for label, ending in (("log-append", ""), ("log-prewritten", ", prewritten")):
        for n in (1, 16):
            f = found.get(LOG.format(n) + ending, {})
            line = (f"store {label} assoc={n} inst/s={f.get('commits/s', 0)} MB/s={f.get('MB/s', 0)} "
                    f"p50ms={f.get('ms p50', 0)} p99ms={f.get('ms p99', 0)} others={others:.2f}")
            bench.say(line)
            rows.append((label, ONE if n == 1 else MANY, line))
    return rows


def load(bench, server, kind):
    """One server's raw lines: CT at 1 and 16 associations, or small instances at 16."""
    env = {"LABEL": server.label if kind == "ct" else server.label + "-tiny", "SERVER_PID": server.pids(), "SERIES": "20",
           "KIND": kind, "PER": number("PER", 100) if kind == "ct" else number("TINY", 500),
           "MIN": number("MIN", 800) if kind == "ct" else "1"}
    return bench.raw([f"{bench.tools}/bench-store", HOST, server.port, server.aet]
                     + ([1, 16] if kind == "ct" else [16]), env)


def measure(bench, make, kind):
    folder = bench.folder("store")
    try:
        with make(folder) as server:
            lines = load(bench, server, kind)
            cases = [ONE, MANY] if kind == "ct" else [TINY]
            return [(server.label, case, line) for case, line in zip(cases, lines)]
    finally:
        bench.drop(folder)


def goals(f):
    """(what, goal of the node, reached, of which figures)"""
    def rate(label, case):
        return f.median(label, case, "inst/s")

    ours = rate("teleread", MANY)
    alone = rate("teleread", ONE)
    rows = [[f"CT, 16 associations: times {name}", f">= {goal}", show(ratio(ours, rate(name, MANY))),
             f"{show(ours, 0)} / {show(rate(name, MANY), 0)} a second"]
            for name, goal in (("orthanc-pg", 10), ("orthanc-sqlite", 3.5))]
    rows += [[f"CT, 16 associations: share of {name}", ">= 0.70" if name == "log-append" else "",
              show(ratio(ours, rate(name, MANY))), f"{show(ours, 0)} / {show(rate(name, MANY), 0)} a second"]
             for name in ("log-append", "log-prewritten")]
    rows += [
        ["CT, 16 associations: server CPU per image", "<= 0.6 ms", show(f.median("teleread", MANY, "cpu_ms/inst"), 3), ""],
        ["CT, 16 associations: p99", "<= 30 ms", show(f.median("teleread", MANY, "p99ms"), 1), "on a quiet machine"],
        ["CT, 1 association: times orthanc-pg", ">= 6", show(ratio(alone, rate("orthanc-pg", ONE))),
         f"{show(alone, 0)} / {show(rate('orthanc-pg', ONE), 0)} a second"],
        ["CT, 1 association: p50", "<= 1.2 ms", show(f.median("teleread", ONE, "p50ms")), ""],
        ["2 KB instances, 16 associations", ">= 5,000/s", show(rate("teleread", TINY), 0),
         f"{show(f.median('teleread', TINY, 'cpu_ms/inst'), 3)} ms CPU each"],
        ["memory at 16 associations (PSS)", "", f"{show(f.median('teleread', MANY, 'pss_mb'), 0)} MB",
         f"orthanc-pg {show(f.median('orthanc-pg', MANY, 'pss_mb'), 0)} MB"],
    ]
    return rows


def disturbance(bench, f):
    rows = []
    for (label, case), found in f.rows.items():
        others = [r["others"] for r in found if isinstance(r.get("others"), float)]
        failed = sum(r.get("fail", 0) for r in found)
        if others:
            rows.append([label, case, len(found), show(f.median(label, case, "others")), show(max(others)), show(failed, 0)])
    bench.table(["server", "case", "runs", "others, median", "others, most", "refused"], rows)


def run(bench, rounds):
    bench.need_disk(8)
    peers = peer_names(bench)
    found, lines = Figures(), []
    todo = [(lambda folder: Teleread(bench, folder), "ct")]
    todo += [(lambda folder, name=name: peer(bench, name, folder, True), "ct") for name in peers]
    todo += [(lambda folder: Teleread(bench, folder), "tiny")]
    for _ in range(rounds):
        rows = limit_lines(bench)
        for make, kind in todo:
            rows += measure(bench, make, kind)
        for label, case, line in rows:
            found.add(label, case, figures(line))
            lines.append(line)
    bench.summarize(lines)
    disturbance(bench, found)
    bench.table(["figure", "goal", "reached", "from"], goals(found))
