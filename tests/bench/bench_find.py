"""C-FIND over a filled index, ours and the peers', query by query in turn; how the cost grows with the index; what the index
weighs; how soon a node is back."""
import json
import os
import shutil
import signal
import subprocess
import time

from common import HOST, Cost, Figures, Teleread, Trouble, figures, peer, peer_names, ratio, show

KINDS = {"pid": "Patient ID", "name": "name prefix", "date": "one day + modality", "suid": "Study Instance UID",
         "acc": "accession number", "series": "series of a study", "image": "images of a series"}
PATTERNS = {"infix": "name infix, Latin", "han-prefix": "name prefix, Chinese", "han-infix": "name infix, Chinese"}
KEYED = ("pid", "suid", "acc", "series", "image")  # what must not grow with the index
GROWTH = (1000, 10000, 100000, 1000000)
ASSOCIATIONS = (1, 4)
SEED = 5
FILLED = "filled"  # a file that says that the folder holds everything


def studies():
    return int(os.environ.get("STUDIES") or 50000)


def seconds_each():
    return os.environ.get("SECONDS") or "2"


def store(bench, server, count, seed):
    lines = bench.raw([bench.dcmload(), "store", HOST, server.port, server.aet, "--kind", "tiny", "--studies", count, "--series",
                       1, "--instances", 2, "--seed", seed, "--assoc", 6, "--pid", server.pids(), "--label",
                       server.label + "-fill"])
    if not lines or figures(lines[-1]).get("fail") != 0:
        raise Trouble(f"{server.label}: not everything was stored")


def filled_folder(bench, name, count):
    keep = os.environ.get("BENCH_KEEP")
    if not keep:
        return bench.folder(name)
    path = os.path.join(os.path.abspath(keep), f"{name}-{count}")
    if os.path.isdir(path) and not os.path.exists(os.path.join(path, FILLED)):
        shutil.rmtree(path)  # a run that was broken off
    os.makedirs(path, exist_ok=True)
    os.chmod(path, 0o755)
    return path


def fill(bench, name, folder, count):
    mark = os.path.join(folder, FILLED)
    if os.path.exists(mark):
        bench.say(f"# {name}: uses {folder} again")
        return
    if name == "teleread":
        server = Teleread(bench, folder)
    else:
        server = peer(bench, name, folder, False)
    with server:
        store(bench, server, count, SEED)
        if name == "orthanc-pg":  # its planner needs statistics, as ours has them
            subprocess.run(["vacuumdb", "-q", "-h", f"{folder}/pg", "-U", "postgres", "--analyze", "orthanc"], check=True)
    open(mark, "w").close()


def sizes_of_index(bench, folders, count):
    """Bytes of each index once its server has stopped."""
    ours = os.path.join(folders["teleread"], "data")
    sizes = {"teleread": sum(os.path.getsize(os.path.join(ours, f)) for f in os.listdir(ours) if f.startswith("index.sqlite"))}
    if "orthanc-sqlite" in folders:
        at = os.path.join(folders["orthanc-sqlite"], "storage")
        sizes["orthanc-sqlite"] = sum(os.path.getsize(os.path.join(at, f)) for f in os.listdir(at) if f.startswith("index"))
    if "orthanc-pg" in folders:
        base = os.path.join(folders["orthanc-pg"], "pg", "data", "base")
        done = subprocess.run(["du", "-sb", *(entry.path for entry in os.scandir(base))], capture_output=True, text=True)
        sizes["orthanc-pg"] = max(int(line.split()[0]) for line in done.stdout.splitlines())  # of its databases, the filled one
    for name, size in sizes.items():
        bench.say(f"index {name} bytes={size} instances={count * 2} bytes/inst={size / count / 2:.0f}")
    return sizes


