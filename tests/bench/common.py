"""What every part of scripts/bench uses: the node and its peers as things that start and stop, raw lines, medians, tables."""
import glob
import os
import re
import resource
import shutil
import signal
import socket
import statistics
import subprocess
import tempfile
import time

AET = "TELEREAD"
HOST = "127.0.0.1"
TICK = os.sysconf("SC_CLK_TCK")


class Trouble(Exception):
    """Said in one sentence, then the run ends."""


def free_port():
    with socket.socket() as s:
        s.bind((HOST, 0))
        return s.getsockname()[1]


def figures(line):
    """The key=value pairs of a raw line; numbers as float."""
    found = {}
    for key, value in re.findall(r"([\w/()]+)=([^\s=]+)", line):
        try:
            found[key] = float(value)
        except ValueError:
            found[key] = value
    return found


def processor_seconds(pids):
    """User and system time of these processes, and of children of theirs that live or were waited for."""
    total = 0
    for stat in glob.glob("/proc/[0-9]*/stat"):
        try:
            with open(stat) as f:
                pid, rest = f.read().split(" (", 1)
        except OSError:
            continue  # it ended in the meantime
        field = rest.rsplit(")", 1)[1].split()
        if int(pid) in pids or int(field[1]) in pids:
            total += sum(int(x) for x in field[11:15])
    return total / TICK


def busy_seconds():
    with open("/proc/stat") as f:
        user, nice, system, _, _, irq, soft = (int(x) for x in f.readline().split()[1:8])
    return (user + nice + system + irq + soft) / TICK


class Cost:
    """Processor time of servers while a load ran, and the cores that neither it nor our own children used."""

    def __init__(self, pids=()):
        self.pids = set(pids)

    def _now(self):
        own = resource.getrusage(resource.RUSAGE_SELF)
        load = resource.getrusage(resource.RUSAGE_CHILDREN)
        mine = own.ru_utime + own.ru_stime + load.ru_utime + load.ru_stime
        return time.monotonic(), busy_seconds(), processor_seconds(self.pids) if self.pids else 0.0, mine

    def __enter__(self):
        self.before = self._now()
        return self

    def __exit__(self, *_):
        self.seconds, busy, self.server, mine = (b - a for a, b in zip(self.before, self._now()))
        self.others = (busy - self.server - mine) / self.seconds


