"""Makes the project's own Python environment, with nothing but Python; `scripts/demo` and `scripts/test` begin here.

For the tests it also sees to a browser, where it may.
"""

import hashlib
import os
import shutil
import subprocess
import sys
import venv
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
ENVIRONMENT = ROOT / ".venv"
LOCK = ROOT / "requirements.lock"
BROWSERS = ("chromium", "chromium-browser", "google-chrome", "chrome")


def prepare(extras: str) -> Path:
    """Make `.venv` with the project and these extras, unless it is there already; give its folder of commands."""
    if sys.version_info < (3, 11):  # noqa: UP036 - who starts the script may have an older one
        sys.exit(f"error: Python 3.11 or newer is needed, this is {sys.version.split()[0]}\n"
                 "hint: run this script with a newer one, such as python3.12 scripts/demo")
    binaries = ENVIRONMENT / ("Scripts" if os.name == "nt" else "bin")
    python = binaries / ("python.exe" if os.name == "nt" else "python")
    wanted = hashlib.sha256(b"\n".join([extras.encode(), str(ROOT).encode(), sys.version.encode(), LOCK.read_bytes(),
                                        (ROOT / "pyproject.toml").read_bytes()])).hexdigest()
    stamp = ENVIRONMENT / f"installed-{extras.replace(',', '-')}"
    if python.exists() and stamp.exists() and stamp.read_text(encoding="utf-8") == wanted:
        return binaries
    print(f"making the environment in {ENVIRONMENT} …", flush=True)
    try:
        # An environment that was cut off half-way is made anew; with links, as a copy of the Python that runs this,
        # which it is where the environment is active, cannot be replaced.
        venv.create(ENVIRONMENT, with_pip=True, symlinks=os.name != "nt",
                    clear=not any(ENVIRONMENT.glob("installed-*")))
    except (subprocess.CalledProcessError, OSError) as error:
        sys.exit(f"error: the environment cannot be made: {error}\n"
                 "hint: Python's venv and pip modules are needed (on Debian: apt install python3-venv)")
    command = [str(python), "-m", "pip", "install", "--quiet", "--disable-pip-version-check",
               "--constraint", str(LOCK), "--editable", f"{ROOT}[{extras}]"]
    if subprocess.run(command, check=False).returncode:
        sys.exit("error: the packages could not be installed\nhint: the lines above say why; a network is needed once")
    stamp.write_text(wanted, encoding="utf-8")
    return binaries


def provide_browser() -> None:
    """Install Debian's chromium for the test of the report's page, where there is none and we may."""
    if any(map(shutil.which, BROWSERS)):
        return
    if getattr(os, "geteuid", lambda: -1)() != 0 or shutil.which("apt-get") is None:
        print("no chromium here: the test that opens the report's page in a browser is skipped", flush=True)
        return
    print("installing chromium, which opens the report's page in a test …", flush=True)
    environment = {**os.environ, "DEBIAN_FRONTEND": "noninteractive"}
    for arguments in (["update", "-qq"], ["install", "-y", "-qq", "--no-install-recommends", "chromium"]):
        if subprocess.run(["apt-get", *arguments], env=environment, stdout=subprocess.DEVNULL, check=False).returncode:
            print("chromium could not be installed: that test is skipped", flush=True)
            return
