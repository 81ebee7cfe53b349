"""Settling CT series beside the libraries alone, and what each modality shrinks to beside figures that were published."""
import glob
import json
import os
import re
import shutil
import subprocess
import time

from bench_codec import PEER, STORED, at_once
from common import HOST, Cost, Figures, Teleread, Trouble, figures, ratio, show

FORMS = {"HTJ2K": "htj2k-lossless", "JPEG 2000": "j2k-lossless"}
SEED = 31
LOSSY = ("JPEGBaseline", "JPEGExtended", "JPEGLSLossy", "=JPEG2000\n", "MPEG", "HEVC", "JPEGXL")
# Lossless JPEG-LS over 3,679 images (JPEG 2000 alike): D. A. Clunie, lossless compression of grayscale medical images
PUBLISHED = {"CT": 4.00, "MR": 3.59, "US": 3.4, "CR": 3.64, "DX": 2.43, "MG": 2.62, "NM": 5.98, "IO": 2.66}


def configuration(folder, form):
    """Settles when it is told to, and has nothing else to heed."""
    path = os.path.join(folder, "node.conf")
    with open(path, "w") as f:
        f.write(f"[settle]\nenabled = false\nbusy = 0s\ngrace = 0s\n[settle all]\nform = {form}\n")
    return path


def metrics(node):
    """Names (with labels) to values, as the node leaves them when it ends."""
    with open(os.path.join(node.data, "metrics.prom")) as f:
        lines = f.read().splitlines()
    return {m[1]: float(m[2]) for line in lines if (m := re.match(r"([a-z_]\S*) (\S+)$", line))}


def settle(bench, node):
    """One run over all that waits: its figures, and the processor time of the workers by what it was for."""
    with Cost([node.pid]) as cost:
        begun = time.monotonic()
        done = subprocess.run([bench.program, "settle", "--now", "--json", "--data", node.data], capture_output=True, text=True)
        seconds = time.monotonic() - begun
    if done.returncode != 0:
        raise Trouble(f"settling ended with status {done.returncode}: {done.stderr.strip()}")
    node.stop()
    m = metrics(node)
    return {"seconds": seconds, "cpu": cost.server, "others": cost.others, "encode": m["teleread_settle_encode_seconds_sum"],
            "prove": m["teleread_settle_prove_seconds_sum"], "in": m["teleread_settle_bytes_in_total"],
            "out": m["teleread_settle_bytes_out_total"]}