class Bench:
    """Paths, output and the temporary folder of one run."""

    def __init__(self, top, part):
        self.top = top
        self.part = part
        self.shared = os.environ.get("TELEREAD_SHARED") or os.path.join(top, "..", "shared")
        self.tools = os.path.abspath(os.path.join(self.shared, "bench"))
        self.build = os.environ.get("BUILD_DIR") or os.path.join(top, "build")
        self.program = os.environ.get("TELEREAD") or os.path.join(self.build, "teleread")
        self.out = open(os.environ["OUT"], "a") if os.environ.get("OUT") else None
        self.tmp = None

    def __enter__(self):
        if not os.access(os.path.join(self.tools, "bench-store"), os.X_OK):
            raise Trouble(f"{self.tools} is not there: the load generator and the peers' scripts live in the shared "
                          "folder; set TELEREAD_SHARED to it. Nothing was measured")
        if not os.access(self.program, os.X_OK):
            raise Trouble(f"{self.program} is not there: build first (scripts/build), or set BUILD_DIR or TELEREAD")
        signal.signal(signal.SIGTERM, lambda *_: exit(143))
        base = os.environ.get("BENCH_TMP") or tempfile.gettempdir()
        self.tmp = tempfile.mkdtemp(prefix="teleread-bench.", dir=base)
        os.chmod(self.tmp, 0o755)  # a peer's database may run as another user
        self.say(f"# bench {self.part} {time.strftime('%Y-%m-%dT%H:%M:%SZ', time.gmtime())} cores={os.cpu_count()} "
                 f"load={os.getloadavg()[0]:.2f} version={self.version()}")
        return self

    def __exit__(self, *_):
        if self.tmp:
            shutil.rmtree(self.tmp, ignore_errors=True)
        if self.out:
            self.out.close()

    def version(self):
        git = subprocess.run(["git", "-C", self.top, "describe", "--always", "--dirty"], capture_output=True, text=True)
        return git.stdout.strip() or "unknown"

    def say(self, line=""):
        print(line, flush=True)
        if self.out:
            self.out.write(line + "\n")
            self.out.flush()

    def need_disk(self, gigabytes):
        free = shutil.disk_usage(self.tmp).free / 1e9
        if free < gigabytes:
            raise Trouble(f"{gigabytes} GB of free disk are needed in {os.path.dirname(self.tmp)}, {free:.0f} GB are there; "
                          "set BENCH_TMP to another folder")

    def folder(self, name):
        path = tempfile.mkdtemp(prefix=name + ".", dir=self.tmp)
        os.chmod(path, 0o755)
        return path

    def drop(self, path):
        """Removes a server's folder and lets the disk settle, so that the next one does not pay for it."""
        shutil.rmtree(path, ignore_errors=True)
        os.sync()

    def tool(self, name):
        """A program of tests/bench, built by `make bench-tools`."""
        path = os.path.join(self.build, "tests", "bench", name)
        if not os.access(path, os.X_OK):
            subprocess.run(["make", "-s", "-C", self.build, "bench-tools"], check=True)
        return path

    def dcmload(self):
        script = f'. "{self.tools}/build.sh" && echo "$DCMLOAD"'
        return subprocess.run(["bash", "-c", script], check=True, capture_output=True, text=True).stdout.strip()

    def raw(self, command, env=None, prefix=""):
        """Runs a load, says its lines with the prefix and returns them."""
        done = subprocess.run([str(x) for x in command], stdout=subprocess.PIPE, text=True, env={**os.environ, **(env or {})})
        lines = [prefix + line for line in done.stdout.splitlines()]
        for line in lines:
            self.say(line)
        if done.returncode != 0:
            self.say(f"# {os.path.basename(str(command[0]))} ended with status {done.returncode}")
        return lines

    def lines(self, command, given=()):
        """Standard output of a command that must work, which reads the given lines."""
        done = subprocess.run([str(x) for x in command], input="\n".join(given) + "\n", stdout=subprocess.PIPE, text=True)
        if done.returncode != 0:
            raise Trouble(f"{os.path.basename(str(command[0]))} ended with status {done.returncode}")
        return done.stdout.splitlines()

    def limits(self, what):
        """bench-limits, one run: {name: {unit: value}}, and the cores that others used meanwhile."""
        with Cost() as cost:
            done = subprocess.run([os.path.join(self.tools, "bench-limits"), "1", what], capture_output=True, text=True,
                                  env={**os.environ, "BENCH_TMP": self.tmp})
        if done.returncode != 0:
            raise Trouble(f"bench-limits {what} failed: {done.stderr.strip()}")
        found = {}
        for line in done.stdout.splitlines():
            m = re.match(r"(.*?)\s{2,}([\d.]+)\s+(.*?)\s+\(", line)
            if m:
                found.setdefault(m[1], {})[m[3]] = float(m[2])
        return found, cost.others

    def summarize(self, lines):
        """Medians by the shared script that all raw lines are written for."""
        with tempfile.NamedTemporaryFile("w", dir=self.tmp, suffix=".raw") as f:
            f.write("\n".join(lines) + "\n")
            f.flush()
            done = subprocess.run([os.path.join(self.tools, "summarize"), f.name], capture_output=True, text=True, check=True)
        self.say()
        for line in done.stdout.splitlines():
            self.say(line)

    def table(self, head, rows):
        widths = [max(len(str(r[i])) for r in [head] + rows) for i in range(len(head))]
        self.say()
        for r in [head, ["-" * w for w in widths]] + rows:
            self.say("| " + " | ".join(str(c).ljust(w) for c, w in zip(r, widths)) + " |")


