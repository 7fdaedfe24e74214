#!/usr/bin/env python3
"""Get SpinalSAM running on a machine that has nothing but Python 3.10 or newer.

    python3 start.py demo [--headless] [--out DIR]    install, then do the main job on the sample case
    python3 start.py test [pytest arguments]          install the test tools too, then run every test
    python3 start.py test --reliability               the same, then measure the table of docs/RELIABILITY.md (most of an hour)
    python3 start.py [anything else]                  install, then pass the arguments to `spinalsam`

The program and its pinned dependencies (requirements.lock) go into a private environment, `.venv` beside this file; nothing
else on the machine is touched, except that on Debian and its relatives root gets the few system libraries that Qt needs.
Only the standard library is used here, and the syntax stays old enough for an old Python to say what is wrong.
"""

import contextlib
import ctypes
import hashlib
import importlib.util
import os
import shutil
import subprocess
import sys
from pathlib import Path

HERE = Path(__file__).resolve().parent
ENVIRONMENT = HERE / ".venv"
OLDEST_PYTHON = (3, 10)
LOCK = HERE / "requirements.lock"
TEST_LOCK = HERE / "requirements-test.lock"

# What Qt's window plugin opens at run time, and Debian's package for each.
QT_LIBRARIES = {
    "libGL.so.1": "libgl1",
    "libEGL.so.1": "libegl1",
    "libX11-xcb.so.1": "libx11-xcb1",
    "libXrender.so.1": "libxrender1",
    "libdbus-1.so.3": "libdbus-1-3",
    "libfontconfig.so.1": "libfontconfig1",
    "libfreetype.so.6": "libfreetype6",
    "libglib-2.0.so.0": "libglib2.0-0",
    "libxcb-icccm.so.4": "libxcb-icccm4",
    "libxcb-image.so.0": "libxcb-image0",
    "libxcb-keysyms.so.1": "libxcb-keysyms1",
    "libxcb-randr.so.0": "libxcb-randr0",
    "libxcb-render-util.so.0": "libxcb-render-util0",
    "libxcb-shape.so.0": "libxcb-shape0",
    "libxcb-sync.so.1": "libxcb-sync1",
    "libxcb-xfixes.so.0": "libxcb-xfixes0",
    "libxcb-xinerama.so.0": "libxcb-xinerama0",
    "libxcb-xkb.so.1": "libxcb-xkb1",
    "libxkbcommon-x11.so.0": "libxkbcommon-x11-0",
}
# Programs that the window's tests use, and Debian's package for each; those tests are skipped without them.
TEST_PROGRAMS = {"Xvfb": "xvfb", "xauth": "xauth", "xdotool": "xdotool"}
FONTS = "fonts-dejavu-core"
# Two megabytes; of the fonts that the window knows the smallest with Chinese letters.
CHINESE_FONT = "fonts-wqy-microhei"


class Problem(Exception):
    """Something to tell the user in one line."""


def main(arguments):
    command = arguments[0] if arguments else "open"
    testing = command == "test"
    try:
        check_python()
        environment = prepare_environment(testing)
        if testing or needs_window(arguments):
            prepare_system(testing)
        environment.link_checkout()
    except Problem as problem:
        say(str(problem))
        return 1
    except KeyboardInterrupt:
        say("Stopped; run the same command again to go on.")
        return 130
    if testing:
        if "--reliability" in arguments:
            rest = [word for word in arguments[1:] if word != "--reliability"]
            return hand_over([environment.python, "-m", "tests.reliability", *rest], folder=HERE)
        return hand_over([environment.python, "-m", "pytest", *test_arguments(arguments[1:])], folder=HERE)
    return hand_over([environment.python, "-m", "spinalsam", *arguments])


def say(text):
    """A line for the person at the terminal; standard output belongs to the program."""
    print(text, file=sys.stderr, flush=True)


def check_python():
    if sys.version_info < OLDEST_PYTHON:
        wanted = ".".join(map(str, OLDEST_PYTHON))
        raise Problem(
            "SpinalSAM needs Python %s or newer; this is %s. Run it with a newer one: python%s start.py"
            % (wanted, sys.version.split()[0], wanted)
        )
    if sys.maxsize <= 2**32:
        raise Problem("SpinalSAM needs a 64-bit Python; this one has 32 bits. Install the 64-bit build.")


def needs_window(arguments):
    """Whether the command opens a window, so that Qt's libraries are needed."""
    command = arguments[0] if arguments else "open"
    if "-h" in arguments or "--help" in arguments:
        return False
    return command == "open" or (command == "demo" and "--headless" not in arguments and has_display())


def has_display():
    return not sys.platform.startswith("linux") or bool(os.environ.get("DISPLAY") or os.environ.get("WAYLAND_DISPLAY"))


