# Isaac Sim 4.0.0 with OmniIsaacGymEnvs, and what this package needs beside them, for docker and podman:
#   docker build -f containers/isaacsim.Dockerfile -t sitt-isaacsim:4.0.0 .
# The package itself is not in it: the workflow mounts the clone that it runs from, so that the code is the same inside and outside.
# Licence consent, caches and assets come from the machine's configuration (configs/container.yaml) and are not in it either.
ARG BASE=nvcr.io/nvidia/isaac-sim:4.0.0
FROM ${BASE}

COPY containers/isaacsim.sh containers/isaacsim.lock /opt/sitt/
RUN bash /opt/sitt/isaacsim.sh

ENTRYPOINT ["/isaac-sim/python.sh"]