class Teleread:
    """The node in a folder of its own, on a free port; a context manager. Its log goes to FOLDER/log."""

    label = "teleread"
    aet = AET

    def __init__(self, bench, folder, config=None):
        self.bench = bench
        self.folder = folder
        self.config = config
        self.data = os.path.join(folder, "data")
        self.process = None

    def start(self):
        """Returns the seconds until the node said that it is ready."""
        command = [self.bench.program, "serve", "--data", self.data, "--aet", AET, "--listen", HOST, "--dicom-port", "0",
                   "--http-port", "0", "--accept-unknown", "BENCH"]
        if self.config:
            command += ["--config", self.config]
        begin = time.monotonic()
        with open(os.path.join(self.folder, "log"), "ab") as log:
            self.process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=log, text=True)
        line = self.process.stdout.readline()
        seconds = time.monotonic() - begin
        found = re.match(r"ready dicom=\S*:(\d+) .*pid=(\d+)", line)
        if not found:
            self.stop()
            with open(os.path.join(self.folder, "log"), errors="replace") as log:
                raise Trouble("the node did not start: " + (log.read().strip().splitlines() or ["it said nothing"])[-1])
        self.port, self.pid = int(found[1]), int(found[2])
        web = re.search(r" http=\S*:(\d+)", line)
        self.web = int(web[1]) if web else None
        return seconds

    def stop(self, how=signal.SIGTERM):
        if self.process is None:
            return
        if self.process.poll() is None:
            self.process.send_signal(how)
        try:
            self.process.wait(timeout=120)
        except subprocess.TimeoutExpired:
            self.bench.say(f"# the node did not stop within 120 s of signal {int(how)}; killed")
            self.process.kill()
            self.process.wait()
        self.process.stdout.close()
        self.process = None

    def pids(self):
        return str(self.pid)

    def __enter__(self):
        self.start()
        return self

    def __exit__(self, *_):
        self.stop()


class Peer:
    """Another server, started and stopped by its script in the shared folder."""

    def __init__(self, bench, label, script, aet, settings, folder):
        self.bench, self.label, self.aet, self.folder = bench, label, aet, folder
        self.script = os.path.join(bench.tools, "peers", script)
        self.env = {**os.environ, **settings}

    def start(self):
        self.port, self.web = free_port(), free_port()
        done = subprocess.run([self.script, "start", self.folder, str(self.port), str(self.web)], env=self.env)
        if done.returncode != 0:
            self.stop()
            raise Trouble(f"{self.label} did not start: see its script {self.script}")

    def stop(self):
        subprocess.run([self.script, "stop", self.folder], env=self.env)

    def pids(self):
        return subprocess.run([self.script, "pid", self.folder], capture_output=True, text=True).stdout.strip()

    def __enter__(self):
        self.start()
        return self

    def __exit__(self, *_):
        self.stop()


def peer_names(bench):
    """The peers wanted and installed; says which of them are missing."""
    has = {"orthanc-sqlite": bool(shutil.which("Orthanc"))}
    has["orthanc-pg"] = (has["orthanc-sqlite"] and bool(glob.glob("/usr/lib/postgresql/*/bin/postgres"))
                         and bool(glob.glob("/usr/share/orthanc/plugins/libOrthancPostgreSQLIndex.so*")))
    names = []
    for name in os.environ.get("PEERS", "orthanc-pg orthanc-sqlite").split():
        if name not in has:
            raise Trouble(f"PEERS: {name} is not known; known are {' '.join(sorted(has))}")
        if has[name]:
            names.append(name)
        else:
            bench.say(f"# {name} is not installed: left out (Debian: orthanc orthanc-dicomweb orthanc-postgresql postgresql)")
    return names


def peer(bench, name, folder, durable):
    """durable: everything that peer can sync is synced before it answers; else nothing is (for filling it quickly)."""
    script = {"orthanc-pg": "orthanc-postgres", "orthanc-sqlite": "orthanc-sqlite"}[name]
    settings = {"SYNC": "1", "PGSYNC": "on"} if durable else {"SYNC": "0", "PGSYNC": "off"}
    return Peer(bench, name, script, "ORTHANC", settings, folder)


class Figures:
    """Rows of figures by label and case; medians over the rounds."""

    def __init__(self):
        self.rows = {}

    def add(self, label, case, row):
        self.rows.setdefault((label, case), []).append(row)

    def values(self, label, case, key):
        return [r[key] for r in self.rows.get((label, case), []) if isinstance(r.get(key), float)]

    def median(self, label, case, key):
        found = self.values(label, case, key)
        return statistics.median(found) if found else None


def ratio(a, b):
    return a / b if a is not None and b else None


def show(value, digits=2):
    return "-" if value is None else f"{value:,.{digits}f}"
