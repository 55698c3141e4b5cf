"""publish_lessons.py FOLDER REPOSITORY: makes a folder's lessons the newest ones in the git repository from which learners
get their copies, and says what has changed.

Notebooks are written as JupyterLab saves them: git then merges a correction with what a learner has changed cell by cell.
"""

import subprocess
import sys
import tempfile
from pathlib import Path

import nbformat

TEACHER = ["-c", "user.name=teacher", "-c", "user.email=teacher@localhost"]


def git(folder: Path, *words: str) -> str:
    return subprocess.run(["git", "-C", folder, *TEACHER, *words], check=True, stdout=subprocess.PIPE, text=True).stdout


def publish(folder: Path, repository: Path) -> str:
    notebooks = sorted(folder.glob("*.ipynb"))
    if not notebooks:
        sys.exit(f"{folder} has no notebooks")
    if not repository.exists():
        repository.mkdir(parents=True)
        git(repository, "init", "--quiet", "--bare", "--initial-branch=main")
    with tempfile.TemporaryDirectory() as place:
        copy = Path(place, "lessons")
        subprocess.run(["git", "clone", "--quiet", repository, copy], check=True, stderr=subprocess.DEVNULL)
        git(copy, "rm", "-r", "--quiet", "--ignore-unmatch", ".")
        for path in notebooks:
            nbformat.write(nbformat.read(path, as_version=4), copy / path.name)
        git(copy, "add", "--all")
        changes = git(copy, "status", "--short")
        if changes:
            git(copy, "commit", "--quiet", "--message", "Lessons")
            git(copy, "push", "--quiet", "origin", "HEAD:main")
    return changes or "nothing has changed\n"


if __name__ == "__main__":
    if len(sys.argv) != 3:
        sys.exit(__doc__.strip())
    print(publish(Path(sys.argv[1]), Path(sys.argv[2]).resolve()), end="")
