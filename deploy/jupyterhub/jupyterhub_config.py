"""JupyterHub for a class on one machine; docs/classroom.md says how it is started.

What your room needs otherwise goes to a file of your own, which begins with

    load_subconfig("/opt/twoviews/deploy/jupyterhub/jupyterhub_config.py")

and is given to JupyterHub in place of this one.
"""

import grp
import os
import sys
from pathlib import Path

c = get_config()
HERE = Path(__file__).resolve().parent
# What `cargo xtask image` has made; nobody writes to it.
INSTALLATION = HERE.parents[1]
# A git repository of the lessons, from which each learner's copy is made and corrected.
LESSONS = os.environ.get("TWOVIEWS_LESSONS", "/srv/twoviews/lessons.git")
PROGRAMS = Path(sys.prefix, "bin")
sys.path.insert(0, str(HERE))

# For this machine only, until there is a certificate: passwords would be read in the room.
c.JupyterHub.bind_url = "http://127.0.0.1:8000"

# Who may log in: accounts of this machine in the group `learners`; those in `teachers` see the hub's control panel.
c.JupyterHub.authenticator_class = "pam"
# A group that the machine does not have would make every login fail.
groups = {group.gr_name for group in grp.getgrall()}
c.PAMAuthenticator.allowed_groups = {"learners", "teachers"} & groups
c.PAMAuthenticator.admin_groups = {"teachers"} & groups
# It would fail where there is no systemd-logind.
c.PAMAuthenticator.open_sessions = False

# A hub that is started again finds the learners' servers, and they notice nothing.
c.JupyterHub.cleanup_servers = False
if "CONFIGPROXY_AUTH_TOKEN" in os.environ:
    # The proxy runs on its own, so that connections outlive the hub, too.
    c.JupyterHub.cleanup_proxy = False
    c.ConfigurableHTTPProxy.should_start = False

# With systemd each learner's processes are a unit of it, else a control group made by limits.py.
try:
    import systemdspawner

    with_systemd = Path("/run/systemd/system").is_dir()
except ImportError:
    with_systemd = False
if with_systemd:
    c.JupyterHub.spawner_class = systemdspawner.SystemdSpawner
    c.SystemdSpawner.isolate_tmp = True
    c.SystemdSpawner.disable_user_sudo = True
    # A tensor that is too large is refused, before the system has to end the process.
    c.SystemdSpawner.unit_extra_properties = {"LimitDATA": "2G", "TasksMax": "1000"}
else:
    import limits

    c.JupyterHub.spawner_class = limits.LimitedSpawner

# Of one learner: server, kernels, cells and compilers together.
c.Spawner.mem_limit = "2G"
c.Spawner.cpu_limit = 2
c.Spawner.cmd = [str(HERE / "learner/start.sh"), str(PROGRAMS / "jupyterhub-singleuser")]
c.Spawner.default_url = "/lab/tree/lessons/00_quickstart.ipynb"
# A click starts a server anew only when the hub has noticed that it is gone: it looks every so many seconds.
c.Spawner.poll_interval = 5
# When thirty come at once, the last wait.
c.Spawner.start_timeout = c.Spawner.http_timeout = 180
c.JupyterHub.concurrent_spawn_limit = 100
c.JupyterHub.tornado_settings = {"slow_spawn_timeout": 0}
c.Spawner.environment = {
    "PATH": f"{PROGRAMS}:{os.environ.get('PATH', os.defpath)}",
    "JUPYTER_PATH": os.pathsep.join(filter(None, [f"{INSTALLATION}/share/jupyter", os.environ.get("JUPYTER_PATH")])),
    "JUPYTER_CONFIG_PATH": str(HERE / "learner"),
    "TWOVIEWS_LESSONS": LESSONS,
    # Another user's repository, which git would else refuse to read.
    "GIT_CONFIG_SYSTEM": str(HERE / "learner/gitconfig"),
    # libtorch's threads that wait for one another let others compute: many learners share the processors.
    "OMP_WAIT_POLICY": "passive",
    # Nothing asks the network. Who has CIFAR-10 and weights here puts them into `data` and `hub`.
    "HF_HUB_OFFLINE": "1",
    "CARGO_NET_OFFLINE": "true",
    **{name: str(folder) for name, folder in (("TWOVIEWS_DATA", INSTALLATION / "data"), ("HF_HUB_CACHE", INSTALLATION / "hub"))
       if folder.is_dir()},
}

# A server of which nobody has had a page open for two hours is ended, and its memory free; files stay.
c.JupyterHub.load_roles = [{
    "name": "idle-culler",
    "scopes": ["list:users", "read:users:activity", "read:servers", "delete:servers"],
    "services": ["idle-culler"],
}]
c.JupyterHub.services = [{
    "name": "idle-culler",
    "command": [sys.executable, "-m", "jupyterhub_idle_culler", "--timeout=7200", "--cull-every=300"],
}]
