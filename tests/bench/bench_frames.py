"""Frames as viewers fetch them, on the same instances beside the peers in the same rounds: stored, rendered, and coarse first."""
import os
import re
import shutil
import subprocess
import urllib.request

import bench_web
import tiles
from bench_find import seconds_each
from common import HOST, Figures, Teleread, Trouble, figures, peer, peer_names, ratio, show

CASES = {"tiles": ("stored frame of 40 KB, 8 connections", 20), "rendered": ("rendered 512x512 CT, 8 connections", 5)}
SEED = 9
DX = (3000, 2500)


def load(bench, server, case):
    if case == "rendered":
        return bench_web.ask(bench, server, "rendered", 8, 1, SEED, 100)
    env = {"FRAMES_URL": f"/dicom-web/studies/{tiles.STUDY}/series/{tiles.SERIES}/instances/{tiles.INSTANCE}",
           "FRAMES": str(bench_web.FRAMES)}
    return bench_web.cost_of(bench, server, ["wrk", "-t", 1, "-c", 8, "-d", seconds_each() + "s", "--timeout", "30s", "-s",
                                             f"{bench.top}/tests/bench/frames.lua", f"http://{HOST}:{server.web}"], env, f"case={case}")


def fill(bench, server, path):
    bench_web.fill_images(bench, server, 1)
    done = subprocess.run(["dcmsend", HOST, str(server.port), "-aec", server.aet, path], capture_output=True, text=True)
    if done.returncode != 0:
        raise Trouble(f"{server.label} did not take the instance with frames: {done.stderr.strip()}")


def settled(bench, node):
    """Everything in its final form, as after a quiet half hour."""
    subprocess.run([bench.program, "settle", "--now", "--data", node.data], check=True, stdout=subprocess.DEVNULL)


def compare(bench, names, rounds):
    found, servers = Figures(), []
    path = os.path.join(bench.folder("frames"), "tiles.dcm")
    tiles.write(path, bench_web.FRAMES, bench_web.FRAME)
    try:
        for name in names:
            folder = bench.folder(name)
            s = Teleread(bench, folder) if name == "teleread" else peer(bench, name, folder, False)
            s.start()
            servers.append(s)
            fill(bench, s, path)
        settled(bench, servers[0])
        for s in servers:  # from the page cache
            load(bench, s, "tiles")
        for _ in range(rounds):
            for case in CASES:
                for s in servers:
                    found.add(s.label, case, figures(load(bench, s, case)))
    finally:
        for s in servers:
            s.stop()
    rows = []
    for case, (title, goal) in CASES.items():
        rate, cores = found.median("teleread", case, "req/s"), found.median("teleread", case, "srv_cores")
        row = [title, show(rate, 0), show(ratio(rate, cores), 0), show(found.median("teleread", case, "p99ms"))]
        for name in names[1:]:
            theirs = found.median(name, case, "req/s")
            row += [show(theirs, 1), show(ratio(rate, theirs), 1)]
        rows.append(row + [goal])
    head = ["", "teleread req/s", "for each core", "p99 ms"]
    for name in names[1:]:
        head += [f"{name} req/s", "times"]
    bench.table(head + ["goal, times"], rows)
    bench.say("stored frames: goal 10,000/s for each core of the node's, p99 < 10 ms")


def dx(bench, folder):
    """One DX of the size that the goal names, uncompressed: dcmload's picture in a data set of our own."""
    pgm, path = os.path.join(folder, "dx.pgm"), os.path.join(folder, "dx.dcm")
    subprocess.run([bench.dcmload(), "pgm", *(str(x) for x in DX), pgm], check=True)
    with open(pgm, "rb") as f:
        samples = bytearray(f.read()[-2 * DX[0] * DX[1]:])
    samples[0::2], samples[1::2] = samples[1::2], samples[0::2]
    tiles.write_image(path, DX[0], DX[1], bytes(samples))
    return path


def coarse(bench):
    folder = bench.folder("coarse")
    with Teleread(bench, folder) as node:
        if subprocess.run([bench.program, "import", "--data", node.data, "--site", "BENCH", dx(bench, folder)],
                          stdout=subprocess.DEVNULL).returncode != 0:
            raise Trouble("the DX was not taken")
        settled(bench, node)
        url = (f"http://{HOST}:{node.web}/dicom-web/studies/{tiles.ROOT}.4/series/{tiles.ROOT}.5/instances/{tiles.ROOT}.6/frames/1")
        accept = "image/jphc; transfer-syntax=*"
        with urllib.request.urlopen(urllib.request.Request(url, method="HEAD", headers={"Accept": accept})) as answer:
            whole, cuts = int(answer.headers["Content-Length"]), answer.headers.get("Teleread-Resolutions") or ""
    for denominator, n in re.findall(r"(\d+);bytes=(\d+)", cuts):
        bench.say(f"coarse 1/{denominator} of {DX[0]}x{DX[1]}: bytes={n} of={whole} share={100 * int(n) / whole:.2f}%")
    bench.say("goal: 1/8 in at most 5 % of the bytes" if cuts else "# the answer named no cut points")


def run(bench, rounds):
    bench.need_disk(4)
    if not shutil.which("wrk"):
        raise Trouble("wrk is not installed (Debian: wrk)")
    compare(bench, ["teleread"] + peer_names(bench), rounds)
    coarse(bench)
