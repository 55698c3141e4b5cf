# One container for a learner: JupyterLab, the kernel, libtorch and the lessons, without data. The installation is that of
# `cargo xtask image`, which makes it without a container, too.
#
#   docker build --tag twoviews .
#   docker run --rm --publish 127.0.0.1:8888:8888 twoviews
FROM rust:1.95.0-slim-bookworm AS builder

SHELL ["/bin/bash", "-o", "pipefail", "-c"]
# The versions are those of the Debian release that the image's name has.
# hadolint ignore=DL3008
RUN apt-get update \
    && apt-get install --yes --no-install-recommends g++ python3 python3-venv \
    && rm -rf /var/lib/apt/lists/* \
    && rustup component add rust-src
WORKDIR /src
COPY . .
RUN cargo xtask image /opt/twoviews --hub

FROM debian:bookworm-slim

# What links cells, and the Python that the installation's environment was made with.
# hadolint ignore=DL3008
RUN apt-get update \
    && apt-get install --yes --no-install-recommends ca-certificates g++ python3 tini \
    && rm -rf /var/lib/apt/lists/* \
    && useradd --create-home --uid 1000 --shell /bin/bash learner
COPY --from=builder /opt/twoviews /opt/twoviews
ENV PATH=/opt/twoviews/venv/bin:$PATH \
    LANG=C.UTF-8
USER 1000
WORKDIR /home/learner
EXPOSE 8888
ENTRYPOINT ["tini", "--", "/opt/twoviews/deploy/container/start.sh"]
# JupyterHub puts its own command here.
CMD ["jupyter", "lab", "--ip=0.0.0.0", "--no-browser"]
