"""DICOMweb beside the peers' in the same rounds: queries, metadata, instances, frames, STOW; and what waiting connections cost."""
import os
import resource
import shutil
import socket
import subprocess

import bench_find
import tiles
from common import HOST, Cost, Figures, Teleread, Trouble, figures, peer, peer_names, ratio, show

QIDO = {"qido-suid": "Study Instance UID", "qido-acc": "accession number", "qido-pid": "Patient ID",
        "qido-date": "one day + modality", "qido-recent": "50 studies, no key", "qido-name": "name prefix",
        "qido-series": "series of a study", "qido-instances": "instances of a series"}
GOAL = {"qido-suid": 20, "qido-acc": 20, "qido-pid": 20, "qido-date": 300, "qido-recent": 300, "metadata": 50, "instance": 3, "frame": 3}
IMAGES = {"metadata": "series metadata, 100 instances", "instance": "instance, 525 KB", "frame": "frame, 524 KB",
          "rendered": "rendered frame, JPEG"}
SEED, PER_SERIES = 9, 100
FRAMES, FRAME = 2000, 40000
STREAM = "loopback TCP, {} stream(s), 128K writes"


def parts():
    return (os.environ.get("WEB") or "qido images frames stow idle").split()


def cost_of(bench, server, command, env, label):
    """Runs one load on one server and says its line with the server's processor time."""
    with Cost(int(p) for p in server.pids().split(",")) as cost:
        done = subprocess.run([str(x) for x in command], stdout=subprocess.PIPE, text=True, env={**os.environ, **env})
    line = done.stdout.strip().splitlines()[-1] if done.stdout.strip() else f"{server.label} {label} RESULT failed"
    n = figures(line).get("n") or 0
    line += (f" srv_cores={cost.server / cost.seconds:.2f} cpu_ms={cost.server / n * 1e3:.3f}" if n else "") + f" others={cost.others:.2f}"
    bench.say(line)
    return line


def ask(bench, server, case, connections, studies, seed, instances):
    env = {"LABEL": server.label, "CASES": case, "SECONDS_EACH": bench_find.seconds_each()}
    command = [f"{bench.tools}/bench-web", f"http://{HOST}:{server.web}/dicom-web", studies, seed, instances, connections]
    return cost_of(bench, server, command, env, f"case={case} conn={connections}")


def compare(bench, found, cases, connections, peers):
    head = ["", "connections", "teleread req/s", "p50 / p99 ms", "CPU ms"]
    for name in peers:
        head += [f"{name} req/s", "times", *(["goal"] if name == "orthanc-pg" else [])]
    rows = []
    for case, title in cases.items():
        for n in connections:
            ours = found.median("teleread", (case, n), "req/s")
            row = [title, n, show(ours, 0), f"{show(found.median('teleread', (case, n), 'p50ms'))} / "
                   f"{show(found.median('teleread', (case, n), 'p99ms'))}", show(found.median("teleread", (case, n), "cpu_ms"), 3)]
            for name in peers:
                theirs = found.median(name, (case, n), "req/s")
                row += [show(theirs, 1), show(ratio(ours, theirs), 1), *([GOAL.get(case, "-")] if name == "orthanc-pg" else [])]
            rows.append(row)
    bench.table(head, rows)


def rounds_of(bench, servers, cases, connections, rounds, studies, seed, instances):
    found = Figures()
    for _ in range(rounds):
        for case in cases:
            for n in connections:
                for s in servers:
                    f = figures(ask(bench, s, case, n, studies, seed, instances))
                    if f.get("non2xx") or f.get("err"):
                        bench.say(f"# {s.label} {case}: {f.get('non2xx', 0):.0f} refusals, {f.get('err', 0):.0f} errors")
                    found.add(s.label, (case, n), f)
    return found


# ---- queries over a filled index

def qido(bench, names, rounds):
    count, servers = bench_find.studies(), []
    folders = {name: bench_find.filled_folder(bench, name, count) for name in names}
    for name in names:
        bench_find.fill(bench, name, folders[name], count)
    try:
        for name in names:
            servers.append(bench_find.started(bench, name, folders[name], count, {}))
        bench_find.warm(folders["teleread"])
        found = rounds_of(bench, servers, QIDO, (1, 8), rounds, count, bench_find.SEED, 2)
    finally:
        for s in servers:
            s.stop()
    compare(bench, found, QIDO, (1, 8), names[1:])


# ---- series of CT images

def fill_images(bench, server, series):
    lines = bench.raw([bench.dcmload(), "store", HOST, server.port, server.aet, "--kind", "ct", "--studies", series, "--series", 1,
                       "--instances", PER_SERIES, "--seed", SEED, "--assoc", 2, "--label", server.label + "-fill"])
    if not lines or figures(lines[-1]).get("fail") != 0:
        raise Trouble(f"{server.label}: not everything was stored")