def test_arguments(arguments):
    """Everything is tested unless a test is named; a path is meant as the user sees it."""
    return [str(Path(word).resolve()) if not word.startswith("-") and Path(word).exists() else word for word in arguments]


def hand_over(command, folder=None):
    """Become the program: the same terminal, signals and exit code."""
    if folder:
        os.chdir(folder)
    command = [str(word) for word in command]
    if os.name == "nt":
        return subprocess.call(command)
    sys.stdout.flush()
    os.execv(command[0], command)
    return 0


# The private environment


class Environment:
    """The private environment and what was installed into it.

    A stamp file per lock file holds the hash of what was installed, so that the next start only reads it.
    """

    def __init__(self, folder):
        self.folder = folder
        scripts, name = ("Scripts", "python.exe") if os.name == "nt" else ("bin", "python")
        self.python = folder / scripts / name

    def works(self):
        """Whether its Python still starts: it does not after the machine's own Python was updated or removed."""
        return self.python.exists() and run_quietly([self.python, "-c", "import pip"])

    def stamp(self, lock):
        return self.folder / (".installed-" + lock.stem)

    def has(self, lock):
        stamp = self.stamp(lock)
        return stamp.exists() and self.python.exists() and stamp.read_text() == fingerprint(lock)

    def remember(self, lock):
        temporary = self.stamp(lock).with_suffix(".part")
        temporary.write_text(fingerprint(lock))
        temporary.replace(self.stamp(lock))

    def link_checkout(self):
        """Let the environment's Python import the program from this folder, from wherever it is started."""
        found = sorted((self.folder / "lib").glob("python3*/site-packages")) or [self.folder / "Lib" / "site-packages"]
        link = found[-1] / "spinalsam-checkout.pth"
        line = str(HERE) + "\n"
        if not link.exists() or link.read_text() != line:
            link.write_text(line)


def fingerprint(lock):
    """What an installation of this lock file is good for: the same pins, the same place, the same Python."""
    parts = [lock.read_text(), str(HERE), "%d.%d" % sys.version_info[:2], sys.platform]
    return hashlib.sha256("\n".join(parts).encode()).hexdigest()


def prepare_environment(testing):
    environment = Environment(ENVIRONMENT)
    locks = [LOCK, TEST_LOCK] if testing else [LOCK]
    missing = [lock for lock in locks if not environment.has(lock)]
    if not missing:
        return environment
    if not environment.works() or version_of(environment.python) != sys.version_info[:2]:
        create_environment(environment)
    for lock in missing:
        install(environment, lock)
        environment.remember(lock)
    return environment


def version_of(python):
    code = "import sys; print(*sys.version_info[:2])"
    try:
        return tuple(int(word) for word in subprocess.check_output([str(python), "-c", code]).split())
    except (OSError, ValueError, subprocess.CalledProcessError):
        return None


