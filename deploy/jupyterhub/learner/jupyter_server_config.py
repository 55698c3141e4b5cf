"""Settings of each learner's server."""

c = get_config()
# A third of the server's memory, and half of the time that it takes to start: what lessons need none of. nbgrader's
# panels are for classes with grades; docs/classroom.md says how they are switched on.
c.ServerApp.jpserver_extensions = {
    "jupyter_lsp": False,
    "nbgrader.server_extensions.assignment_list": False,
    "nbgrader.server_extensions.course_list": False,
    "nbgrader.server_extensions.formgrader": False,
    "nbgrader.server_extensions.validate_assignment": False,
}
c.LabApp.extension_manager = "readonly"
c.LabApp.check_for_updates_class = "jupyterlab.NeverCheckForUpdate"
c.LabApp.news_url = None
