"""What the node syncs before it answers: system calls in order, by strace, for three images."""
import shutil

from common import HOST, Teleread, Trouble


def run(bench, _rounds):
    if not shutil.which("strace"):
        raise Trouble("strace is not installed (Debian: strace)")
    with Teleread(bench, bench.folder("durability")) as node:
        lines = bench.raw([f"{bench.tools}/bench-durability", node.pid, HOST, node.port, node.aet])
    answers = [i for i, line in enumerate(lines) if "ANSWER" in line]
    bench.say()
    if not answers:
        bench.say("no answer was seen: strace may not be allowed to attach here, or the store was refused")
        return
    before = -1
    for n, at in enumerate(answers):
        synced = [line.split(None, 1)[1] for line in lines[before + 1:at] if "SYNC" in line.split()[0]]
        what = f"image {n}" if n else "association accepted"  # the first thing written there is the A-ASSOCIATE-AC
        bench.say(f"{what}: synced before the answer: {', '.join(synced) or 'nothing'}")
        before = at