def images(bench, names, rounds):
    series, servers = int(os.environ.get("SERIES") or 10), []
    try:
        for name in names:
            folder = bench.folder(name)
            s = Teleread(bench, folder) if name == "teleread" else peer(bench, name, folder, False)
            s.start()
            servers.append(s)
            fill_images(bench, s, series)
        for s in servers:  # once, so that every server reads from the page cache
            ask(bench, s, "instance", 8, series, SEED, PER_SERIES)
        limits, _ = bench.limits("tcp")
        found = rounds_of(bench, servers, IMAGES, (1, 8), rounds, series, SEED, PER_SERIES)
    finally:
        for s in servers:
            s.stop()
    compare(bench, found, IMAGES, (1, 8), names[1:])
    tcp = limits[STREAM.format(4)]["MB/s"]
    for case in ("instance", "frame"):
        ours = found.median("teleread", (case, 8), "MB/s")
        bench.say(f"{case} with 8 connections: {show(ours, 0)} MB/s, {show(ratio(ours, tcp))} of loopback TCP in this run "
                  f"({tcp:.0f} MB/s, 4 streams); goal 0.60")


# ---- frames as a slide has them

def frames(bench, names, rounds):
    found = Figures()
    folder = bench.folder("tiles")
    path = os.path.join(folder, "tiles.dcm")
    tiles.write(path, FRAMES, FRAME)
    with Teleread(bench, folder) as node:
        done = subprocess.run([bench.program, "import", "--data", node.data, "--site", "BENCH", path], stdout=subprocess.DEVNULL)
        if done.returncode != 0:
            raise Trouble("the instance with frames was not taken")
        env = {"FRAMES_URL": f"/dicom-web/studies/{tiles.STUDY}/series/{tiles.SERIES}/instances/{tiles.INSTANCE}", "FRAMES": str(FRAMES)}
        for _ in range(rounds + 1):  # the first one reads from the disk
            line = cost_of(bench, node, ["wrk", "-t", 1, "-c", 8, "-d", bench_find.seconds_each() + "s", "--timeout", "30s", "-s",
                                         f"{bench.top}/tests/bench/frames.lua", f"http://{HOST}:{node.web}"], env, "case=tiles")
            found.add("teleread", "tiles", figures(line))
    cores = found.median("teleread", "tiles", "srv_cores")
    rate = found.median("teleread", "tiles", "req/s")
    bench.say(f"frames of {FRAME} bytes, 8 connections: {show(rate, 0)}/s, {show(ratio(rate, cores), 0)}/s for each core of the node's; "
              f"p99 {show(found.median('teleread', 'tiles', 'p99ms'))} ms; goal 10,000/s a core, p99 < 10 ms")


# ---- STOW beside C-STORE

def stow(bench, names, rounds):
    found = Figures()
    for _ in range(rounds):
        for case in ("c-store", "stow"):
            folder = bench.folder(case)
            with Teleread(bench, folder) as node:
                if case == "stow":
                    line = cost_of(bench, node, [bench.tool("stowload"), HOST, node.web, 8, 150, SEED], {}, "case=stow")
                else:
                    line = bench.raw([bench.dcmload(), "store", HOST, node.port, node.aet, "--kind", "ct", "--studies", 8, "--series",
                                      1, "--instances", 150, "--seed", SEED, "--assoc", 8, "--pid", node.pids(), "--label", "c-store"])[-1]
            bench.drop(folder)
            found.add("teleread", case, figures(line))
    ours, own = found.median("teleread", "stow", "inst/s"), found.median("teleread", "c-store", "inst/s")
    bench.say(f"STOW of 525 KB instances, 8 connections: {show(ours, 0)}/s; C-STORE with 8 associations in the same rounds: {show(own, 0)}/s; "
              f"{show(ratio(ours, own))} of it; goal 0.80")


# ---- connections that only wait

def rss(pid):
    with open(f"/proc/{pid}/status") as f:
        return next(int(line.split()[1]) for line in f if line.startswith("VmRSS"))


def idle(bench, names, rounds):
    count = int(os.environ.get("IDLE") or 10000)
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if hard < count + 100:
        bench.say(f"# {count} connections need as many file descriptors, the limit is {hard}: left out")
        return
    resource.setrlimit(resource.RLIMIT_NOFILE, (count + 100, hard))
    folder, held = bench.folder("idle"), []
    with open(os.path.join(folder, "node.conf"), "w") as f:
        f.write(f"[http]\nmax_connections = {count + 100}\nmax_each = 0\n")
    with Teleread(bench, folder, config=f.name) as node:
        before = rss(node.pid)
        for i in range(count):
            s = socket.create_connection((HOST, node.web), source_address=(f"127.0.1.{i % 200 + 1}", 0))
            s.sendall(b"GET /healthz HTTP/1.1\r\nHost: bench\r\n\r\n")
            if not s.recv(4096).startswith(b"HTTP/1.1 200"):
                raise Trouble(f"connection {i} was not answered")
            held.append(s)
        after = rss(node.pid)
        with Cost([node.pid]) as cost:
            done = subprocess.run(["curl", "-s", "-o", "/dev/null", "-w", "%{time_total}", f"http://{HOST}:{node.web}/healthz"],
                                  capture_output=True, text=True)
        bench.say(f"idle teleread connections={count} MB={(after - before) / 1024:.1f} one_more_ms={float(done.stdout) * 1e3:.1f} "
                  f"cpu_ms={cost.server * 1e3:.1f}; goal below 200 MB")
        for s in held:
            s.close()


def run(bench, rounds):
    bench.need_disk(8)
    if not shutil.which("wrk"):
        raise Trouble("wrk is not installed (Debian: wrk)")
    names = ["teleread"] + peer_names(bench)
    for part in parts():
        {"qido": qido, "images": images, "frames": frames, "stow": stow, "idle": idle}[part](bench, names, rounds)
