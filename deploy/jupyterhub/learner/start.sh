#!/bin/sh
# start.sh SERVER ARGUMENTS...: brings the lessons into the learner's folder, then starts the learner's server.
# What a learner has changed stays. Where that fails, as on a full disk, the server starts all the same.
set -u
if [ -n "${TWOVIEWS_LESSONS:-}" ]; then
    timeout 60 gitpuller "$TWOVIEWS_LESSONS" main lessons || echo "the lessons are as they were: see above" >&2
fi
exec "$@"
