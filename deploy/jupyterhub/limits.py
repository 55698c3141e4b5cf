"""Limits of memory, processors and processes for learners on a machine without systemd."""

import os
import resource
from collections.abc import Callable
from pathlib import Path

from jupyterhub.spawner import LocalProcessSpawner
from traitlets import Integer, Unicode

# Of the processor's time, in microseconds.
PERIOD = 100_000


class LimitedSpawner(LocalProcessSpawner):
    """Starts a learner's server in a control group of its own, where the system enforces `mem_limit` and `cpu_limit`."""

    group_root = Unicode("/sys/fs/cgroup", config=True, help="Where control groups (of either version) are mounted.")
    process_limit = Integer(1000, config=True, help="Processes and threads of a learner.")

    def settings(self) -> dict[Path, dict[str, int | str]]:
        """The groups that a learner belongs to, with what is written to their files."""
        root, name = Path(self.group_root), Path("twoviews", self.user.name)
        quota = int(self.cpu_limit * PERIOD) if self.cpu_limit else None
        if (root / "cgroup.controllers").exists():
            wanted = {"memory.max": self.mem_limit, "cpu.max": quota and f"{quota} {PERIOD}", "pids.max": self.process_limit}
            groups = {root / name: wanted}
        else:
            groups = {
                root / "memory" / name: {"memory.limit_in_bytes": self.mem_limit},
                root / "cpu" / name: {"cpu.cfs_period_us": quota and PERIOD, "cpu.cfs_quota_us": quota},
                root / "pids" / name: {"pids.max": self.process_limit},
            }
        return {group: {file: value for file, value in wanted.items() if value} for group, wanted in groups.items()}

    def make_groups(self) -> list[Path]:
        groups = self.settings()
        for group, wanted in groups.items():
            group.parent.mkdir(exist_ok=True)
            for parent in (group.parent.parent, group.parent):
                if (parent / "cgroup.subtree_control").exists():
                    (parent / "cgroup.subtree_control").write_text("+memory +cpu +pids", encoding="ascii")
            group.mkdir(exist_ok=True)
            for file, value in wanted.items():
                (group / file).write_text(str(value), encoding="ascii")
        return list(groups)

    def make_preexec_fn(self, name: str) -> Callable[[], None]:
        become_the_learner = super().make_preexec_fn(name)
        try:
            groups = self.make_groups()
        except OSError as error:
            # So it is in most containers: what is left is the limit of each process.
            self.log.warning("%s: no control group (%s): only single processes are limited, not all together", name, error)
            groups = []
        limit = self.mem_limit

        def enter() -> None:
            for group in groups:
                (group / "cgroup.procs").write_text(str(os.getpid()), encoding="ascii")
            if limit:
                # A tensor that is too large is refused, before the system has to end the process.
                resource.setrlimit(resource.RLIMIT_DATA, (limit, limit))
            become_the_learner()
        return enter
