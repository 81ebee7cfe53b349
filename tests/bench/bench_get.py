"""C-GET of one series beside what loopback TCP can do in the same round; a peer and DCMTK's getscu for comparison."""
import os
import shutil
import subprocess

from common import HOST, Cost, Figures, Teleread, Trouble, figures, peer, peer_names, ratio, show

SEED = 7
STUDY = f"1.2.826.0.1.3680043.2.1143.{SEED + 1}.1000000"  # as dcmload makes them from its seed
SERIES = STUDY + ".100"
STREAM = "loopback TCP, {} stream(s), 128K writes"


def images():
    return int(os.environ.get("IMAGES") or 500)


def fill(bench, server):
    lines = bench.raw([bench.dcmload(), "store", HOST, server.port, server.aet, "--kind", "ct", "--studies", 1, "--series", 1,
                       "--instances", images(), "--seed", SEED, "--assoc", 1, "--label", server.label + "-fill"])
    if not lines or figures(lines[-1]).get("fail") != 0:
        raise Trouble(f"{server.label}: not everything was stored")


def tcp(bench, found):
    limits, others = bench.limits("tcp")
    for n in (1, 4):
        line = f"tcp-{n} case=get assoc={n} MB/s={limits[STREAM.format(n)]['MB/s']} others={others:.2f}"
        bench.say(line)
        found.add(f"tcp-{n}", "get", figures(line))
        yield line


def getload(bench, server, found, case, times):
    """case: "first" is read for the first time since it was stored, "get" comes again and again."""
    command = [bench.tool("getload"), HOST, server.port, server.aet, STUDY, SERIES, times]
    with Cost(int(p) for p in server.pids().split(",")) as cost:
        done = subprocess.run([str(x) for x in command], stdout=subprocess.PIPE, text=True)
    f = figures(done.stdout)
    if done.returncode != 0 or f.get("n") != float(times * images()):
        raise Trouble(f"{server.label}: C-GET brought {f.get('n', 0):.0f} of {times * images()} images")
    line = (f"{server.label} case={case} assoc=1 {done.stdout.strip()} cpu_ms/inst={cost.server / f['n'] * 1e3:.3f} "
            f"others={cost.others:.2f}")
    bench.say(line)
    found.add(server.label, case, figures(line))
    return line


def getscu(bench, server, found):
    """DCMTK's own client, throwing away what comes; with Nagle's algorithm off, as for the peers."""
    if not shutil.which("getscu"):
        bench.say("# getscu is not installed: left out (Debian: dcmtk)")
        return []
    keys = ["QueryRetrieveLevel=SERIES", f"StudyInstanceUID={STUDY}", f"SeriesInstanceUID={SERIES}"]
    command = ["getscu", "-S", "--ignore", "-pdu", "131072", "-aec", server.aet] + [x for k in keys for x in ("-k", k)]
    with Cost(int(p) for p in server.pids().split(",")) as cost:
        done = subprocess.run(command + [HOST, str(server.port)], env={**os.environ, "TCP_NODELAY": "1"},
                              stdout=subprocess.DEVNULL)
    megabytes = found.rows[(server.label, "first")][-1]["bytes"] / 1e6
    line = (f"getscu-from-{server.label} case=get assoc=1 status={done.returncode} inst/s={images() / cost.seconds:.1f} "
            f"MB/s={megabytes / cost.seconds:.1f} cpu_ms/inst={cost.server / images() * 1e3:.3f} others={cost.others:.2f}")
    bench.say(line)
    found.add(f"getscu-from-{server.label}", "get", figures(line))
    return [line]


def run(bench, rounds):
    bench.need_disk(4)
    names = ["teleread"] + [n for n in peer_names(bench) if n == "orthanc-sqlite"]
    found, lines, servers = Figures(), [], []
    try:
        for name in names:
            folder = bench.folder(name)
            s = Teleread(bench, folder) if name == "teleread" else peer(bench, name, folder, False)
            s.start()
            servers.append(s)
            fill(bench, s)
            lines.append(getload(bench, s, found, "first", 1))
        for _ in range(rounds):
            lines += tcp(bench, found)
            for s in servers:
                lines.append(getload(bench, s, found, "get", 2))
                lines += getscu(bench, s, found)
    finally:
        for s in servers:
            s.stop()
    bench.summarize(lines)
    ours, limit = found.median("teleread", "get", "MB/s"), found.median("tcp-1", "get", "MB/s")
    first = found.median("teleread", "first", "MB/s")
    rows = [["C-GET, share of one loopback stream", ">= 0.60", show(ratio(ours, limit)), f"{show(ours, 0)} / {show(limit, 0)} MB/s"],
            ["the same, read for the first time", "", show(ratio(first, limit)), f"{show(first, 0)} / {show(limit, 0)} MB/s"],
            ["C-GET, server CPU per image", "", f"{show(found.median('teleread', 'get', 'cpu_ms/inst'), 3)} ms", ""]]
    for name in names[1:]:
        theirs = found.median(name, "get", "MB/s")
        rows.append([f"C-GET, times {name}", "", show(ratio(ours, theirs), 1), f"{show(ours, 0)} / {show(theirs, 0)} MB/s"])
    bench.table(["figure", "goal", "reached", "from"], rows)
