#!/usr/bin/env bash
# Installs OmniIsaacGymEnvs and isaacsim.lock into Isaac Sim's image; run by isaacsim.Dockerfile and isaacsim.def, as root.
set -euo pipefail

python=/isaac-sim/python.sh
oige=/opt/OmniIsaacGymEnvs
commit=f8f91bcf73cfd8ede2eab70e19dd70162abf9775

apt-get update
apt-get install -y --no-install-recommends ca-certificates git
rm -rf /var/lib/apt/lists/*

git init --quiet "$oige"
git -C "$oige" fetch --quiet --depth 1 https://github.com/isaac-sim/OmniIsaacGymEnvs "$commit"
git -C "$oige" checkout --quiet "$commit"

# The lock names everything, so nothing else may come along: no other torch than Isaac Sim's own.
"$python" -m pip install --no-cache-dir --no-deps --requirement "$(dirname "$0")/isaacsim.lock"
# Editable: it finds its kit file by a path relative to its clone.
"$python" -m pip install --no-cache-dir --no-deps --editable "$oige"

# Mounted at run time; an image that is read-only must have them.
mkdir -p /isaac-sim/kit/cache /isaac-sim/kit/data /isaac-sim/kit/logs

# Without Isaac Sim's application, which asks for a licence and a GPU.
"$python" -c '
import sys
import gymnasium, hydra, numpy, omegaconf, pyarrow.parquet, pydantic, torch, transformers, yaml
from transformers import Dinov2Model
assert sys.version_info[:2] == (3, 10), sys.version
assert numpy.__version__ == "1.23.5", numpy.__version__
assert tuple(map(int, torch.__version__.split("+")[0].split(".")[:2])) >= (2, 2), torch.__version__
print("torch", torch.__version__, "transformers", transformers.__version__, "pyarrow", pyarrow.__version__)
'