def patterns_of(bench, folder, count):
    """Patterns of names that are there, by kind. The generator says which study has which key; our index, the whole name."""
    keys = bench.lines([bench.dcmload(), "keys", count, SEED, 600])
    uids = "\\".join({line.split("\t")[4] for line in keys})
    found = bench.lines([bench.program, "find", "--data", os.path.join(folder, "data"), "--json", "StudyInstanceUID=" + uids,
                         "PatientName="])
    patterns = {kind: [] for kind in PATTERNS}
    for line in found:
        name = json.loads(line).get("00100010", {}).get("Value", [{}])[0]
        given = name.get("Alphabetic", "").partition("^")[2]
        if len(given) > 5:
            patterns["infix"].append(f"*{given[1:6]}*")
        family, _, given = name.get("Ideographic", "").partition("^")
        if family and len(given) == 2:
            patterns["han-prefix"].append(f"{family}^{given}*")
            patterns["han-infix"].append(f"*{given}*")
    return patterns


def ask(bench, server, kind, n):
    """The raw lines of one kind of query against one server, which knows how many studies it holds and names that are there."""
    if kind in KINDS:
        env = {"LABEL": server.label, "QUERIES": kind, "SECONDS_EACH": seconds_each(), "SERVER_PID": server.pids()}
        return bench.raw([f"{bench.tools}/bench-find", HOST, server.port, server.aet, server.count, SEED, n], env)
    with Cost(int(p) for p in server.pids().split(",")) as cost:
        lines = bench.lines([bench.tool("findload"), HOST, server.port, server.aet, n, seconds_each()],
                            server.patterns[kind])
    line = (f"find {server.label} query={kind} assoc={n} {lines[-1]} srv_cores={cost.server / cost.seconds:.2f} "
            f"cpu_ms/q={cost.server / figures(lines[-1])['n'] * 1e3:.3f} others={cost.others:.2f}")
    bench.say(line)
    return [line]


def started(bench, name, folder, count, patterns):
    s = Teleread(bench, folder) if name == "teleread" else peer(bench, name, folder, False)
    s.count, s.patterns = count, patterns
    s.start()
    return s


def warm(folder):
    """Reads our index once, so that it lies in the page cache, as that of a node in use does."""
    with open(os.path.join(folder, "data", "index.sqlite"), "rb") as f:
        while f.read(1 << 20):
            pass


def queries(bench, servers, rounds, associations):
    found, lines = Figures(), []
    for _ in range(rounds):
        for kind in (*KINDS, *PATTERNS):
            for n in associations:
                for s in servers:
                    got = ask(bench, s, kind, n)
                    for line in got:
                        found.add(s.label, (kind, n), figures(line))
                    lines += got
    bench.summarize(lines)
    return found


def comparison(bench, f, peers):
    head = ["query", "associations", "teleread q/s", "p50 / p99 ms", "CPU ms/q", "matches/q"]
    for name in peers:
        head += [f"{name} q/s (matches/q)", "times"]
    rows = []
    for kind, title in {**KINDS, **PATTERNS}.items():
        for n in ASSOCIATIONS:
            case = (kind, n)
            ours = f.median("teleread", case, "q/s")
            row = [title, n, show(ours, 0),
                   f"{show(f.median('teleread', case, 'p50ms'))} / {show(f.median('teleread', case, 'p99ms'))}",
                   show(f.median("teleread", case, "cpu_ms/q"), 3), show(f.median("teleread", case, "matches/q"), 1)]
            for name in peers:
                theirs = f.median(name, case, "q/s")
                row += [f"{show(theirs, 1)} ({show(f.median(name, case, 'matches/q'), 1)})", show(ratio(ours, theirs), 1)]
            rows.append(row)
    bench.table(head, rows)
    others = [v for key in f.rows for v in f.values(*key, "others")]
    bench.say("goals beside orthanc-pg: an exact key (Patient ID, UID, accession number) and names >= 20 times, one day + modality >= 150; "
              f"p99 of an exact key <= 3 ms. others, most: {max(others):.2f}")


