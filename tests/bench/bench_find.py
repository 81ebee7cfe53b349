"""C-FIND over a filled index, ours and the peers', query by query in turn; what the index weighs; how soon a node is back."""
import os
import shutil
import signal
import subprocess
import time

from common import HOST, Figures, Teleread, Trouble, figures, peer, peer_names, ratio, show

KINDS = {"pid": "Patient ID", "name": "name prefix", "date": "one day + modality", "suid": "Study Instance UID",
         "acc": "accession number", "series": "series of a study", "image": "images of a series"}
ASSOCIATIONS = (1, 4)
SEED = 5
FILLED = "filled"  # a file that says that the folder holds everything


def studies():
    return int(os.environ.get("STUDIES") or 50000)


def store(bench, server, count, seed):
    lines = bench.raw([bench.dcmload(), "store", HOST, server.port, server.aet, "--kind", "tiny", "--studies", count, "--series",
                       1, "--instances", 2, "--seed", seed, "--assoc", 6, "--pid", server.pids(), "--label",
                       server.label + "-fill"])
    if not lines or figures(lines[-1]).get("fail") != 0:
        raise Trouble(f"{server.label}: not everything was stored")


def filled_folder(bench, name):
    keep = os.environ.get("BENCH_KEEP")
    if not keep:
        return bench.folder(name)
    path = os.path.join(os.path.abspath(keep), f"{name}-{studies()}")
    if os.path.isdir(path) and not os.path.exists(os.path.join(path, FILLED)):
        shutil.rmtree(path)  # a run that was broken off
    os.makedirs(path, exist_ok=True)
    os.chmod(path, 0o755)
    return path


def fill(bench, name, folder):
    mark = os.path.join(folder, FILLED)
    if os.path.exists(mark):
        bench.say(f"# {name}: uses {folder} again")
        return
    if name == "teleread":
        server = Teleread(bench, folder)
    else:
        server = peer(bench, name, folder, False)
    with server:
        store(bench, server, studies(), SEED)
        if name == "orthanc-pg":  # its planner needs statistics, as ours has them
            subprocess.run(["vacuumdb", "-q", "-h", f"{folder}/pg", "-U", "postgres", "--analyze", "orthanc"], check=True)
    open(mark, "w").close()


def index_sizes(bench, folders):
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
        bench.say(f"index {name} bytes={size} instances={studies() * 2} bytes/inst={size / studies() / 2:.0f}")
    return sizes


def queries(bench, servers, rounds):
    found, lines = Figures(), []
    for _ in range(rounds):
        for kind in KINDS:
            for n in ASSOCIATIONS:
                for s in servers:
                    env = {"LABEL": s.label, "QUERIES": kind, "SECONDS_EACH": os.environ.get("SECONDS") or "2",
                           "SERVER_PID": s.pids()}
                    got = bench.raw([f"{bench.tools}/bench-find", HOST, s.port, s.aet, studies(), SEED, n], env)
                    for line in got:
                        found.add(s.label, (kind, n), figures(line))
                    lines += got
    bench.summarize(lines)
    return found


def comparison(bench, f, peers):
    head = ["query", "associations", "teleread q/s", "p50 / p99 ms", "CPU ms/q", "matches/q"]
    for name in peers:
        head += [f"{name} q/s", "times"]
    rows = []
    for kind, title in KINDS.items():
        for n in ASSOCIATIONS:
            case = (kind, n)
            ours = f.median("teleread", case, "q/s")
            row = [title, n, show(ours, 0),
                   f"{show(f.median('teleread', case, 'p50ms'))} / {show(f.median('teleread', case, 'p99ms'))}",
                   show(f.median("teleread", case, "cpu_ms/q"), 3), show(f.median("teleread", case, "matches/q"), 1)]
            for name in peers:
                theirs = f.median(name, case, "q/s")
                row += [show(theirs, 1), show(ratio(ours, theirs), 1)]
            rows.append(row)
    bench.table(head, rows)
    others = [v for key in f.rows for v in f.values(*key, "others")]
    bench.say(f"goal: an exact key (Patient ID, UID, accession number) >= 20 times orthanc-pg; others, most: {max(others):.2f}")


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
    bench.need_disk(6)
    names = ["teleread"] + peer_names(bench)
    folders = {name: filled_folder(bench, name) for name in names}
    for name in names:
        fill(bench, name, folders[name])
    servers = []
    try:
        for name in names:
            s = Teleread(bench, folders[name]) if name == "teleread" else peer(bench, name, folders[name], False)
            s.start()
            servers.append(s)
        found = queries(bench, servers, rounds)
    finally:
        for s in servers:
            s.stop()
    comparison(bench, found, names[1:])
    sizes = index_sizes(bench, folders)
    times = start_times(bench, folders["teleread"])
    rows = [[f"index of {name}, bytes per instance", "", show(size / studies() / 2, 0)] for name, size in sizes.items()]
    rows += [[f"ready {what}, {studies() * 2:,} instances", "", f"{seconds:.3f} s"] for what, seconds in times.items()]
    bench.table(["figure", "goal", "reached"], rows)
    bench.say("goal with 1,000,000 instances: ready within 2 s after a clean stop (STUDIES=500000 fills so many)")
