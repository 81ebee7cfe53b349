"""The node's lossless codecs beside the libraries alone, on the same picture, a core and all cores; decoders of others are the tests' matter."""
import concurrent.futures
import os
import subprocess

from common import Figures, Trouble, figures, ratio, show

SYNTAX = {"HTJ2K": "1.2.840.10008.1.2.4.202", "JPEG 2000": "1.2.840.10008.1.2.4.90", "JPEG-LS": "1.2.840.10008.1.2.4.80",
          "JPEG lossless": "1.2.840.10008.1.2.4.70", "RLE": "1.2.840.10008.1.2.5"}
PEER = {"HTJ2K": "openjph", "JPEG 2000": "openjpeg"}
SIZES = ((512, 512), (3000, 2500))
STORED = 12


def measure(command):
    done = subprocess.run([str(x) for x in command], capture_output=True, text=True)
    if done.returncode != 0:
        raise Trouble(f"{os.path.basename(command[0])} {command[1]}: {done.stderr.strip()}")
    return figures(done.stdout)


def at_once(n, command):
    """n processes at the same time: MB/s of raw samples in all, by their processor time; and the ratio."""
    with concurrent.futures.ThreadPoolExecutor(n) as pool:
        rows = list(pool.map(measure, [command] * n))
    row = {way: sum(r["raw"] / r[way + "_s"] for r in rows) / 1e6 for way in ("encode", "decode")}
    return {**row, "ratio": rows[0]["raw"] / rows[0]["bytes"]}


def one(bench, found, who, codec, command, case):
    for n in (1, os.cpu_count()):
        row = at_once(n, command)
        bench.say(f"{case} {who} codec={codec.replace(' ', '-')} procs={n} encode={row['encode']:.1f} decode={row['decode']:.1f} "
                  f"ratio={row['ratio']:.2f}")
        found.add(who, (case, codec, n), row)


def run(bench, rounds):
    found, seconds = Figures(), os.environ.get("SECONDS") or "1"
    pictures = {}
    for w, h in SIZES:
        pictures[f"{w}x{h}"] = os.path.join(bench.tmp, f"{w}.pgm")
        subprocess.run([bench.dcmload(), "pgm", str(w), str(h), pictures[f"{w}x{h}"]], check=True)
    for _ in range(rounds):
        for case, path in pictures.items():
            for codec, syntax in SYNTAX.items():
                one(bench, found, "teleread", codec, [bench.tool("codecload"), syntax, STORED, path, seconds], case)
                if codec in PEER:
                    one(bench, found, PEER[codec], codec, [bench.tool("codecpeer"), PEER[codec], STORED, path, seconds], case)
    rows = []
    for case in pictures:
        for codec in SYNTAX:
            for n in (1, os.cpu_count()):
                key, row = (case, codec, n), [case, codec, n]
                for way in ("encode", "decode"):
                    ours = found.median("teleread", key, way)
                    theirs = found.median(PEER.get(codec), key, way)
                    row += [show(ours, 0), show(theirs, 0), show(ratio(ours, theirs))]
                rows.append(row + [show(found.median("teleread", key, "ratio")), show(found.median(PEER.get(codec), key, "ratio"))])
    bench.table(["picture", "codec", "processes", "encode MB/s", "library", "times", "decode MB/s", "library", "times", "ratio", "library"], rows)
    bench.say("16 bits allocated, 12 stored; MB of raw samples for a second of processor time. The libraries write no cut points.")