def growth(bench, rounds):
    """Cost of a query of each kind as the index grows, one association; our own node only, in all sizes side by side."""
    sizes = [n for n in GROWTH if n <= int(os.environ.get("GROWTH") or GROWTH[-1])]
    if not sizes:
        return
    folders = {str(count): filled_folder(bench, "teleread", count) for count in sizes}
    for count in sizes:
        fill(bench, "teleread", folders[str(count)], count)
    nodes = []
    try:
        for count in sizes:
            nodes.append(started(bench, "teleread", folders[str(count)], count, patterns_of(bench, folders[str(count)], count)))
            nodes[-1].label = str(count)
            warm(folders[str(count)])
        found = queries(bench, nodes, rounds, (1,))
    finally:
        for node in nodes:
            node.stop()
    for count in sizes:
        sizes_of_index(bench, {"teleread": folders[str(count)]}, count)
    rows = []
    for kind, title in {**KINDS, **PATTERNS}.items():
        p50 = [found.median(str(count), (kind, 1), "p50ms") for count in sizes]
        matches = [found.median(str(count), (kind, 1), "matches/q") for count in sizes]
        grows = ratio(max(p50), min(p50)) if kind in KEYED else None
        rows.append([title, *(f"{show(t)} ({show(m, 1)})" for t, m in zip(p50, matches)), show(grows, 2)])
    bench.table(["p50 ms (matches/q), studies:", *(f"{count:,}" for count in sizes), "most / least"], rows)
    bench.say("goal: keyed queries (those with a last column) within 1.5 times")


def busy_then_killed(bench, folder):
    """Start time after kill -9 in the middle of a load, on a copy of the filled folder."""
    copy = bench.folder("killed")
    shutil.copytree(os.path.join(folder, "data"), os.path.join(copy, "data"))
    node = Teleread(bench, copy)
    node.start()
    loader = subprocess.Popen([bench.dcmload(), "store", HOST, str(node.port), node.aet, "--kind", "tiny", "--studies", "100000",
                               "--series", "1", "--instances", "2", "--seed", str(SEED + 1), "--assoc", "6"],
                              stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    time.sleep(2)
    node.stop(signal.SIGKILL)
    loader.wait()
    seconds = node.start()
    node.stop()
    bench.drop(copy)
    return seconds


def start_times(bench, folder):
    node = Teleread(bench, folder)
    node.start()
    node.stop()
    times = {"after a clean stop": node.start()}
    node.stop(signal.SIGKILL)
    times["after kill -9, idle"] = node.start()
    node.stop()
    times["after kill -9 under load"] = busy_then_killed(bench, folder)
    for what, seconds in times.items():
        bench.say(f"start teleread instances={studies() * 2} seconds={seconds:.3f} {what}")
    return times


def run(bench, rounds):
    bench.need_disk(8)
    count = studies()
    names = ["teleread"] + peer_names(bench)
    folders = {name: filled_folder(bench, name, count) for name in names}
    for name in names:
        fill(bench, name, folders[name], count)
    patterns = patterns_of(bench, folders["teleread"], count)
    servers = []
    try:
        for name in names:
            servers.append(started(bench, name, folders[name], count, patterns))
        found = queries(bench, servers, rounds, ASSOCIATIONS)
    finally:
        for s in servers:
            s.stop()
    comparison(bench, found, names[1:])
    sizes = sizes_of_index(bench, folders, count)
    times = start_times(bench, folders["teleread"])
    rows = [[f"index of {name}, bytes per instance", show(size / count / 2, 0)] for name, size in sizes.items()]
    rows += [[f"ready {what}, {count * 2:,} instances", f"{seconds:.3f} s"] for what, seconds in times.items()]
    bench.table(["figure", "reached"], rows)
    bench.say("goal with 1,000,000 instances: ready within 2 s after a clean stop (STUDIES=500000 fills so many)")
    growth(bench, rounds)
