"""A class that uses a JupyterHub, or one Jupyter server, over its real interfaces, at human pace."""