def ct(bench, form, found):
    folder, images = bench.folder("settle"), int(os.environ.get("IMAGES") or 500)
    with Teleread(bench, folder, configuration(folder, FORMS[form])) as node:
        stored = bench.raw([bench.dcmload(), "store", HOST, node.port, node.aet, "--kind", "ct", "--studies", 4, "--series", 1, "--instances",
                            images // 4, "--seed", SEED, "--assoc", 4, "--label", "settle-fill"])
        if not stored or figures(stored[-1]).get("fail") != 0:
            raise Trouble("not everything was stored")
        row = settle(bench, node)
    bench.drop(folder)
    row["rate"] = row["in"] / row["encode"] / 1e6  # of one core, encoding alone
    row["wall"] = row["in"] / row["seconds"] / 1e6
    row["share"] = (row["encode"] + row["prove"]) / (row["seconds"] * os.cpu_count())
    bench.say(f"settle form={FORMS[form]} images={images} in_MB={row['in'] / 1e6:.0f} out_MB={row['out'] / 1e6:.0f} s={row['seconds']:.2f} "
              f"encode_s={row['encode']:.2f} prove_s={row['prove']:.2f} cpu_s={row['cpu']:.2f} others={row['others']:.2f}")
    found.add("settle", form, {k: float(v) for k, v in row.items()})


def one_of_them(bench):
    """A CT image as dcmload stores them, for the libraries."""
    folder, path = bench.folder("one"), os.path.join(bench.tmp, "ct.pgm")
    subprocess.run([bench.dcmload(), "gen", folder, "ct", "1", "1", "1", str(SEED)], check=True, capture_output=True)
    with open(glob.glob(folder + "/**/*.dcm", recursive=True)[0], "rb") as f:
        samples = bytearray(f.read()[-512 * 512 * 2:])
    samples[0::2], samples[1::2] = samples[1::2], samples[0::2]
    with open(path, "wb") as f:
        f.write(b"P5\n512 512\n65535\n" + samples)
    return path


def speed(bench, rounds):
    found, rows = Figures(), []
    picture = one_of_them(bench)
    syntax = {"HTJ2K": "openjph", "JPEG 2000": "openjpeg"}
    for _ in range(rounds):
        for form in FORMS:
            ct(bench, form, found)
            row = at_once(os.cpu_count(), [bench.tool("codecpeer"), syntax[form], STORED, picture, os.environ.get("SECONDS") or "1"])
            bench.say(f"library={PEER[form]} procs={os.cpu_count()} encode={row['encode']:.1f} ratio={row['ratio']:.2f}")
            found.add("library", form, row)
    for form in FORMS:
        cores = os.cpu_count()
        ours, theirs = found.median("settle", form, "rate"), found.median("library", form, "encode")
        rows.append([form, show(found.median("settle", form, "wall"), 0), show(found.median("settle", form, "share")), show(ours * cores, 0),
                     show(theirs, 0), show(ratio(ours * cores, theirs)), show(found.median("settle", form, "prove")),
                     show(found.median("settle", form, "encode")), show(ratio(found.median("settle", form, "in"), found.median("settle", form, "out")))])
    bench.table(["CT, 512x512x16", "MB/s by the clock, all of it", "of the cores at codecs", "encoding alone, all cores", "library, all cores",
                 "times (goal 0.85)", "proving s", "encoding s", "ratio"], rows)


def native_copies(bench, folder):
    """The corpus' files that came without loss, uncompressed by GDCM, so that there is something to compress."""
    corpus, made = os.path.join(bench.shared, "data", "dicom"), os.path.join(folder, "native")
    os.makedirs(made)
    if not os.path.isdir(corpus) or not shutil.which("gdcmconv"):
        return None
    for n, path in enumerate(sorted(p for p in glob.glob(corpus + "/**/*", recursive=True) if os.path.isfile(p))):
        said = subprocess.run(["dcmdump", "+P", "0002,0010", "+P", "7fe0,0010", "-M", path], capture_output=True, text=True, errors="replace")
        if said.returncode == 0 and "(7fe0,0010)" in said.stdout and not any(x in said.stdout for x in LOSSY):
            subprocess.run(["gdcmconv", "--raw", path, os.path.join(made, f"{n}.dcm")], capture_output=True)
    return made


def generated(bench, folder):
    for seed, (kind, images) in enumerate((("ct", 40), ("mr", 40), ("cr", 4), ("dx", 4), ("us", 2)), 40):
        made = os.path.join(folder, "made", kind)
        os.makedirs(made)
        subprocess.run([bench.dcmload(), "gen", made, kind, "1", "1", str(images), str(seed)], check=True, capture_output=True)
    return os.path.join(folder, "made")


def modalities(bench):
    """What each modality shrinks to: bytes of whole instances."""
    folder, rows = bench.folder("modalities"), []
    for title, path in (("corpus, uncompressed", native_copies(bench, folder)), ("generated", generated(bench, folder))):
        if not path:
            bench.say(f"# {title}: no files, or no gdcmconv: left out")
            continue
        with Teleread(bench, folder, configuration(folder, "htj2k-lossless")) as node:
            subprocess.run([bench.program, "import", "--data", node.data, "--site", "BENCH", path], capture_output=True)
            settle(bench, node)
        status = json.loads(subprocess.run([bench.program, "settle", "status", "--json", "--data", node.data], capture_output=True,
                                           text=True, check=True).stdout)
        for m in sorted(status["modalities"], key=lambda m: -m["received"]):
            rows.append([title, m["modality"], m["series"], m["instances"], show(m["received"] / 1e6), show(m["kept"] / 1e6),
                         show(ratio(m["received"], m["kept"])), show(PUBLISHED.get(m["modality"]))])
        bench.drop(node.data)
    bench.table(["of", "modality", "series", "instances", "received MB", "kept MB", "ratio", "published (JPEG-LS)"], rows)
    bench.say("Whole instances with their data sets; published: D. A. Clunie, 3,679 images, pixels alone.")


def run(bench, rounds):
    bench.need_disk(6)
    speed(bench, rounds)
    modalities(bench)