def create_environment(environment):
    if importlib.util.find_spec("ensurepip") is None or importlib.util.find_spec("venv") is None:
        get_venv()
    say("Making a private environment in %s" % environment.folder)
    shutil.rmtree(str(environment.folder), ignore_errors=True)
    made = subprocess.run([sys.executable, "-m", "venv", str(environment.folder)], stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
    if made.returncode or not environment.python.exists():
        shutil.rmtree(str(environment.folder), ignore_errors=True)
        last = made.stdout.decode(errors="replace").strip().splitlines()[-1:] or ["no reason given"]
        raise Problem("The private environment could not be made in '%s': %s" % (environment.folder, last[0]))


def get_venv():
    """Debian keeps Python's own venv and ensurepip modules in a package of their own."""
    package = "python%d.%d-venv" % sys.version_info[:2]
    if not may_install_packages():
        raise Problem(
            "This Python cannot make private environments (its ensurepip module is missing). On Debian or Ubuntu: "
            "sudo apt-get install %s; elsewhere install a complete Python from python.org." % package
        )
    apt_install([package])
    if not run_quietly([sys.executable, "-c", "import venv, ensurepip"]):
        raise Problem("This Python still lacks its ensurepip module; install the package %s by hand, then run this again." % package)


def install(environment, lock):
    """Install the exact versions of a lock file. Raises Problem with one line that says what went wrong."""
    count = sum(1 for line in lock.read_text().splitlines() if "==" in line)
    say("Installing %s (%d packages; the first time takes several minutes)" % (lock.name, count))
    command = [str(environment.python), "-m", "pip", "install", "--disable-pip-version-check", "--no-input", "-r", str(lock)]
    process = subprocess.Popen(command, cwd=str(HERE), stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
    output = []
    try:
        for raw in process.stdout:
            line = raw.decode(errors="replace").rstrip()
            output.append(line)
            show_progress(line)
    except KeyboardInterrupt:
        process.terminate()
        raise
    finally:
        show_progress(None)
    if process.wait():
        raise Problem(explain_pip(output, lock))


def show_progress(line):
    """One line that changes in place on a terminal; silence in a log."""
    if not sys.stderr.isatty():
        return
    if line is None:
        sys.stderr.write("\r\x1b[K")
    elif line.startswith(("Collecting ", "Downloading ", "  Downloading ", "Installing ", "Building ")):
        width = max(20, shutil.get_terminal_size().columns - 4)
        sys.stderr.write("\r\x1b[K  " + line.strip()[:width])
    sys.stderr.flush()


def explain_pip(output, lock):
    """pip's failure in one line, with what to do."""
    text = "\n".join(output)
    log = HERE / ".venv" / "install.log"
    with contextlib.suppress(OSError):
        log.write_text(text)
    if "No space left on device" in text:
        return "The disk is full: the installation needs about 6 GB (more with GPU support); free some space, then run this again."
    signs = (
        "NewConnectionError",
        "ConnectTimeoutError",
        "Temporary failure in name resolution",
        "Connection refused",
        "Failed to establish a new connection",
        "ProxyError",
        "ReadTimeoutError",
        "Network is unreachable",
        "SSLError",
    )
    if any(sign in text for sign in signs):
        return (
            "The packages of %s could not be downloaded: no package index answers. Connect to the network once "
            "(or set pip's proxy or index), then run this again; after that no network is needed." % lock.name
        )
    errors = [line for line in output if line.startswith("ERROR:")] or output[-1:] or ["no reason given"]
    return "Installing %s failed: %s (all of it is in %s)" % (lock.name, errors[-1].replace("ERROR: ", "", 1), log)


def run_quietly(command):
    try:
        return subprocess.call([str(word) for word in command], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL) == 0
    except OSError:
        return False


# What the operating system must bring


def prepare_system(testing):
    """See that Qt's libraries are there (and a virtual display for the tests): install them, or say what is missing."""
    if not sys.platform.startswith("linux"):
        return
    packages = missing_packages(testing)
    if not packages:
        return
    if may_install_packages():
        try:
            apt_install(packages)
        except Problem as problem:
            say(str(problem))
        packages = missing_packages(testing)
    if packages:
        say(
            "Missing for the window%s: %s. On Debian or Ubuntu: sudo apt-get install %s"
            % (" and its tests" if testing else "", ", ".join(packages), " ".join(packages))
        )


def missing_packages(testing):
    packages = [package for library, package in QT_LIBRARIES.items() if not can_load(library)]
    if testing:
        packages += [package for program, package in TEST_PROGRAMS.items() if shutil.which(program) is None]
    if (testing or speaks_chinese()) and not has_chinese_font():
        packages.append(CHINESE_FONT)
    return packages


def speaks_chinese():
    """Whether the window would be Chinese on this desktop."""
    named = next((os.environ[name] for name in ("LC_ALL", "LC_MESSAGES", "LANG") if os.environ.get(name)), "")
    return named.startswith("zh") or os.environ.get("LANGUAGE", "").startswith("zh")


def has_chinese_font():
    """Whether fontconfig knows a font with Chinese letters. Where it cannot be asked, the window itself says what is missing."""
    try:
        listed = subprocess.run(["fc-list", ":lang=zh-cn", "family"], stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, timeout=60)
    except (OSError, subprocess.TimeoutExpired):
        return any(Path("/usr/share/fonts").glob("**/wqy-microhei.ttc"))
    return bool(listed.stdout.strip())


def can_load(library):
    try:
        ctypes.CDLL(library)
    except OSError:
        return False
    return True


def may_install_packages():
    return hasattr(os, "geteuid") and os.geteuid() == 0 and shutil.which("apt-get") is not None


def apt_install(packages):
    """Install Debian packages as root. Raises Problem when that fails."""
    say("Installing system packages: %s" % " ".join(packages))
    settings = dict(os.environ, DEBIAN_FRONTEND="noninteractive")
    wanted = list(packages) + [FONTS]
    base = ["apt-get", "-qq", "-o", "DPkg::Lock::Timeout=120"]
    steps = [base + ["install", "-y", "--no-install-recommends"] + wanted]
    for attempt in ([], [base + ["update"]]):
        done = [subprocess.run(step, env=settings, stdout=subprocess.PIPE, stderr=subprocess.STDOUT) for step in attempt + steps]
        if done[-1].returncode == 0:
            return
    last = done[-1].stdout.decode(errors="replace").strip().splitlines()[-1:] or ["no reason given"]
    raise Problem("apt-get could not install %s: %s" % (" ".join(packages), last[0]))


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
